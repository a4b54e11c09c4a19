"""The folders of the public data sets: who is in a file, what was done to it, and what is said when it is not so."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_trees import face_picture, touch, write_json

from unmask.engines.errors import UnmaskError, UsageError
from unmask.training.data.dfdc import DataError
from unmask.training.prepare.items import SourceItem, item_keys
from unmask.training.prepare.layouts.base import LayoutOptions, Listing
from unmask.training.prepare.layouts.registry import find_layout

FFPP = [
    "original_sequences/youtube/c23/videos/000.mp4",
    "original_sequences/youtube/c23/videos/003.mp4",
    "original_sequences/actors/c23/videos/01__exit_phone_room.mp4",
    "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4",
    "manipulated_sequences/Deepfakes/c23/videos/003_000.mp4",
    "manipulated_sequences/NeuralTextures/c23/videos/000_003.mp4",
    "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__exit_phone_room__YVGY8LOK.mp4",
]
CELEB = [
    "Celeb-real/id0_0000.mp4",
    "Celeb-real/id1_0000.mp4",
    "Celeb-synthesis/id0_id1_0000.mp4",
    "YouTube-real/00170.mp4",
]


def listed(root: Path, options: LayoutOptions | None = None, name: str | None = None) -> tuple[str, Listing]:
    options = options or LayoutOptions()
    found = find_layout(root, name, labelled=options.label is not None)
    return found.layout.name, found.layout.list_items(root, options)


def by_source(listing: Listing) -> dict[str, SourceItem]:
    return {item.source: item for item in listing.items}


def test_faceforensics_pairs_join_two_people_and_name_their_original(tmp_path: Path) -> None:
    name, listing = listed(touch(tmp_path, FFPP))
    assert name == "faceforensics"
    items = by_source(listing)
    assert set(items) == set(FFPP)
    swapped = items["manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"]
    assert (swapped.fake, swapped.manipulation, swapped.people) == (True, "Deepfakes", ("000", "003"))
    assert swapped.original == "original_sequences/youtube/c23/videos/000.mp4"
    acted = items[FFPP[-1]]
    assert (acted.manipulation, acted.people) == ("DeepFakeDetection", ("actor-01", "actor-02"))
    assert acted.original == "original_sequences/actors/c23/videos/01__exit_phone_room.mp4"
    assert not items[FFPP[0]].fake
    assert len(set(item_keys(listing.items).values())) == len(FFPP)


def test_faceforensics_takes_the_official_splits_and_shared_youtube_videos(tmp_path: Path) -> None:
    touch(tmp_path, FFPP)
    for split, pairs in (("train", []), ("val", [["000", "003"]]), ("test", [["001", "002"]])):
        write_json(tmp_path / "splits" / f"{split}.json", pairs)
    write_json(tmp_path / "conversion_dict.json", {"000": "R03Sko97IDE 0", "003": "R03Sko97IDE 1"})
    items = by_source(listed(tmp_path)[1])
    assert {item.official for source, item in items.items() if "__" not in source} == {"val"}
    assert items[FFPP[2]].official is None
    assert items[FFPP[3]].people == ("youtube-R03Sko97IDE", "youtube-R03Sko97IDE")


def test_faceforensics_asks_which_compression(tmp_path: Path) -> None:
    touch(tmp_path, [*FFPP, "original_sequences/youtube/c40/videos/000.mp4"])
    with pytest.raises(UsageError, match="c23, c40: choose one with --compression"):
        listed(tmp_path)
    _, listing = listed(tmp_path, LayoutOptions(compression="c40"))
    assert len(listing.items) == 1
    assert any("Deepfakes has no c40" in note for note in listing.notes)


def test_faceforensics_reads_folders_of_frames(tmp_path: Path) -> None:
    touch(tmp_path, [f"original_sequences/youtube/c23/images/000/{number:04d}.png" for number in range(3)])
    (item,) = listed(tmp_path)[1].items
    assert (item.kind, item.people) == ("frames", ("000",))


def test_faceforensics_skips_a_name_that_tells_nobody(tmp_path: Path) -> None:
    touch(tmp_path, [*FFPP, "original_sequences/youtube/c23/videos/holiday.mp4"])
    _, listing = listed(tmp_path)
    assert [(one.reason, Path(one.source).name) for one in listing.skipped] == [("name", "holiday.mp4")]


def test_celeb_df_reads_people_and_the_test_list(tmp_path: Path) -> None:
    touch(tmp_path, CELEB)
    (tmp_path / "List_of_testing_videos.txt").write_text(
        "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id0_id1_0000.mp4\n"
    )
    name, listing = listed(tmp_path)
    items = by_source(listing)
    assert name == "celeb-df"
    swapped = items["Celeb-synthesis/id0_id1_0000.mp4"]
    assert (swapped.fake, swapped.people, swapped.official) == (True, ("id0", "id1"), "test")
    assert swapped.original == "Celeb-real/id0_0000.mp4"
    assert items["YouTube-real/00170.mp4"].people == ("youtube-00170",)
    assert items["Celeb-real/id1_0000.mp4"].official is None


def test_celeb_df_refuses_a_list_that_contradicts_the_folders(tmp_path: Path) -> None:
    touch(tmp_path, CELEB)
    (tmp_path / "List_of_testing_videos.txt").write_text("1 Celeb-synthesis/id0_id1_0000.mp4\n")
    with pytest.raises(DataError, match="another label than its folder"):
        listed(tmp_path)


@pytest.mark.parametrize("folder", ["dfdc_train_part_0", "dfdc_train_part_00/dfdc_train_part_0", "."])
def test_dfdc_groups_by_original(tmp_path: Path, folder: str) -> None:
    touch(tmp_path / folder, ["owxbbpjpch.mp4", "wynotylpnm.mp4"])
    table = {
        "owxbbpjpch.mp4": {"label": "FAKE", "split": "train", "original": "wynotylpnm.mp4"},
        "wynotylpnm.mp4": {"label": "REAL", "split": "train", "original": None},
        "aaaaaaaaaa.mp4": {"label": "REAL", "split": "train"},
    }
    write_json(tmp_path / folder / "metadata.json", table)
    name, listing = listed(tmp_path)
    fake, real = sorted(listing.items, key=lambda item: item.source)
    assert name == "dfdc"
    assert (fake.fake, real.fake) == (True, False)
    assert fake.people == real.people == ("dfdc-wynotylpnm",)
    assert fake.original == real.source
    assert fake.official is None
    assert [one.reason for one in listing.skipped] == ["missing"]


def test_dfdc_refuses_an_unknown_label(tmp_path: Path) -> None:
    touch(tmp_path, ["a.mp4"])
    write_json(tmp_path / "metadata.json", {"a.mp4": {"label": "PERHAPS"}})
    with pytest.raises(DataError, match="'PERHAPS', not REAL or FAKE"):
        listed(tmp_path)


def test_uadfv_pairs_share_a_person(tmp_path: Path) -> None:
    name, listing = listed(touch(tmp_path, ["real/0000.mp4", "fake/0000_fake.mp4", "fake/odd.mp4"]))
    items = by_source(listing)
    assert name == "uadfv"
    assert items["fake/0000_fake.mp4"].people == items["real/0000.mp4"].people == ("uadfv-0000",)
    assert items["fake/0000_fake.mp4"].original == "real/0000.mp4"
    assert [one.source for one in listing.skipped] == ["fake/odd.mp4"]


def test_plain_folders_at_any_depth(tmp_path: Path) -> None:
    touch(
        tmp_path,
        [
            "train/real/ann/1.jpg",
            "test/Fake/FaceSwap/bob/2.mp4",
            "val/fake/3.png",
            "elsewhere/4.mp4",
            "train/real/.hidden.mp4",
        ],
    )
    name, listing = listed(tmp_path, LayoutOptions(parent_is_person=True))
    assert name == "plain"
    rows = {
        item.source: (item.label, item.kind, item.manipulation, item.people, item.official) for item in listing.items
    }
    assert rows == {
        "train/real/ann/1.jpg": ("real", "image", "", ("ann",), "train"),
        "test/Fake/FaceSwap/bob/2.mp4": ("fake", "video", "FaceSwap", ("bob",), "test"),
        "val/fake/3.png": ("fake", "image", "unknown", (), "val"),
    }
    assert listing.notes == ("1 files lie below neither real nor fake and are left out.",)


def test_a_label_for_all_files_needs_no_folder_names(tmp_path: Path) -> None:
    touch(tmp_path, ["a.mp4", "ann/b.mp4"])
    options = LayoutOptions(label="real", parent_is_person=True)
    assert [(item.label, item.people) for item in listed(tmp_path, options)[1].items] == [
        ("real", ()),
        ("real", ("ann",)),
    ]


def test_a_linked_folder_is_followed_and_a_loop_ends(tmp_path: Path) -> None:
    face_picture(tmp_path / "there" / "a.png", 0)
    (tmp_path / "data" / "real").mkdir(parents=True)
    (tmp_path / "data" / "real" / "linked").symlink_to(tmp_path / "there")
    (tmp_path / "data" / "real" / "loop").symlink_to(tmp_path / "data")
    assert [item.source for item in listed(tmp_path / "data")[1].items] == ["real/linked/a.png"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "none of the layouts"),
        ("celeb-df", "not laid out as celeb-df: it needs Celeb-real/"),
        ("dfdc", "it needs dfdc_train_part_N/"),
        ("nonsense", "no layout 'nonsense'"),
    ],
)
def test_a_wrong_folder_is_told_in_one_sentence(tmp_path: Path, name: str | None, message: str) -> None:
    touch(tmp_path, ["videos/a.mp4"])
    with pytest.raises(UsageError, match=message) as told:
        find_layout(tmp_path, name)
    assert "\n" not in str(told.value)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="is no folder"):
        find_layout(tmp_path / "absent")


def test_keys_that_would_clash_are_told_apart(tmp_path: Path) -> None:
    items = [
        SourceItem(tmp_path, source, "video", False, "plain") for source in ("a/b.mp4", "a-b.mp4", "a/b.avi", "é.mp4")
    ]
    keys = item_keys(items)
    assert len({key.casefold() for key in keys.values()}) == 4
    assert all(key.isascii() and "." not in key and "/" not in key for key in keys.values())
