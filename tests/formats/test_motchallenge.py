"""MOTChallenge text: what is read and written, frame numbers, ids, classes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmcli import DataError, Frame, Instance
from rtmcli.formats.motchallenge import read_motchallenge, write_motchallenge
from tests.helpers.pose_records import clip

TRUTH = """1,3,10,20,30,40,1,1,0.5
1,4,50,20,30,40,0,1,0.1
1,5,90,20,30,40,0,8,1
3,3,14,20,30,40,1,1,1
3,6,14,20,30,40,0,3,1
"""


def test_ground_truth_keeps_people_who_count_and_distractors_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "SEQ-01" / "gt"
    folder.mkdir(parents=True)
    (folder / "gt.txt").write_text(TRUTH)
    (folder.parent / "seqinfo.ini").write_text(
        "[Sequence]\nname=x\nframeRate=10\nseqLength=4\nimWidth=64\nimHeight=48\n"
    )
    for path in (folder / "gt.txt", folder.parent, tmp_path):
        frames = list(read_motchallenge(path))
        assert [(f.source, f.frame, f.time) for f in frames] == [("SEQ-01", n, n / 10) for n in range(4)]
        assert [[(i.id, i.label) for i in f.instances] for f in frames] == [
            [(3, "person"), (5, "distractor")], [], [(3, "person")], [],
        ]  # fmt: skip
        assert (frames[0].width, frames[0].height, frames[0].frames) == (64, 48, 4)
        assert frames[0].instances[0].box == pytest.approx(np.array([10, 20, 40, 60]))
        assert frames[0].instances[0].extra == {"visibility": 0.5}


def test_detections_have_no_id_and_keep_their_score(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("1,-1,1.5,2,3,4,0.25,-1,-1,-1\n")
    (frame,) = read_motchallenge(tmp_path / "det.txt")
    assert (frame.instances[0].id, frame.instances[0].score) == (None, 0.25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,x,4,5,6\n", "line 1: expected frame,id,left"),
        ("0,1,1,1,1,1,1\n", "count from 1"),
        ("1,2\n", "line 1"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_motchallenge(tmp_path / "a.txt"))


def test_a_folder_without_sequences_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected gt\.txt, SEQUENCE/gt/gt\.txt or SEQUENCE\.txt"):
        list(read_motchallenge(tmp_path))


def test_two_sources_do_not_fit_into_one_file(tmp_path: Path) -> None:
    frames = [Frame("a", 0), Frame("b", 0)]
    with pytest.raises(DataError, match="one sequence; got a and b"):
        write_motchallenge(frames, tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()


boxes = st.tuples(*[st.floats(0, 2000, width=32)] * 2, *[st.floats(1, 500, width=32)] * 2)


@given(st.lists(st.lists(st.tuples(boxes, st.floats(0, 1, width=32)), max_size=4), min_size=1, max_size=6))
def test_boxes_ids_and_frame_numbers_come_back(people: list[list[tuple[tuple[float, ...], float]]]) -> None:
    import tempfile

    frames = []
    for number, group in enumerate(people):
        instances = [
            Instance(id=k + 1, box=np.array([x, y, x + w, y + h], np.float32), score=score, label="person")
            for k, ((x, y, w, h), score) in enumerate(group)
        ]
        frames.append(Frame("walk", number, instances=instances))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "walk.txt"
        assert write_motchallenge(frames, path) == len(frames)
        back = {frame.frame: frame for frame in read_motchallenge(path)}
    for frame in frames:
        found = back[frame.frame].instances if frame.frame in back else []
        assert [i.id for i in found] == [i.id for i in frame.instances]
        for a, b in zip(found, frame.instances, strict=True):
            assert a.box is not None and b.box is not None
            assert np.float32(a.score) == np.float32(b.score)
            np.testing.assert_allclose(a.box, b.box, rtol=1e-6, atol=1e-3)


def test_datumaro_imports_boxes_and_ids(tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    frames = clip()
    for name in ("gt", "img1"):
        (tmp_path / name).mkdir()
    write_motchallenge(frames, tmp_path / "gt/gt.txt")
    for frame in frames:
        cv2.imwrite(str(tmp_path / f"img1/{frame.frame + 1:06d}.jpg"), np.zeros((480, 640, 3), np.uint8))
    items = {item.id: item.annotations for item in datumaro.Dataset.import_from(str(tmp_path), "mot_seq")}
    assert sorted(items) == ["1", "2", "3"]
    for frame in frames:
        found = {one.attributes["track_id"]: one.points for one in items[str(frame.frame + 1)]}
        assert sorted(found) == [one.id for one in frame.instances]
        for one in frame.instances:
            np.testing.assert_allclose(found[one.id], one.box, atol=0.02)  # datumaro rounds to 1/100
