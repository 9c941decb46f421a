"""The classes of a detector whose boxes a pose model takes: people, hands, faces or animals."""

from rtmcli.errors import UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.catalogue import class_of_skeleton, entries
from rtmcli.zoo.install import installed_path
from rtmcli.zoo.resolve import DEFAULT_DETECTOR

# The classes of COCO that AP-10K's species belong to; birds are not among them.
ANIMALS = ("cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
# For messages: the plural of each class, and the published detector that finds it.
_WORDS = {"person": ("people", "yolox-m"), "hand": ("hands", "rtmdet-nano-hand"), "face": ("faces", "yolox-s-face"),
          "animal": ("animals", "yolox-m-coco80")}  # fmt: skip


def classes_for(pose: Card, detector: Card) -> tuple[str, ...]:
    """The classes of the detector whose boxes go to the pose model.

    Raises UsageError where the detector has no such class; the message names one that has.
    """
    wanted = class_of_skeleton(pose.skeleton)
    if wanted in detector.classes:
        return (wanted,)
    animals = tuple(name for name in ANIMALS if name in detector.classes)
    if wanted == "animal" and animals:
        return animals
    plural, better = _WORDS[wanted]
    raise UsageError(
        f"{pose.name} needs boxes of {plural}, but the classes of the detector {detector.name} are "
        f"{', '.join(detector.classes[:5])}; give --detector {better} ('rtm models pull {better}' fetches it), "
        f"name the class {wanted} with --det-classes, or give boxes on stdin"
    )


def default_detector(pose: Card) -> str:
    """The detector of a top-down model where none is named: the bundled one, or for animals, hands and faces another.

    Of the detectors that find animals an installed one is preferred.
    """
    wanted = class_of_skeleton(pose.skeleton)
    if wanted == "person":
        return DEFAULT_DETECTOR
    if wanted == "animal":
        for entry in entries().values():
            if (
                entry.name.endswith(f"-coco80-{entry.height}x{entry.width}")
                and installed_path(entry.name).is_file()
            ):
                return entry.name
    return _WORDS[wanted][1]
