"""The history's file: what is put into it comes out, what is deleted is nowhere in it any more."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from history import JUDGING, add_scan, add_session

from unmask.realtime.history import schema
from unmask.realtime.history.opening import history_file
from unmask.realtime.history.records import Entry, HistoryError, Query, ScanRecord, SessionRecord
from unmask.realtime.history.store import History
from unmask.realtime.types import Verdict


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "history.sqlite"


@pytest.fixture
def history(file):
    with History(file) as opened:
        yield opened


def everything_in(file):
    return b"".join(path.read_bytes() for path in file.parent.iterdir())


def test_a_session_comes_back_as_it_was_put(history):
    number = add_session(history, alarms=2)
    record = history.record(number)
    assert isinstance(record, SessionRecord)
    assert (record.entry.title, record.entry.verdict, record.entry.alarms) == ("camera:0", Verdict.SIGNS, 2)
    assert record.judging == JUDGING
    assert record.coverage == 0.5
    assert record.watched_s == 60.0
    assert [(event.start_s, event.end_s) for event in record.events] == [(10.0, 10.5), (11.0, 11.5)]
    assert not record.broken_off(time.time() + 1e6)


def test_a_scan_comes_back_as_it_was_put(history):
    record = history.record(add_scan(history, verdict=Verdict.CANNOT_JUDGE))
    assert isinstance(record, ScanRecord)
    assert (record.path, record.size, record.changed_at) == ("/videos/call.mp4", 1234, 1_999_995.0)
    assert record.finding["frames_analysed"] == 40
    assert record.entry.why == ", because no face in the picture"


def test_a_session_without_an_end_was_broken_off(history):
    record = history.record(add_session(history, ended=False))
    assert isinstance(record, SessionRecord)
    assert not record.broken_off(record.seen_at + 1)
    assert record.broken_off(record.seen_at + 60)


def test_the_file_is_its_owners_alone(file, history):
    add_session(history)
    modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    assert modes == dict.fromkeys(("history.sqlite", "history.sqlite-wal", "history.sqlite-shm"), 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(file):
    History(file).close()
    file.chmod(0o644)
    History(file).close()
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_lies_in_the_users_data_folder(own_user_folders):
    assert history_file() == own_user_folders / "xdg_data_home" / "unmask" / "history.sqlite"


def test_the_newest_come_first_and_page_by_page(history):
    numbers = [add_scan(history, f"/videos/{number}.mp4", at=1000.0 + number // 2) for number in range(7)]
    found, last = [], None
    while page := history.entries(limit=3, after=last):
        found += page
        last = page[-1]
    assert [entry.entry_id for entry in found] == numbers[::-1], "also those of one second"


def test_search_by_words_date_verdict_and_kind(history):
    session = add_session(history, "window:Zoom Meeting", at=100.0, alarms=1)
    clip = add_scan(history, "/videos/100%_done.mp4", at=200.0)
    dark = add_scan(history, "/videos/Größe.mp4", at=300.0, verdict=Verdict.CANNOT_JUDGE)

    def found(**query):
        return [entry.entry_id for entry in history.entries(Query(**query))]

    assert found(text="zoom signs") == [session]
    assert found(text="größe") == found(text="GRÖSSE") == [dark]
    assert found(text="no face") == [dark], "a cause in words"
    assert found(text="0%_d") == [clip], "what LIKE takes for wildcards is text"
    assert found(text="%") == [clip]
    assert found(since=200.0) == [dark, clip]
    assert found(until=200.0) == [session]
    assert found(verdict=Verdict.NO_SIGNS) == [clip]
    assert found(kind="session") == [session]
    assert found(text="videos", verdict=Verdict.CANNOT_JUDGE, since=250.0) == [dark]
    assert found(text="nothing of the kind") == []
    assert history.count(Query(kind="scan")) == 2


def test_what_is_deleted_is_in_no_byte_of_the_files(file, history):
    kept = add_session(history, "keepthis")
    gone = add_session(history, "secretmeeting", alarms=1)
    (event,) = history.record(gone).events
    history.put_picture(event.event_id, 1.0, 0.9, b"PICTUREBYTES" * 50)
    assert history.pictures(event.event_id)[0][0] == 1.0
    assert b"secretmeeting" in everything_in(file)
    assert b"PICTUREBYTES" in everything_in(file)
    assert history.delete([gone, 999]) == 1
    assert b"secretmeeting" not in everything_in(file)
    assert b"PICTUREBYTES" not in everything_in(file)
    assert [entry.entry_id for entry in history.entries()] == [kept]
    with pytest.raises(HistoryError, match=f"no entry {gone}"):
        history.record(gone)


def test_everything_can_be_deleted_and_numbers_are_not_used_again(file, history):
    last = [add_scan(history, f"/private/{number}.mp4") for number in range(3)][-1]
    assert history.delete_all() == 3
    assert b"/private/" not in everything_in(file)
    assert add_scan(history) > last


def test_what_is_older_than_the_person_wants_goes(history):
    add_scan(history, at=time.time() - 31 * 86_400)
    young = add_scan(history, at=time.time() - 29 * 86_400)
    assert history.delete_older(30) == 1
    assert [entry.entry_id for entry in history.entries()] == [young]


def test_pictures_can_be_deleted_alone(file, history):
    number = add_session(history, alarms=1)
    (event,) = history.record(number).events
    history.put_picture(event.event_id, 1.0, 0.9, b"PICTUREBYTES" * 50)
    assert history.delete_pictures() == 1
    assert b"PICTUREBYTES" not in everything_in(file)
    assert history.record(number).events[0].pictures == 0


def test_nothing_is_written_to_a_session_that_was_deleted(history):
    number = add_session(history)
    record = history.record(number)
    history.delete([number])
    assert history.put_session(record.entry, JUDGING, []) == 0
    history.put_picture(1, 0.0, None, b"x")
    assert history.count() == 0


def test_deleting_beside_a_reader_says_what_is_left_undone(file, history):
    number = add_session(history)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM entries").fetchone()
    history._connection.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(HistoryError, match=r"are deleted, but .* in use by another Unmask"):
        history.delete([number])
    other.close()
    assert history.count() == 0
    history.delete([])
    assert b"camera:0" not in everything_in(file)


def test_an_older_file_is_brought_up_to_date_with_what_is_in_it(file):
    file.parent.mkdir()
    old = sqlite3.connect(file)
    old.executescript(f"{schema.STEPS[0]} PRAGMA user_version = 1;")
    old.execute(
        "INSERT INTO entries (kind, at, title, verdict, detector, judging, words) "
        "VALUES ('session', 1.0, 'camera:0', 'no_signs_found', 'toy', '{\"detector\": \"toy\"}', 'camera:0')"
    )
    old.execute("INSERT INTO sessions VALUES (1, 2.0, 2.0)")
    old.commit()
    old.close()
    with History(file) as history:
        assert history.notice == ""
        (entry,) = history.entries()
        assert history.record(entry.entry_id).judging.detector == "toy"
        add_session(history, alarms=1)
    assert sqlite3.connect(file).execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_a_newer_file_is_refused_and_left_alone(file):
    History(file).close()
    newer = sqlite3.connect(file)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = file.read_bytes()
    with pytest.raises(HistoryError, match=r"newer Unmask.*update Unmask"):
        History(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("garbage", ["text", "middle"])
def test_a_damaged_file_is_set_aside_and_named(file, garbage):
    with History(file) as history:
        for number in range(200):
            add_scan(history, f"/videos/{number}.mp4")
    good = file.read_bytes()
    bad = b"this is no database at all" * 100 if garbage == "text" else good[:8192] + b"\xa5" * 8192 + good[16384:]
    file.write_bytes(bad)
    with History(file) as history:
        assert "was damaged" in history.notice
        assert "kept as history.sqlite.broken" in history.notice
        assert history.count() == 0
        add_scan(history)
    assert (file.parent / "history.sqlite.broken").read_bytes() == bad
    file.write_bytes(b"again no database" * 100)
    with History(file) as history:
        assert "history.sqlite.broken-2" in history.notice


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match=r"cannot be written .*check the permissions"):
        History(tmp_path / "file" / "history.sqlite")


def test_a_full_disk_is_named_and_what_was_there_stays(file):
    with History(file) as history:
        add_session(history)
        pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
        history._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HistoryError, match="the disk is full; make room on it"):
            add_scan(history, "/videos/" + 10_000 * "x")
        assert history.count(Query(kind="session")) == 1


def test_threads_and_processes_write_at_once(file, history):
    program = (
        "import sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from history import add_session; from unmask.realtime.history.store import History\n"
        "h = History(Path(sys.argv[2]))\n"
        "for n in range(40): add_session(h, f'process {n}', alarms=1)\n"
    )
    support = Path(__file__).parents[2] / "support"
    other = subprocess.Popen([sys.executable, "-c", program, str(support), str(file)])
    threads = [
        threading.Thread(target=lambda: [add_session(history, "thread", alarms=1) for _ in range(20)]) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait(30) == 0
    assert history.count(Query(text="process")) == 40
    assert history.count(Query(text="thread")) == 40


def test_two_processes_make_one_file(file):
    program = "import sys; from pathlib import Path\nfrom unmask.realtime.history.store import History\n"
    program += "h = History(Path(sys.argv[1])); print(h.notice, h.count(), sep='|')"
    others = [
        subprocess.Popen([sys.executable, "-c", program, str(file)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [other.communicate(timeout=30)[0].strip() for other in others] == ["|0"] * 3
    assert [path.name for path in file.parent.glob("*broken*")] == []


def test_a_title_that_is_no_unicode_can_be_kept(history):
    path = b"/videos/\xff.mp4".decode("utf-8", "surrogateescape")
    number = add_scan(history, path)
    assert history.record(number).entry.title == "/videos/\\udcff.mp4"
    assert isinstance(history.entries()[0], Entry)
