"""Models are found by the names that people type, and a hint never names another network."""

from collections import Counter

import pytest

from rtmcli.zoo.catalogue import entries
from rtmcli.zoo.names import family_models, find_entry, squash, unknown_model
from rtmcli.zoo.resolve import bundled_names


def test_no_name_means_two_models_nor_a_bundled_one() -> None:
    said = Counter(squash(name) for entry in entries().values() for name in (entry.name, *entry.aliases))
    assert [name for name, count in said.items() if count > 1] == []
    assert not {squash(name) for name in bundled_names()} & set(said)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("rtmpose-m", "rtmpose-m-coco17-256x192"),
        ("RTMPose-M", "rtmpose-m-coco17-256x192"),
        ("rtmpose_m", "rtmpose-m-coco17-256x192"),
        ("rtmpose-m-hand21", "rtmpose-m-hand21-256x256"),
        ("rtmo-s", "rtmo-s-coco17-640x640"),
        ("yolox_m", "yolox-m-humanart-640x640"),
        # mmpose's aliases.
        ("body", "rtmpose-m-coco17-256x192"),
        ("human", "rtmpose-m-coco17-256x192"),
        ("body26", "rtmpose-m-halpe26-256x192"),
        ("wholebody", "rtmw-m-coco133-256x192"),
        ("hand", "rtmpose-m-hand21-256x256"),
        ("face", "rtmpose-m-face106-256x256"),
        ("animal", "rtmpose-m-ap10k17-256x256"),
        # rtmlib's and Pose2Sim's words.
        ("body_with_feet", "rtmpose-m-halpe26-256x192"),
        ("BODY_WITH_FEET", "rtmpose-m-halpe26-256x192"),
        ("HALPE_26", "rtmpose-m-halpe26-256x192"),
        ("halpe26", "rtmpose-m-halpe26-256x192"),
        ("COCO_133", "rtmw-m-coco133-256x192"),
        ("whole_body", "rtmw-m-coco133-256x192"),
        ("COCO_17", "rtmpose-m-coco17-256x192"),
        ("HAND_21", "rtmpose-m-hand21-256x256"),
        ("FACE_106", "rtmpose-m-face106-256x256"),
        ("body performance", "rtmpose-x-coco17-384x288"),
        # The publishers' tables; body8 are the same seven sets as body7.
        ("rtmpose-m_body7_256x192", "rtmpose-m-coco17-256x192"),
        ("rtmpose-m_body8_256x192", "rtmpose-m-coco17-256x192"),
        # Configuration files.
        ("rtmpose-m_8xb256-420e_coco-256x192", "rtmpose-m-coco17-256x192-coco"),
        ("rtmpose-m_8xb256-420e_body8-256x192.py", "rtmpose-m-coco17-256x192"),
        ("rtmpose-m_8xb64-270e_coco-wholebody-256x192", "rtmpose-m-coco133-256x192"),
        ("configs/body_2d_keypoint/rtmo/body7/rtmo-s_8xb32-600e_body7-640x640.py", "rtmo-s-coco17-640x640"),
        ("rtmdet_m_640-8xb32_coco-person", "rtmdet-m-person-640x640"),
        # Weight files, with and without a suffix, and their URLs.
        ("rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.pth", "rtmpose-m-coco17-256x192"),
        ("rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504", "rtmpose-m-coco17-256x192"),
        ("https://host/onnx_sdk/yolox_m_8xb8-300e_humanart-c2c7a14a.zip", "yolox-m-humanart-640x640"),
        ("yolox_m.onnx", "yolox-m-coco80-640x640"),
    ],
)  # fmt: skip
def test_a_model_is_found_in_every_spelling(said: str, name: str) -> None:
    entry = find_entry(said)
    assert entry is not None and entry.name == name


@pytest.mark.parametrize("said", ["rtmpose", "vitpose-b", "rtmw-s", "rtmpose-cpu.zip", "", "m"])
def test_a_name_of_no_model_finds_none(said: str) -> None:
    assert find_entry(said) is None


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("rtmpose-mm", "did you mean rtmpose-m?"),
        ("rtmpose-medium", "did you mean rtmpose-m?"),
        ("rtmpse-m", "did you mean rtmpose-m?"),
        ("rtmpose-m-halp26", "did you mean rtmpose-m-halpe26?"),
        ("wholbody", "did you mean wholebody?"),
        # No such size: the sizes there are, of the same family.
        ("rtmo-z", "rtmo comes as rtmo-t, rtmo-s, rtmo-m, rtmo-l;"),
        ("rtmw-s", "rtmw comes as rtmw-m, rtmw-l, rtmw-x;"),
        ("rtmpose-xx-halpe26", "did you mean rtmpose-x-halpe26?"),
        ("rtmdet-n", "rtmdet-nano comes as rtmdet-nano-person, rtmdet-nano-hand;"),
        # No such skeleton: the models of that size.
        ("rtmpose-x-coco25", "rtmpose-x comes as rtmpose-x,"),
    ],
)
def test_a_hint_stays_with_the_family_and_size(said: str, hint: str) -> None:
    assert f"no such model {said!r}; {hint}" in str(unknown_model(said))


@pytest.mark.parametrize(
    "said",
    ["yolo-m", "yolov8n", "rtmpose3d-l", "rtmdet3d", "vitpose-b", "movenet", "coco25", "hrnet-w32", "rtm"],
)
def test_a_name_of_another_network_gets_no_hint(said: str) -> None:
    assert str(unknown_model(said)) == f"no such model {said!r}; 'rtm models' lists them"


@pytest.mark.parametrize("family", ["rtmpose", "RTMO", "rtmw3d", "dwpose", "yolox"])
def test_a_family_name_alone_lists_its_sizes(family: str) -> None:
    models = family_models(family)
    assert models and all(entry.name.startswith(f"{family.lower()}-") for entry in models)
    message = str(unknown_model(family))
    assert message.startswith(f"{family!r} is a family of models; name one of ")
    named = [find_entry(name) for name in message.split("name one of ")[1].split(", ")]
    assert {entry.size for entry in named if entry} == {entry.size for entry in models}


def test_a_name_of_ones_own_model_is_suggested() -> None:
    assert "did you mean gym-squat?" in str(unknown_model("gym-squats", ["gym-squat"]))
