"""The skeleton that a record names, checked against its keypoints."""

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, UsageError
from rtmcli.records.frame import Frame
from rtmcli.skeletons import Skeleton, load_skeleton

_OPTION = "'rtm convert --source-skeleton NAME'"


def skeleton_of(frame: Frame, keypoints: Float32Array | None = None) -> Skeleton:
    """The skeleton of a frame's keypoints.

    Args:
        keypoints: (K, 2 or more) of a person in the frame, whose number is checked.

    Raises DataError that names the frame, where it names no skeleton or one that does not exist, or where the person
    has more or fewer keypoints.
    """
    place = f"{frame.source}, frame {frame.frame}"
    if frame.skeleton is None:
        raise DataError(f"{place}: there are keypoints and no 'skeleton'; name it with {_OPTION}")
    try:
        skeleton = load_skeleton(frame.skeleton)
    except (UsageError, DataError) as error:
        raise DataError(f"{place}: {error}") from None
    if keypoints is not None and len(keypoints) != len(skeleton):
        raise DataError(
            f"{place}: {skeleton.name} has {len(skeleton)} keypoints, got {len(keypoints)}; name the right one "
            f"with {_OPTION}"
        )
    return skeleton
