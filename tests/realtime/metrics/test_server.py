"""The metrics server, over real sockets on the loopback address."""

from __future__ import annotations

import http.client
import socket
import threading
import time

import pytest

from unmask.engines.errors import UsageError
from unmask.realtime.metrics import server as server_module
from unmask.realtime.metrics.prometheus import CONTENT_TYPE
from unmask.realtime.metrics.server import MetricsServer, parse_address


@pytest.fixture
def serving():
    with MetricsServer("0", lambda: "# page é\n", lambda: (True, "ok\n")) as server:
        yield server


def port_of(server):
    return int(server.url.split(":")[-1].split("/")[0])


def ask(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8"), dict(answer.getheaders())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("localhost:80", ("localhost", 80)),
        ("0.0.0.0:9464", ("0.0.0.0", 9464)),
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_addresses(text, place):
    assert parse_address(text) == place


@pytest.mark.parametrize("text", ["", ":9464", "host", "host:", "1:2:3", "65536", "-1", "host:٣", "[]:80", "9464/x"])
def test_an_address_that_is_none_is_one_sentence(text):
    with pytest.raises(UsageError, match="--metrics needs a port"):
        parse_address(text)


def test_the_page_and_its_type(serving):
    status, text, headers = ask(serving, "/metrics?x=1")
    assert (status, text) == (200, "# page é\n")
    assert headers["Content-Type"] == CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["Content-Length"] == str(len(text.encode()))
    assert headers["Server"].strip() == "unmask"


def test_health_and_what_is_not_there(serving):
    assert ask(serving, "/healthz")[:2] == (200, "ok\n")
    for path in ("/", "/metrics/", "/../etc/passwd", "/favicon.ico"):
        assert ask(serving, path)[0] == 404
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        status, _, headers = ask(serving, "/metrics", method)
        assert (status, headers["Allow"]) == (405, "GET")


def test_bad_health_is_503():
    with MetricsServer("0", lambda: "", lambda: (False, "camera:0: stalled\n")) as server:
        assert ask(server, "/healthz")[:2] == (503, "camera:0: stalled\n")


def test_a_name_that_a_browser_was_lied_to_about_is_refused(serving):
    assert ask(serving, "/metrics", Host="evil.example:80")[0] == 403
    assert ask(serving, "/metrics", Host="localhost:1")[0] == 200
    assert ask(serving, "/metrics", Host="[::1]:1")[0] == 200


def test_a_failing_page_is_a_500_without_a_traceback(capfd):
    def fail():
        raise KeyError("secret")

    with MetricsServer("0", fail, lambda: (True, "ok")) as server:
        status, text, _ = ask(server, "/metrics")
    assert status == 500
    assert "KeyError" in text
    assert "secret" not in text
    assert capfd.readouterr() == ("", "")


def test_a_busy_port_is_one_sentence(serving):
    with pytest.raises(UsageError, match="is in use"):
        MetricsServer(str(port_of(serving)), lambda: "", lambda: (True, ""))


@pytest.mark.parametrize("address", ["203.0.113.7:0", "no-such-host.invalid:0"])
def test_an_address_of_another_machine_is_one_sentence(address):
    with pytest.raises(UsageError, match="leave it out"):
        MetricsServer(address, lambda: "", lambda: (True, ""))


def test_the_port_is_free_again_at_the_end():
    first = MetricsServer("0", lambda: "", lambda: (True, ""))
    port = port_of(first)
    first.close()
    with MetricsServer(str(port), lambda: "again", lambda: (True, "")) as second:
        assert ask(second, "/metrics")[1] == "again"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_slow_clients_are_few_and_do_not_last(monkeypatch):
    monkeypatch.setattr(server_module, "_LONGEST_S", 0.3)
    with MetricsServer("0", lambda: "page", lambda: (True, "")) as server:
        address = ("127.0.0.1", port_of(server))
        slow = [socket.create_connection(address, timeout=10) for _ in range(4)]
        for one in slow:
            one.sendall(b"GET /metr")
        extra = socket.create_connection(address, timeout=10)
        assert extra.recv(10) == b"", "a fifth is turned away"
        busy = [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]
        assert len(busy) <= 4
        for one in slow:
            assert b"GET" not in one.recv(100), "and the four are cut off"
            one.close()
        extra.close()
        # A client sees its connection close a moment before its seat is free.
        ended = time.monotonic() + 5
        while [thread for thread in threading.enumerate() if thread in busy] and time.monotonic() < ended:
            time.sleep(0.01)
        assert ask(server, "/metrics")[0] == 200


def test_an_endless_request_line_is_refused(serving):
    with socket.create_connection(("127.0.0.1", port_of(serving)), timeout=10) as one:
        one.sendall(b"GET /" + b"x" * 70_000)
        assert b" 414 " in one.recv(100)
