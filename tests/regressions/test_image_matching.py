"""Label files whose image names differ from the sources' gave an AP of 0.0 without a word, or took the wrong image."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError
from rtmcli.formats.image_matching import ImageMatcher, match_files
from rtmcli.records.frame import Frame

DATA = Path(__file__).parent / "data"


def image(source, **more):
    return Frame(source=source, frame=0, frames=1, **more)


def matcher(*names, ids=None):
    return ImageMatcher(
        {"id": number, "file_name": name}
        for number, name in zip(ids or range(100, 100 + len(names)), names, strict=True)
    )


def found(table, source, **more):
    match = table.find(image(source, **more))
    return None if match is None else match["id"]


def evaluate(capsys, labels, records, *options):
    code = main(["eval", str(labels), str(records), *options])
    out, err = capsys.readouterr()
    return code, json.loads(out) if code == 0 else None, err


def renamed(tmp_path, rename, *, ids=None):
    """The plain labels with other file names (and ids)."""
    data = json.loads((DATA / "labels_plain.json").read_text())
    change = {i["id"]: (ids or {}).get(i["id"], i["id"]) for i in data["images"]}
    for entry in data["images"]:
        entry["file_name"] = rename(entry["file_name"])
        entry["id"] = change[entry["id"]]
    for annotation in data["annotations"]:
        annotation["image_id"] = change[annotation["image_id"]]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("name", ["labels_plain.json", "labels_windows_paths.json"])
def test_records_equal_to_the_labels_have_an_ap_of_one(name, capsys):
    code, figures, err = evaluate(capsys, DATA / name, DATA / "records_of_labels.jsonl")
    assert (code, err) == (0, "")
    assert figures["AP"] == pytest.approx(1)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"C:\\data\\images\\{name}",
        lambda name: f"./images/{name}",
        lambda name: f"https://example.org/set/images/{name}?width=640",
        lambda name: name.replace(".jpg", ".PNG"),
        lambda name: name.upper(),
        lambda name: name.replace(".jpg", "_jpg.rf.3f9c8d7e6a5b4c3d2e1f0a9b8c7d6e5f.jpg"),
        lambda name: name.replace(".jpg", "_jpg.rf.Xy12AbCdEfGh34.jpg"),
        lambda name: f"upload/1/3fa85f64-{name}",
        lambda name: name.replace(".jpg", "-3fa85f64-5717-4562-b3fc-2c963f66afa6.jpg"),
        lambda name: name.replace("_", " "),
        lambda name: name.replace("_", "%5F"),
        lambda name: f"{name}.png",
    ],
    ids=[
        "windows",
        "dot",
        "address",
        "extension",
        "case",
        "roboflow",
        "roboflow2",
        "label-studio",
        "uuid",
        "space",
        "percent",
        "twice",
    ],
)
def test_names_that_tools_changed_match(rename, tmp_path, capsys):
    code, figures, err = evaluate(capsys, renamed(tmp_path, rename), DATA / "records_of_labels.jsonl")
    assert (code, figures["AP"]) == (0, pytest.approx(1))
    exact = rename("frame_01.jpg").replace("\\", "/").endswith("/frame_01.jpg")
    assert err.count("matched 3 images by similar names, such as frame_01.jpg with") == (0 if exact else 1)


def test_a_number_in_a_name_does_not_outweigh_another_name(tmp_path, capsys):
    """ids are not the numbers in the names: image 1 is called b, and 1.png is nowhere in the labels."""
    table = matcher("a_2.jpg", "b_1.jpg", ids=[1, 2])
    assert found(table, "x_1.png") is None
    assert found(table, "x_2.png") is None
    assert found(table, "b_1.png") == 2
    path = renamed(tmp_path, lambda name: name.replace("frame_01", "other"))
    code, _, err = evaluate(capsys, path, DATA / "records_of_labels.jsonl")
    assert code == 0
    assert "left out 1 of 3 records, whose images the labels do not have: frame_01.jpg" in err


def test_a_number_finds_an_image_without_a_name_or_with_that_number():
    table = ImageMatcher([{"id": 7}, {"id": 785, "file_name": "000000000785.jpg"}, {"id": "12"}])
    assert found(table, "crops/785.png") == 785
    assert found(table, "IMG_7.jpg") == 7
    assert found(table, "0012.jpg") == "12"


def test_the_longest_path_that_agrees_decides():
    table = matcher("a/cam1/0.jpg", "a/cam2/0.jpg", "b/cam2/0.jpg")
    assert found(table, "/data/set/a/cam2/0.jpg") == 101
    assert found(table, "b/cam2/0.jpg") == 102
    assert found(table, "x\\cam1\\0.jpg") == 100
    assert found(matcher("cam/0.jpg", "y/cam/0.jpg"), "x/cam/0.jpg") == 100


def test_an_ambiguous_name_is_an_error_that_names_both():
    with pytest.raises(DataError, match=r"0.jpg may be cam1/0.jpg \(id 100\) or cam2/0.jpg \(id 101\)"):
        found(matcher("cam1/0.jpg", "cam2/0.jpg"), "0.jpg")
    with pytest.raises(DataError, match=r"a.png may be a.jpg \(id 100\) or A.bmp \(id 101\)"):
        found(matcher("a.jpg", "A.bmp"), "a.png")


def test_one_name_under_two_ids_is_an_error_that_names_both():
    with pytest.raises(DataError, match=r"has set/a.jpg twice, with the ids 100 and 101"):
        matcher("set\\a.jpg", "set/a.jpg")


def test_one_id_for_two_files_is_an_error_that_names_both():
    with pytest.raises(DataError, match=r"id 5 to two images: a.jpg \(id 5\) and b.jpg \(id 5\)"):
        matcher("a.jpg", "b.jpg", ids=[5, 5])
    table = matcher("a.jpg")
    assert found(table, "x/a.jpg") == 100
    assert found(table, "x/a.jpg") == 100
    with pytest.raises(DataError, match=r"x/a.jpg and y/a.jpg are both a.jpg \(id 100\)"):
        found(table, "y/a.jpg")


def test_two_spellings_of_one_path_are_one_file():
    table = matcher("a.jpg")
    assert [found(table, path) for path in ("x/a.jpg", "./x/a.jpg", "x//a.jpg", "x\\a.jpg")] == [100] * 4


def test_an_image_listed_twice_in_the_same_way_is_one_image():
    assert found(matcher("a.jpg", "a.jpg", ids=[5, 5]), "a.jpg") == 5


def test_a_video_is_a_clip_of_its_own_name_only():
    table = matcher("sidewalk/000001.jpg", "walk/000001.jpg", "run_000001.jpg")

    def frame(source):
        match = table.find(Frame(source=source, frame=1, frames=9))
        return None if match is None else match["id"]

    assert frame("walk.mp4") == 101
    assert frame("v/run.mp4") == 102
    assert frame("side.mp4") is None


def test_letters_with_accents_match_however_they_are_composed():
    assert found(matcher("caf\u00e9/\u00fc.jpg"), "cafe\u0301/u\u0308.jpg") == 100


def test_frames_of_a_video_that_a_host_renamed_are_found():
    table = matcher(
        *(f"walk_mp4-{n:04d}_jpg.rf.3f9c8d7e6a5b4c3d2e1f0a9b8c7d6e{n}f.jpg" for n in (1, 2)), "run_0002.jpg"
    )
    assert table.find(Frame(source="videos/Walk.mp4", frame=2, frames=9))["id"] == 101


def test_of_two_clips_of_one_name_the_one_in_the_videos_folder_is_meant():
    table = matcher("cam1/walk/000001.jpg", "cam2/walk/000001.jpg")
    assert table.find(Frame(source="data/cam2/walk.mp4", frame=1, frames=9))["id"] == 101
    with pytest.raises(DataError, match=r"frame 1 of walk.mp4 may be cam1/walk/000001.jpg"):
        table.find(Frame(source="walk.mp4", frame=1, frames=9))


def test_a_video_is_no_collection_of_numbered_images():
    """Frame 785 of a video is not COCO's image 785."""
    table = matcher("000000000785.jpg", "000000040083.jpg", ids=[785, 40083])
    assert table.find(Frame(source="walk.mp4", frame=785, frames=900)) is None
    assert found(table, "785.png") == 785


def test_frames_written_from_one_on_are_counted_from_one():
    table = matcher(*(f"walk/{number:06d}.jpg" for number in range(1, 5)))
    ids = [table.find(Frame(source="walk.mp4", frame=n, frames=4))["id"] for n in range(4)]
    assert ids == [100, 101, 102, 103]


def test_most_records_without_an_image_are_an_error_that_lists_them(tmp_path, capsys):
    path = renamed(tmp_path, lambda name: name.replace("frame", "picture"))
    for options in ([], ["--unmatched", "stop"]):
        code, _, err = evaluate(capsys, path, DATA / "records_of_labels.jsonl", *options)
        assert code == 3
        assert "3 of 3 records are of images that" in err
        assert "does not have: frame_01.jpg, frame_02.jpg, frame_03.jpg" in err
    path = renamed(tmp_path, lambda name: name.replace("frame_01", "other"))
    assert evaluate(capsys, path, DATA / "records_of_labels.jsonl", "--unmatched", "stop")[0] == 3


def test_files_named_exactly_go_before_files_with_similar_names():
    """A folder that also holds masks: a.png beside a.jpg."""
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    files, notes = match_files(images, ["a.png", "a.jpg", "b.png", "readme.txt"])
    assert files == {1: "a.jpg", 2: "b.png"}
    assert "matched 1 image by similar names, such as b.png with b.jpg" in notes[0]


def test_converted_results_have_the_ids_of_the_labels(tmp_path, capsys):
    path = renamed(tmp_path, lambda name: f"images\\{name}", ids={1: "x1", 2: "x2", 3: "x3"})
    out = tmp_path / "results.json"
    arguments = [str(DATA / "records_of_labels.jsonl"), "--to", "coco", "--labels", str(path), "-o", str(out)]
    assert main(["convert", *arguments]) == 0
    assert [entry["image_id"] for entry in json.loads(out.read_text())] == ["x3", "x1", "x2"]
    assert evaluate(capsys, path, out)[1]["AP"] == pytest.approx(1)


def test_a_few_records_without_an_image_are_left_out_of_converted_results_with_a_note(tmp_path, capsys):
    arguments = [str(DATA / "records_of_labels.jsonl"), "--to", "coco", "-o", str(tmp_path / "r.json")]
    path = renamed(tmp_path, lambda name: name.replace("frame_01", "other"))
    assert main(["convert", *arguments, "--labels", str(path)]) == 0
    assert [entry["image_id"] for entry in json.loads((tmp_path / "r.json").read_text())] == [1, 2]
    err = capsys.readouterr().err
    assert "left out 1 of 3 records are of images" not in err
    assert "1 of 3 records" in err and "frame_01.jpg" in err
    (tmp_path / "r.json").unlink()
    path = renamed(tmp_path, lambda name: name.replace("frame", "picture"))
    assert main(["convert", *arguments, "--labels", str(path)]) == 3
    assert "3 of 3 records are of images that" in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


def test_given_boxes_find_their_images_in_a_folder_whatever_the_separator(tmp_path):
    import cv2

    from rtmcli.cli.given_boxes import given_items
    from rtmcli.zoo.card import Card

    folder = tmp_path / "images"
    folder.mkdir()
    for number in (1, 2, 3):
        cv2.imwrite(str(folder / f"frame_0{number}.jpg"), np.zeros((240, 320 + number, 3), np.uint8))
    card = Card(name="a", family="rtmpose", size="t", task="topdown", width=96, height=128, skeleton="coco17")
    for name in ("labels_plain.json", "labels_windows_paths.json"):
        items = list(given_items(str(DATA / name), str(folder), card))
        assert [item.image.shape[1] for item in items] == [321, 322, 323]
        assert all(len(item.frame.instances) == 1 for item in items)
    for number in (2, 3):
        (folder / f"frame_0{number}.jpg").unlink()
    with pytest.raises(DataError, match=r"2 of the 3 images of .* are not in .*: frame_02.jpg, frame_03.jpg"):
        list(given_items(str(DATA / "labels_plain.json"), str(folder), card))


@pytest.mark.parametrize("name", ["labels_plain.json", "labels_windows_paths.json"])
def test_training_finds_the_images_of_the_labels_whatever_the_separator(name, tmp_path):
    pytest.importorskip("torch")
    import cv2

    from rtmcli.skeletons import load_skeleton
    from rtmcli.training.data.dataset import load_set

    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"frame_0{number}.jpg"), np.zeros((240, 320 + number, 3), np.uint8))
    data = load_set(DATA / name, tmp_path, skeleton=load_skeleton("coco17"))
    assert [data.store.read(entry.name).shape[1] for entry in data.images] == [321, 322, 323]
    assert len(data.people) == 3
    for number in (1, 3):
        (tmp_path / f"frame_0{number}.jpg").unlink()
    with pytest.raises(DataError, match="2 of the 3 images of"):
        load_set(DATA / name, tmp_path, skeleton=load_skeleton("coco17"))
