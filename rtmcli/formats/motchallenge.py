"""MOTChallenge text <-> records: boxes with ids, frames counted from 1 (Milan et al., arXiv 1603.00831, section 5).

A line of results is `frame, id, left, top, width, height, confidence, x, y, z`; one of ground truth is
`frame, id, left, top, width, height, flag, class, visibility`. Keypoints have no place in it.
"""

import configparser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink

# MOT16 and MOT17's classes: people who count, and what a tracker may follow without gain or loss.
PERSON = 1
DISTRACTORS = {2: "person on vehicle", 7: "static person", 8: "distractor", 12: "reflection"}


def read_motchallenge(path: str | Path) -> Iterator[Frame]:
    """The frames of a text file, of a sequence's folder (`gt/gt.txt` or `gt.txt`), or of a folder of either.

    A source is named after its file or its sequence's folder. `seqinfo.ini` beside it gives size, rate and length. Of
    ground truth, people with flag 0 and classes other than people are left out; distractors keep their class as label.

    Raises:
        DataError: no such file, or a line that is not one of the format.

    Example:
        from rtmcli import read_frames, read_motchallenge, write_motchallenge

        write_motchallenge(read_frames("tracked.jsonl"), "walk.txt")
        frames = list(read_motchallenge("walk.txt"))
    """
    for file, name in _files(Path(path)):
        yield from _read_file(file, name)


def write_motchallenge(frames: Iterable[Frame], sink: str | Path | BinaryIO = "-") -> int:
    """Write a line for each box with an id, from one source. Returns the number of frames read.

    Raises:
        DataError: a second source, which the format cannot tell apart from the first.

    Example:
        from rtmcli import read_frames, write_motchallenge

        write_motchallenge(read_frames("tracked.jsonl"), "MOT17-02.txt")
    """
    count, source = 0, None
    with Sink(sink) as out:
        for frame in frames:
            if source is not None and frame.source != source:
                raise DataError(
                    f"MOTChallenge text holds one sequence; got {source} and {frame.source}: convert one at a time"
                )
            source = frame.source
            count += 1
            for instance in frame.instances:
                if instance.id is not None and instance.box is not None:
                    out.write(_line(frame.frame + 1, instance))
    return count


def _line(number: int, instance: Instance) -> bytes:
    x1, y1, x2, y2 = np.asarray(instance.box, np.float32)
    score = np.float32(1 if instance.score is None else instance.score)
    values = ",".join(str(value) for value in (x1, y1, x2 - x1, y2 - y1, score))
    return f"{number},{instance.id},{values},-1,-1,-1\n".encode()


def _files(path: Path) -> list[tuple[Path, str]]:
    """Text files and the names of their sequences."""
    if path.is_file():
        inner = path.parent.parent if path.parent.name == "gt" else path.parent
        return [(path, inner.name if path.name == "gt.txt" and inner.name else path.stem)]
    if not path.exists():
        raise DataError(f"cannot read {path}: no such file or folder")
    for inside in ("gt/gt.txt", "gt.txt"):
        if (path / inside).is_file():
            return [(path / inside, path.name)]
    found = [entry for folder in sorted(path.glob("*/")) for entry in _files_within(folder)]
    found = found or [(file, file.stem) for file in sorted(path.glob("*.txt"))]
    if not found:
        raise DataError(
            f"{path}: no MOTChallenge text here; expected gt.txt, SEQUENCE/gt/gt.txt or SEQUENCE.txt"
        )
    return found


def _files_within(folder: Path) -> list[tuple[Path, str]]:
    for inside in ("gt/gt.txt", "gt.txt"):
        if (folder / inside).is_file():
            return [(folder / inside, folder.name)]
    return []


def _read_file(file: Path, name: str) -> Iterator[Frame]:
    info = _sequence_info(file)
    rows: dict[int, list[Instance]] = {}
    last = info.get("seqlength", 0)
    for line_number, line in enumerate(
        file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
    ):
        if not line.strip():
            continue
        try:
            values = [float(value) for value in line.split(",")]
            if not np.isfinite(values).all():
                raise ValueError
            number, left, top, width, height = int(values[0]), *values[2:6]
        except (ValueError, IndexError):
            raise DataError(
                f"{file}, line {line_number}: expected frame,id,left,top,width,height,..., got {line[:60]!r}"
            ) from None
        if number < 1:
            raise DataError(f"{file}, line {line_number}: frames count from 1; got {number}")
        last = max(last, number)
        instance = _instance(values, left, top, width, height)
        if instance is not None:
            rows.setdefault(number, []).append(instance)
    rate = info.get("framerate")
    for number in range(1, int(last) + 1):
        yield Frame(
            name,
            number - 1,
            frames=int(last),
            time=(number - 1) / rate if rate else None,
            width=int(info["imwidth"]) if "imwidth" in info else None,
            height=int(info["imheight"]) if "imheight" in info else None,
            instances=rows.get(number, []),
        )


def _instance(values: list[float], left: float, top: float, width: float, height: float) -> Instance | None:
    """The box of a line; None for ground truth that does not count."""
    label, score, extra = "person", values[6] if len(values) > 6 else 1.0, dict[str, Any]()
    if len(values) in (8, 9) and values[7] >= 0:  # ground truth: flag, class, visibility
        kind = int(values[7])
        if kind in DISTRACTORS:
            label = DISTRACTORS[kind]
        elif kind != PERSON or score == 0:
            return None
        score = 1.0
        if len(values) == 9:
            extra["visibility"] = values[8]
    box = np.array([left, top, left + width, top + height], np.float32)
    number = int(values[1])
    return Instance(box=box, score=score, id=None if number < 0 else number, label=label, extra=extra)


def _sequence_info(file: Path) -> dict[str, float]:
    """The numbers of `seqinfo.ini`, in the file's folder or the one above."""
    for folder in (file.parent, file.parent.parent):
        ini = folder / "seqinfo.ini"
        if ini.is_file():
            parser = configparser.ConfigParser()
            try:
                parser.read(ini)
                section = parser["Sequence"]
                names = ("framerate", "seqlength", "imwidth", "imheight")
                return {name: float(section[name]) for name in names if name in section}
            except (configparser.Error, KeyError, ValueError) as error:
                raise DataError(f"{ini}: not a seqinfo.ini of MOTChallenge: {error}") from None
    return {}
