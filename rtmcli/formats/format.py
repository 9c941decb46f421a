"""What the table of formats says of each file format."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from rtmcli.records.frame import Frame

# The extension of a folder.
FOLDER = "/"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What readers and writers take beside the file.

    Attributes:
        labels: label file that gives images their ids.
        skeleton: to read: of the keypoints, whatever the file says. To write: that the keypoints were translated to.
        pixels: to write: the coordinates of a format in metres are pixels of the image.
        min_score: to write: a keypoint with a lower score is missing in a format without scores.
        note: called with what must be known about the file.
    """

    labels: str | None = None
    skeleton: str | None = None
    pixels: bool = False
    min_score: float = 0.3
    note: Callable[[str], None] = field(default=lambda text: None)


Reader = Callable[[str, Conversion], Iterator[Frame]]
Writer = Callable[[Iterable[Frame], str, Conversion], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One file format.

    Attributes:
        name: as `--from` and `--to` take it.
        content: what it holds, for the documentation.
        omits: what of a record it cannot hold, by the names of `losses.LOSSES`; a note says so where records have it.
        limits: what else it cannot hold, for the documentation.
        read, write: None where rtm does not.
        extensions: of its files; "/" is a folder that says nothing else.
        usual_extension: of its files where `--to` must name it, since another format has the extension.
        folder: whether it is a folder and not a file.
        streams: whether it can be read from standard input and written to standard output.
        keypoints: whether it holds keypoints; else boxes alone.
        extra: of rtmcli that it needs; empty where it needs none.
    """

    name: str
    content: str
    omits: tuple[str, ...]
    read: Reader | None
    write: Writer | None
    extensions: tuple[str, ...]
    streams: bool = True
    folder: bool = False
    keypoints: bool = True
    limits: str = ""
    usual_extension: str = ".json"
    extra: str = ""
