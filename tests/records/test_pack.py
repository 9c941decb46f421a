"""Numbers packed for a whole frame are those of each instance alone."""

from typing import Any

import numpy as np
import orjson
import pytest

from rtmcli import DataError, Instance, decode_frame

ALIKE: list[dict[str, Any]] = [
    {"id": 1, "box": [1, 2.5, 3, 4], "score": 0.9, "keypoints": [[1.1, 2, 0.5], [3, 4, 1]]},
    {"id": 2, "box": [5, 6, 7, 8.25], "score": 0.3, "keypoints": [[0.1, 0.2, 0.3], [1e-9, 3e30, -1]]},
]
WITH_3D = [{**one, "keypoints3d": [[0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4]]} for one in ALIKE]
BOXES = [{key: one[key] for key in ("box", "score")} for one in ALIKE]


def parsed(*instances: dict[str, Any]) -> list[Instance]:
    return decode_frame(orjson.dumps({"source": "a", "frame": 0, "instances": instances})).instances


@pytest.mark.parametrize(
    "second",
    [
        {},
        {"score": 1},
        {"score": None},
        {"box": None},
        {"keypoints": None},
        {"keypoints": [[1, 2, 3]]},
        {"keypoints": [None, [1, 2, None]]},
        {"keypoints": []},
        {"note": [1, {"a": None}]},
    ],
)
@pytest.mark.parametrize("instances", [ALIKE, WITH_3D, BOXES], ids=["2D", "3D", "boxes"])
def test_instances_together_are_parsed_as_each_alone(
    instances: list[dict[str, Any]], second: dict[str, Any]
) -> None:
    given = [instances[0], {**instances[1], **second}]
    for together, source in zip(parsed(*given), given, strict=True):
        (alone,) = parsed({**source, "note": source.get("note")})
        for name in ("box", "keypoints", "keypoints3d"):
            ours, theirs = getattr(together, name), getattr(alone, name)
            assert (ours is None) == (theirs is None)
            if ours is not None:
                assert ours.dtype == np.float32 and ours.flags.writeable
                np.testing.assert_array_equal(ours, theirs)
        assert (together.score, together.id) == (alone.score, alone.id)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"box": [1, 2, 3]}, "'box' must be four numbers"),
        ({"keypoints": [[1, 2, 3], [1, 2]]}, r"keypoints\[1\] must be null or 3 numbers, got 2 values"),
        ({"keypoints": [[1, 2, 3, 4], [1, 2]]}, r"keypoints\[0\] must be null or 3 numbers, got 4 values"),
        ({"keypoints": [[1, 2, 3], "abc"]}, r"keypoints\[1\] must be null or 3 numbers, got a string"),
        ({"keypoints": [[1, 2, 3], [1, 2, True]]}, "must be numbers, got a boolean"),
        ({"keypoints": [[1, 2, 3], [1, 2, 1e39]]}, "beyond float32"),
        ({"score": 2e38}, r"'score' must be in \[0, 1\]"),
        ({"score": True}, "'score' must be a number, got a boolean"),
    ],
)
def test_an_error_names_the_instance(second: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=rf"instances\[1\]: .*{message}"):
        parsed(ALIKE[0], {**ALIKE[1], **second})
