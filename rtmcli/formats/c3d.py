"""C3D files (c3d.org) <-> records: the course of one person's markers, as motion capture programs exchange it.

Needs ezc3d, the extra `c3d`. A file has one rate and frames without gaps; a missing marker has the residual -1.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtmcli.errors import DataError
from rtmcli.files import check_output, replacing
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

if TYPE_CHECKING:
    from ezc3d import c3d as Document

# Share of a frame by which times may differ from those of an even rate before a note says that they are lost.
_UNEVEN = 0.01
# The header has 16 bits for the numbers of the first and the last frame.
_MOST = 65535


def write_c3d(
    frames: Iterable[Frame],
    path: str | Path,
    *,
    pixels: bool = False,
    min_score: float = 0.3,
    note: Callable[[str], None] | None = None,
) -> int:
    """Write `<source>_person<id>.c3d` for each person to a folder, or one person to a .c3d file.

    Args:
        pixels, min_score: as for `write_trc`.
        note: called where times are uneven or numbers of frames too large for the format.

    Returns:
        The number of frames read.

    Raises:
        UsageError, DataError: as `write_trc` does, and where there are more than 65535 frames.
        ModuleNotFoundError: ezc3d is not installed (the extra `c3d`).

    Example:
        from rtmcli import read_frames, write_c3d

        write_c3d(read_frames("tracked.jsonl"), "motion/", pixels=True)
    """
    import ezc3d

    check_output(Path(path), ".c3d")
    count, recordings = record_people(frames, pixels=pixels, min_score=min_score)
    for one in {one.source: one for one in recordings}.values():
        if len(one.times) > _MOST:
            raise DataError(
                f"{one.source} has {len(one.times)} frames, and c3d holds {_MOST}; convert parts of it, or write trc"
            )
        if note is not None and not _is_even(one):
            note(f"{one.source}: its times are uneven, and c3d holds their mean rate alone")
        if note is not None and _first_frame(one) == 0 < round(one.times[0] * one.rate):
            note(f"{one.source}: its frames are numbered from 0, because c3d counts up to {_MOST}")
    write_recordings(recordings, path, ".c3d", lambda one, file: _write(ezc3d.c3d(), one, file))
    return count


def read_c3d(
    path: str | Path, *, skeleton: str | None = None, note: Callable[[str], None] | None = None
) -> Iterator[Frame]:
    """The frames of a file, or of the files of a folder, whose names tell sources and people.

    Args:
        skeleton, note: as for `read_trc`.

    Raises DataError where a file is not C3D, or no skeleton has its markers; ModuleNotFoundError where ezc3d is not
    installed.

    Example:
        from rtmcli import read_c3d, read_frames, write_c3d, write_frames

        write_c3d(read_frames("tracked.jsonl"), "motion/", pixels=True)
        write_frames(read_c3d("motion/"), "again.jsonl")
    """
    return recordings_to_frames(
        [_read(file) for file in find_files(path, ".c3d")], skeleton=skeleton, note=note
    )


def _is_even(one: Recording) -> bool:
    expected = one.times[0] + np.arange(len(one.times)) / one.rate
    return bool((np.abs(expected - one.times) * one.rate <= _UNEVEN).all())


def _first_frame(one: Recording) -> int:
    """The number that gives the first row its time; 0 where the last one would exceed the header's 16 bits."""
    first = round(one.times[0] * one.rate)
    return first if first + len(one.times) <= _MOST else 0


def _write(document: "Document", one: Recording, path: Path) -> None:
    points: dict[str, Any] = document["parameters"]["POINT"]
    points["RATE"]["value"] = [one.rate]
    points["UNITS"]["value"] = ["px" if one.in_pixels else "m"]
    points["LABELS"]["value"] = one.markers
    document["header"]["points"]["first_frame"] = _first_frame(one)
    columns = np.ones((4, len(one.markers), len(one.times)))
    columns[:3] = one.points.transpose(2, 1, 0)
    document["data"]["points"] = columns
    with replacing(path) as temporary:
        document.write(str(temporary))


def _read(path: Path) -> Recording:
    import ezc3d

    if not path.is_file():
        raise DataError(f"cannot read {path}: no such file")
    try:
        document = ezc3d.c3d(str(path))
        points = document["parameters"]["POINT"]
        # A float32 in the file: 29.97 and not 29.96999931.
        rate = float(str(np.float32(points["RATE"]["value"][0])))
        unit = (points["UNITS"]["value"] or ["mm"])[0].strip().casefold()
        values: Any = document["data"]["points"]  # (4, M, T)
        first = int(document["header"]["points"]["first_frame"])
    except (OSError, RuntimeError, ValueError, KeyError, IndexError) as error:
        raise DataError(f"{path}: not a C3D file of points: {error}") from None
    markers = tuple(str(label).strip() for label in points["LABELS"]["value"])[: values.shape[1]]
    in_pixels = unit == "px"
    if not markers or not rate > 0 or not (in_pixels or unit in METRES):
        raise DataError(
            f"{path}: expected points with names, a rate and a unit of m, cm, mm or px; got {len(markers)} names, "
            f"rate {rate:g}, unit {unit!r}"
        )
    source, person = person_of(path)
    numbers = [first + row for row in range(values.shape[2])]
    found = values[:3].transpose(2, 1, 0) * (1 if in_pixels else METRES[unit])
    return Recording(
        source, person, in_pixels, numbers, [n / rate for n in numbers], markers, found.astype(np.float32)
    )
