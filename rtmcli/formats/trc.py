"""TRC files (Motion Analysis' track rows) <-> records: the course of one person's markers.

Five lines of header and a row of tab-separated numbers for each frame, as Pose2Sim and Sports2D write them and OpenSim
reads them (OpenSim's documentation, "Marker (.trc) Files"). A missing marker is NaN: OpenSim 4.6 rejects empty cells at
the end of a row.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from rtmcli.errors import DataError
from rtmcli.files import check_output, write_atomically
from rtmcli.formats.recordings import (
    METRES,
    Recording,
    find_files,
    person_of,
    record_people,
    recordings_to_frames,
    write_recordings,
)
from rtmcli.records.frame import Frame
from rtmcli.terminal.messages import printable

_HEADER = (
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames"
)


def write_trc(
    frames: Iterable[Frame], path: str | Path, *, pixels: bool = False, min_score: float = 0.3
) -> int:
    """Write `<source>_person<id>.trc` for each person to a folder, or one person to a .trc file.

    Args:
        pixels: write the keypoints in the image; else in metres (`to_metres`, `keypoints3d`).
        min_score: a keypoint with a lower score is missing, unless a filter has filled it in.

    Returns:
        The number of frames read.

    Raises:
        UsageError: metres are wanted and the records have none.
        DataError: nobody has an id and keypoints, or the files cannot hold the records.

    Example:
        from rtmcli import read_frames, write_trc

        write_trc(read_frames("tracked.jsonl"), "poses/", pixels=True)
    """
    check_output(Path(path), ".trc")
    count, recordings = record_people(frames, pixels=pixels, min_score=min_score)
    write_recordings(
        recordings,
        path,
        ".trc",
        lambda one, file: write_atomically(file, _content(one, printable(file.name))),
    )
    return count


def read_trc(
    path: str | Path, *, skeleton: str | None = None, note: Callable[[str], None] | None = None
) -> Iterator[Frame]:
    """The frames of a file, or of the files of a folder, whose names tell sources and people.

    Args:
        skeleton: of the keypoints; by default one that has all of the markers.
        note: called with the markers that are left out.

    Raises DataError where a file is not TRC, or no skeleton has its markers.

    Example:
        from rtmcli import read_frames, read_trc, write_trc

        write_trc(read_frames("tracked.jsonl"), "poses/", pixels=True)
        for frame in read_trc("poses/"):
            print(frame.time, [person.id for person in frame.instances])
    """
    return recordings_to_frames(
        [_read(file) for file in find_files(path, ".trc")], skeleton=skeleton, note=note
    )


def _content(one: Recording, name: str) -> bytes:
    rate, rows, count = f"{one.rate:.10g}", len(one.times), len(one.markers)
    unit = "px" if one.in_pixels else "m"
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        _HEADER,
        f"{rate}\t{rate}\t{rows}\t{count}\t{unit}\t{rate}\t{one.frames[0]}\t{rows}",
        "Frame#\tTime\t" + "\t\t\t".join(one.markers) + "\t\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, count + 1)),
    ]
    for number, time, points in zip(one.frames, one.times, one.points, strict=True):
        row = "\t".join([str(number), str(time), *map(str, points.ravel())])
        lines.append(row.replace("nan", "NaN"))
    return ("\n".join(lines) + "\n").encode()


def _read(path: Path) -> Recording:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    if len(lines) < 5 or not lines[0].startswith("PathFileType"):
        raise DataError(
            f"{path}: not a TRC file: it must begin with PathFileType and four more lines of header"
        )
    settings = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    unit = settings.get("Units", "m").strip().casefold()
    source, person = person_of(path)
    # Sports2D writes m for pixels too; its names tell.
    in_pixels = unit == "px" or "_px" in path.stem
    if not in_pixels and unit not in METRES:
        raise DataError(f"{path}: the unit must be one of m, cm, mm, px; got {unit!r}")
    markers = tuple(name.strip() for name in lines[3].split("\t")[2::3] if name.strip())
    rows = [
        _row(text, number, len(markers), path) for number, text in enumerate(lines[5:], 6) if text.strip()
    ]
    table = np.array(rows, np.float64).reshape(len(rows), 2 + 3 * len(markers))
    points = table[:, 2:].reshape(len(rows), len(markers), 3) * (1 if in_pixels else METRES[unit])
    points[np.isnan(points).any(axis=-1)] = np.nan
    return Recording(
        source, person, in_pixels, [int(number) for number in table[:, 0]], table[:, 1].tolist(), markers,
        points.astype(np.float32),
    )  # fmt: skip


def _row(text: str, number: int, markers: int, path: Path) -> list[float]:
    """Frame, time and the coordinates of a row; an empty cell is NaN, and cells may be left out at the end."""
    size = 2 + 3 * markers
    try:
        cells = [float(cell) if cell.strip() else np.nan for cell in text.split("\t")]
    except ValueError:
        cells = []
    if (
        len(cells) < 2
        or not np.isfinite(cells[:2]).all()
        or len([c for c in cells[size:] if not np.isnan(c)])
    ):
        raise DataError(
            f"{path}, line {number}: expected a frame, a time and {3 * markers} numbers, got {text[:60]!r}"
        )
    return (cells + [np.nan] * size)[:size]
