"""Frame and Instance: the record in memory (docs/design.md, "The record").

Coordinates and scores are float32 arrays, in pixels of the image as shown; `time` is float64 seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

from rtmcli.arrays import Float32Array

if TYPE_CHECKING:
    from rtmcli.records.picture import Picture

# The keys of a record in the order they are written in.
FRAME_KEYS = ("source", "frame", "frames", "time", "width", "height", "skeleton", "model", "instances")
INSTANCE_KEYS = ("id", "label", "box", "score", "keypoints", "keypoints3d")


@dataclass(slots=True, eq=False)
class Instance:
    """One person (or hand, animal, ...) in a frame.

    Attributes:
        box: (4,) float32 x1, y1, x2, y2 in pixels, or None.
        score: box score in [0, 1], or None.
        keypoints: (K, 3) float32 x, y, score in skeleton order; a row of NaN is a point that does not exist
            (`null` in the record). None where no pose was estimated.
        keypoints3d: (K, 4) float32 x, y, z, score in metres, root-relative, or None.
        id: the person's number in its source, or None before tracking.
        label: class name, "person" for people.
        extra: keys this version does not know, kept as they were read.
        order: the key order of the line this instance was read from; empty for a new one.

    Example:
        from rtmcli import read_frames

        for frame in read_frames("walk.jsonl"):
            for person in frame.instances:
                print(person.id, person.box, person.keypoints[:, 2].mean())
    """

    box: Float32Array | None = None
    score: float | None = None
    keypoints: Float32Array | None = None
    keypoints3d: Float32Array | None = None
    id: int | None = None
    label: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    def changed(self, **values: Any) -> Self:
        """A copy with other values: what `dataclasses.replace` does, in a third of the time."""
        copy = type(self)(*_instance_values(self))
        for name, value in values.items():
            setattr(copy, name, value)
        return copy


_instance_values = attrgetter("box", "score", "keypoints", "keypoints3d", "id", "label", "extra", "order")


@dataclass(slots=True, eq=False)
class Frame:
    """One image of a source, and the people in it.

    Attributes:
        source: the source as the person gave it.
        frame: index in the source, counted from 0.
        frames: how many frames the source declares, where it does.
        time: presentation time in seconds; None for images.
        width, height: size of the image as shown, in pixels.
        skeleton: name of the skeleton of `keypoints`.
        model: name of the pose model (of the detector, where only boxes were found).
        instances: the people in the frame, or hands, animals, ...; an empty list if there are none.
        extra, order: as for `Instance`.

    Example:
        from rtmcli import Frame, Instance, encode_frame

        frame = Frame(source="walk.mp4", frame=0, width=640, height=480, instances=[Instance(label="person")])
        print(encode_frame(frame).decode())
    """

    source: str
    frame: int
    frames: int | None = None
    time: float | None = None
    width: int | None = None
    height: int | None = None
    skeleton: str | None = None
    model: str | None = None
    instances: list[Instance] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    def changed(self, **values: Any) -> Self:
        """As `Instance.changed`."""
        copy = type(self)(*_frame_values(self))
        for name, value in values.items():
            setattr(copy, name, value)
        return copy

    @classmethod
    def from_picture(
        cls,
        picture: "Picture",
        instances: Iterable[Instance] = (),
        *,
        skeleton: str | None = None,
        model: str | None = None,
    ) -> Self:
        """The record of a picture and of what was found in it."""
        extra = {
            "file": picture.file,
            "utc": picture.utc,
            "dropped": picture.dropped,
            "gap": picture.gap,
            "stream": picture.stream,
        }
        return cls(
            source=picture.source,
            frame=picture.frame,
            frames=picture.frames,
            time=picture.time,
            width=picture.width,
            height=picture.height,
            skeleton=skeleton,
            model=model,
            instances=list(instances),
            extra={key: value for key, value in extra.items() if value is not None},
        )


_frame_values = attrgetter(
    "source", "frame", "frames", "time", "width", "height", "skeleton", "model", "instances", "extra", "order"
)
