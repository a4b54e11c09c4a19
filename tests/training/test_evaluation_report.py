"""The report: complete, readable by programs, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from unmask.engines.errors import UsageError
from unmask.training.evaluation.cells import shown, table
from unmask.training.evaluation.markdown import markdown
from unmask.training.evaluation.measures import MEASURES, Estimate, Table
from unmask.training.evaluation.passes import CLEAN, Scores, Watched
from unmask.training.evaluation.people import people_of
from unmask.training.evaluation.recordings import recording_row
from unmask.training.evaluation.report import Report, Run, as_json, check_folder, write_folder, write_numbers
from unmask.training.evaluation.result import Result, Settings, repeats, result_of
from unmask.training.evaluation.samples import MediaItem
from unmask.training.evaluation.timing import Speed
from unmask.training.evaluation.windows import WindowScores, window_result
from unmask.training.lines import LINES
from unmask.training.prepare.items import SourceItem


def scores(spread: float, abstained: int = 3) -> Scores:
    rng = np.random.default_rng(0)
    fake = np.arange(60) % 2 == 0
    score = np.clip(0.35 + 0.3 * fake + rng.normal(0, spread, 60), 0, 1)
    score[:abstained] = np.nan
    made = Table.of(fake, score, np.arange(60) // 2)
    methods = tuple("swap" if is_fake else "" for is_fake in fake)
    return Scores(made, made, methods, {"blurred": abstained}, {"blurred": abstained})


@pytest.fixture(scope="module")
def result() -> Result:
    robust = {CLEAN: scores(0.1), "JPEG 30": scores(0.4)}
    settings = Settings(0.5, 1.0, rounds=50, thresholds=((1.0, 0.5), (0.1, 0.6)))
    one = WindowScores(scores(0.3).frames, scores(0.1).frames, {})
    windows = window_result({CLEAN: one, "360p": one}, LINES, 16, 0.5, rounds=50)
    item = MediaItem(SourceItem(Path("r"), "r", "video", False, "plain"), "r")
    quiet = recording_row("360p", "scaled down", [(item, Watched(0.2, (), (0.1, 0.2), 2, 60.0))], 0.5, rounds=5)
    found = result_of("made", "stored crops", "val", scores(0.1), robust, settings, windows=windows, recordings=[quiet])
    return dataclasses.replace(found, people=people_of(of_few_people(), 0.5))


def of_few_people() -> Table:
    made = scores(0.3).frames
    return Table.of(made.fake, made.score, np.arange(60) % 3)


@pytest.fixture(scope="module")
def report(result: Result) -> Report:
    facts = {"name": "toy", "version": "1.0.0", "threshold": 0.5}
    run = Run(facts, [result, result], Speed(200.0, 5.0, 6.0, 4.5, 0.1, 100))
    repeated = {"made": repeats({"1: a": result.videos, "2: b": result.videos})}
    return Report("unmask train evaluate toy made", {"seed": 0}, [run, run], repeated, {"numpy": "2"})


def test_the_json_has_every_number_with_n_groups_and_interval(report: Report) -> None:
    plain = json.loads(json.dumps(as_json(report), allow_nan=False))
    assert plain["version"] == 1
    (data, _) = plain["runs"][0]["data"]
    for level in ("per_video", "per_frame"):
        assert set(data[level]) == {measure.name for measure in MEASURES} == set(plain["measures"])
        for estimate in data[level].values():
            assert set(estimate) == {"value", "low", "high", "n", "groups"}
        # Of thirty people, both rows of one abstained.
        assert (data[level]["coverage"]["n"], data[level]["coverage"]["groups"]) == (60, 30)
        assert (data[level]["brier"]["n"], data[level]["brier"]["groups"]) == (57, 29)
    assert data["not_judged_videos"] == {"blurred": 3}
    assert [row["name"] for row in data["robustness"]] == ["none", "JPEG 30"]
    assert data["robustness"][0]["auroc_lost"] is None
    assert data["robustness"][1]["auroc_lost"]["value"] > 0
    assert set(data["manipulations"]) == {"swap"}
    assert [point["alarms_per_hour"] for point in data["operating_points"]] == [1.0, 0.1]
    assert data["people"]["ranked"] == 3
    assert [row["name"] for row in data["windows"]["rows"]] == ["none", "360p"]
    assert data["windows"]["rows"][0]["own"]["ece"]["value"] is not None
    assert data["recordings"][0]["genuine"]["highest"] == 0.2
    assert plain["repeated"]["made"]["auroc"]["best_run"] == "1: a"


def test_the_markdown_names_every_measure_and_the_command(report: Report) -> None:
    text = markdown(report, ["roc-made.png"])
    for words in [measure.title for measure in MEASURES] + [
        "    unmask train evaluate toy made\n",
        "never proof",
        "Videos that could not be judged, by the first cause: blurred 3.",
        "30 groups",
        "### Operating points",
        "| 0.1 | 0.6000 |",
        "### Per manipulation",
        "### Per group (person or source video), n = 3",
        "### Single frames against windows of 16",
        "times 1 and + 0 would be as the package says",
        "### Recordings after a line",
        "0 in 1.0 min",
        "| JPEG 30 |",
        "## Across data sets",
        "## 2 runs on made",
        "picked on this data",
        "## Speed of toy 1.0.0",
        "](roc-made.png)",
    ]:
        assert words in text
    for forbidden in ("nan", "None", "authentic"):
        assert forbidden not in text


def test_tables_are_rectangular(report: Report) -> None:
    width = 0
    for line in markdown(report).splitlines():
        if line.startswith("|"):
            cells = line.replace("\\|", "").count("|")
            assert width in (0, cells), line
            width = cells
        else:
            width = 0


def test_numbers_that_do_not_exist_are_dashes() -> None:
    assert shown(None) == shown(Estimate(None, None, None, 3, 1)) == "-"
    assert shown(Estimate(0.5, None, None, 3, 1)) == "0.500 (no interval)"
    assert shown(Estimate(12.25, 3.0, 14.0, 3, 3), 1) == "12.2 [3.0, 14.0]"
    assert "a\\|b" in table(("x",), [("a|b",)])


def test_scores_are_kept_for_whoever_wants_them(report: Report, tmp_path: Path) -> None:
    write_numbers(tmp_path, report, "text")
    lines = (tmp_path / "scores-1-made.csv").read_text().splitlines()
    assert len(lines) == 61
    assert lines[1] == "1,0,", "an abstention has no score"
    assert 0 <= float(lines[-1].split(",")[2]) <= 1


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "report"
    write_folder(out, lambda folder: (folder / "evaluation.json").write_text("old") and None)

    def fail(folder: Path) -> None:
        (folder / "evaluation.json").write_text("new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(out, fail)
    assert (out / "evaluation.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    write_folder(out, lambda folder: (folder / "evaluation.json").write_text("newer") and None)
    assert (out / "evaluation.json").read_text() == "newer"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    (tmp_path / "file").write_bytes(b"")
    for name, words in (("photos", "other things"), ("file", "is a file"), ("a/b", "does not exist")):
        with pytest.raises(UsageError, match=words):
            check_folder(tmp_path / name)


def test_plots_are_pictures(result: Result, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib (extra 'train'), which is absent")
    import cv2

    from unmask.training.evaluation.plots import draw_all

    names = draw_all(tmp_path, [result], 0.5)
    assert sorted(names) == sorted(
        f"{kind}-made.png" for kind in ("roc", "det", "reliability", "histogram", "robustness")
    )
    for name in names:
        picture = cv2.imread(str(tmp_path / name))
        assert picture is not None
        assert picture.std() > 5
    first = (tmp_path / "roc-made.png").read_bytes()
    draw_all(tmp_path, [result], 0.5)
    assert (tmp_path / "roc-made.png").read_bytes() == first


def test_one_class_alone_gets_its_histogram(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib (extra 'train'), which is absent")
    from unmask.training.evaluation.plots import draw_all

    made = Table.of([0, 0, 0], [0.1, 0.2, None], ["a", "b", "c"])
    genuine = Scores(made, made, ("", "", ""), {}, {})
    found = result_of("quiet", "stored crops", "val", genuine, {}, Settings(0.5, 1.0, rounds=10))
    assert draw_all(tmp_path, [found], 0.5) == ["histogram-quiet.png"]


def test_without_matplotlib_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from unmask.training.evaluation import plots

    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(plots.PlotsUnavailable, match="--no-plots"):
        plots.check_plots()
