"""`unmask watch --metrics`: scraped while it runs, as Prometheus would."""

from __future__ import annotations

import http.client
import json
import socket
import threading

import pytest
from prometheus_text import parse
from toy_package import build_toy_package

from unmask.cli.main import main


@pytest.fixture
def options(tmp_path):
    toy = build_toy_package(tmp_path / "toy", quality={"min_face_px": 20})
    return ["--headless", "--detector", str(toy), "--face-finder", "cascade"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Scraper(threading.Thread):
    """Asks again and again until frames were analysed; keeps that page and what /healthz said then."""

    def __init__(self, port):
        super().__init__()
        self.port, self.page, self.health, self.over = port, "", "", threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            try:
                page = self._get("/metrics")
                if parse(page).get("unmask_frame_age_seconds"):
                    self.page, self.health = page, self._get("/healthz")
                    return
            except OSError:
                pass

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().read().decode("utf-8")


def test_a_live_source_is_scraped_while_it_runs(options, tmp_path, capsys):
    port, log = free_port(), tmp_path / "events.jsonl"
    scraper = Scraper(port)
    scraper.start()
    try:
        limits = ["--metrics", str(port), "--max-seconds", "3", "--jsonl", str(log)]
        assert main(["watch", "synthetic", *options, *limits]) == 0
    finally:
        scraper.over.set()
        scraper.join(10)
    out = capsys.readouterr().out
    assert f"Metrics: http://127.0.0.1:{port}/metrics" in out
    assert "frame age p50" in out
    families = parse(scraper.page)
    assert families["unmask_frames_analysed_total"].value(source="synthetic") >= 1
    assert families["unmask_stage_seconds"].value("_count", source="synthetic", stage="track") >= 1
    assert families["unmask_queue_depth"].value(queue="detection", of="synthetic") in (0, 1)
    assert scraper.health == "synthetic: running\n"
    statuses = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if "status" in line]
    assert statuses[-1]["clocks"]["age"]["p50_ms"] > 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_busy_port_ends_it_before_anything_is_loaded(options, capsys):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        assert main(["watch", "synthetic", *options, "--metrics", str(one.getsockname()[1])]) == 2
    said = capsys.readouterr()
    assert "is in use" in said.err
    assert "Traceback" not in said.err


def test_an_address_that_is_none_is_one_sentence(options, capsys):
    assert main(["watch", "synthetic", *options, "--metrics", "everywhere"]) == 2
    assert "--metrics needs a port" in capsys.readouterr().err
