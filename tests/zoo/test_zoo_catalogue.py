"""The catalogue says of every published model what is true, with the traps of its publishers minded."""

from collections import Counter

import pytest

from rtmcli.skeletons import load_skeleton
from rtmcli.zoo.catalogue import (
    Entry,
    entries,
    entry_of_file,
    find_entry,
    names,
    published_benchmark,
    published_pipelines,
    unknown,
)
from rtmcli.zoo.resolve import DEFAULT_DETECTOR, DEFAULT_POSE

ALL = list(entries().values())
RUNNABLE = [entry for entry in ALL if entry.task != "backbone"]


def get(name: str) -> Entry:
    entry = find_entry(name)
    assert entry is not None, name
    return entry


def test_all_published_files_are_there() -> None:
    assert len(ALL) == 109
    families = Counter(entry.family for entry in ALL)
    assert families == {
        "rtmpose": 50,
        "cspnext": 24,
        "rtmo": 11,
        "rtmdet": 10,
        "yolox": 7,
        "rtmw": 5,
        "rtmw3d": 2,
    }
    assert all(entry.files("pth") for entry in ALL)
    assert sum(1 for entry in ALL if entry.files("onnx")) == 44


def test_every_file_belongs_to_one_model() -> None:
    urls = Counter(url for entry in ALL for remote in entry.remotes for url in remote.urls)
    assert [url for url, count in urls.items() if count > 1] == []
    assert all(url.startswith("https://") for url in urls)


@pytest.mark.parametrize("entry", RUNNABLE, ids=lambda entry: entry.name)
def test_name_size_and_skeleton_agree(entry: Entry) -> None:
    card = entry.card()
    family = "dwpose" if entry.name.startswith("dwpose") else entry.family
    assert entry.name.startswith(f"{family}-{entry.size}-")
    assert f"-{entry.height}x{entry.width}" in entry.name  # trap 1: names are height x width
    assert entry.width % 32 == 0 and entry.height % 32 == 0
    if entry.task == "detector":
        assert card.skeleton is None
    else:
        assert card.skeleton is not None and load_skeleton(card.skeleton).name == card.skeleton
    for name, value in entry.figures.items():  # fractions, but for what names a unit
        assert 0 < value <= 1 or name.endswith((" px", " m")), name


def test_a_backbone_is_not_a_model_to_run() -> None:
    with pytest.raises(Exception, match="backbone to train from"):
        get("cspnext-m-in1k-224x224").card()


def test_no_name_means_two_models_nor_one_that_ships() -> None:
    said = Counter(name for entry in ALL for name in (entry.name, *entry.aliases))
    assert [name for name, count in said.items() if count > 1] == []
    assert not {DEFAULT_DETECTOR, DEFAULT_POSE} & set(names())


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("rtmpose-m", "rtmpose-m-coco17-256x192"),
        ("rtmpose-m-hand21", "rtmpose-m-hand21-256x256"),
        ("body26", "rtmpose-m-halpe26-256x192"),
        ("wholebody", "rtmw-m-coco133-256x192"),
        ("animal", "rtmpose-m-ap10k17-256x256"),
        ("rtmo-s", "rtmo-s-coco17-640x640"),
        ("rtmpose-m_body7_256x192", "rtmpose-m-coco17-256x192"),
        ("rtmpose-m_body8_256x192", "rtmpose-m-coco17-256x192"),  # trap 12: body8 are the same seven sets
    ],
)
def test_short_and_published_names_lead_to_the_model(said: str, name: str) -> None:
    assert get(said).name == name


def test_a_misspelt_name_gets_the_nearest() -> None:
    assert "did you mean rtmpose-m?" in str(unknown("rtmpose-mm", []))


def test_a_published_file_is_recognised_by_its_name() -> None:
    file = "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504"
    for name in (f"{file}.pth", f"{file}.zip", file):
        found = entry_of_file(name)
        assert found is not None and found.name == "rtmpose-m-coco17-256x192"
    assert entry_of_file("rtmpose-cpu.zip") is None  # an archive of two models names none


def test_colours_are_those_of_each_family() -> None:  # trap 22
    rgb, bgr = (123.675, 116.28, 103.53), (103.53, 116.28, 123.675)
    for entry in RUNNABLE:
        card = entry.card()
        expected = {"rtmdet": ("bgr", bgr), "rtmo": ("bgr", (0, 0, 0)), "yolox": ("bgr", (0, 0, 0))}
        assert (card.color, card.mean) == expected.get(entry.family, ("rgb", rgb)), entry.name


def test_the_fragment_of_a_hash_is_that_of_the_checkpoint_and_in_its_name() -> None:  # trap 37
    fragments = {remote.fragment: remote for entry in ALL for remote in entry.files("pth") if remote.fragment}
    assert {len(fragment) for fragment in fragments} == {7, 8}
    for fragment, remote in fragments.items():
        assert fragment in remote.name
    assert not any(remote.fragment or remote.sha256 for entry in ALL for remote in entry.files("onnx"))


def test_rtmw_m_gets_the_archive_of_its_own_student() -> None:  # traps 2 and 3
    entry = get("rtmw-m")
    assert "rtmw-dw-l-m" in entry.files("onnx")[0].name
    assert entry.files("pth")[0].name.endswith("-20231122.pth")
    assert entry.files("onnx")[0].name.endswith("_20231122.zip")


def test_the_faulty_rtmw_x_archive_is_not_offered() -> None:  # traps 5 and 6
    urls = [url for entry in ALL for remote in entry.remotes for url in remote.urls]
    assert not any("cocktail13" in url for url in urls)
    assert get("rtmw-x-coco133-384x288").figures["COCO-WholeBody AP"] == 0.702


def test_sizes_are_those_of_the_networks_not_of_the_tables() -> None:  # traps 8 and 18
    for name in ("rtmo-t", "yolox-nano", "yolox-tiny"):
        assert (get(name).width, get(name).height) == (416, 416)


def test_misspelt_files_keep_their_spelling() -> None:  # traps 7 and 20
    assert get("rtmo-m-crowdpose14").files("pth")[0].name.startswith("rrtmo-m_")
    face = get("yolox-s-face")
    assert face.files("pth")[0].name.startswith("yolo-x_") and face.size == "s"


def test_figures_of_the_tables_win_over_the_index() -> None:  # traps 11, 13, 14, 35
    hand = get("rtmpose-m-hand21-256x256-cocowholebody").figures
    assert (hand["COCO-WholeBody-Hand PCK@0.2"], hand["COCO-WholeBody-Hand AUC"]) == (0.815, 0.837)
    assert get("rtmpose-l-coco17-384x288").figures["Body8 PCK@0.1"] == 0.9536
    assert get("rtmpose-t-halpe26").figures["Body8 AUC"] == 0.6635
    assert get("rtmpose-s-halpe26").figures["Body8 AUC"] == 0.6862
    assert get("rtmpose-m-coco133").figures["COCO-WholeBody AP"] == 0.582


def test_figures_are_called_after_what_they_were_measured_on() -> None:  # traps 9, 10, 17
    assert next(iter(get("rtmo-s-coco17-640x640-coco").figures)) == "COCO AP"
    assert get("rtmo-s-coco17-640x640-coco").data == ("COCO",)
    assert list(get("rtmpose-m-face106-256x256-lapa").figures) == ["LaPa NME"]
    assert list(get("rtmdet-s-humanart").figures) == ["Human-Art box AP"]


def test_detectors_of_eighty_classes_know_it() -> None:  # trap 19
    for entry in RUNNABLE:
        if entry.task == "detector":
            one = any(word in entry.name for word in ("-person-", "-hand-", "-face-"))
            assert len(entry.card().classes) == (1 if one else 80), entry.name
            assert one or entry.card().classes[0] == "person"


def test_files_in_two_folders_keep_both_addresses() -> None:  # traps 15, 25, 26
    for name in ("rtmdet-m-person", "cspnext-m-udp-aic-coco-256x192", "rtmpose-x-coco133-384x288-ucoco"):
        assert len(get(name).files("pth")[0].urls) == 2, name


def test_backbones_with_dead_twins_are_linked_with_their_hash() -> None:  # trap 16
    assert get("cspnext-s-in1k-224x224").files("pth")[0].name == "cspnext-s_imagenet_600e-ea671761.pth"


def test_the_z_range_of_rtmw3d_is_the_released_one() -> None:  # trap 33
    card = get("rtmw3d-l").card()
    assert card.codec["z_range"] == 2.1744869
    assert "794dbc78_20240626" in get("rtmw3d-l").files("pth")[0].name


def test_one_stage_models_have_the_evaluations_thresholds() -> None:  # trap 29
    assert {(entry.score, entry.iou) for entry in RUNNABLE if entry.family == "rtmo"} == {(0.1, 0.65)}


def test_the_models_own_exports_are_mirrors_of_no_archive() -> None:  # trap 32
    first, second = get("dwpose-l-coco133-384x288").files("onnx")
    assert first.name.endswith(".zip") and second.name == "dw-ll_ucoco_384.onnx"


def test_pipelines_are_without_mirrored_pictures() -> None:  # trap 34
    found = {(pair["detector"], pair["pose"]): pair["figures"] for pair in published_pipelines()}
    assert len(found) == 6
    best = found["rtmdet-m-person-640x640", "rtmpose-l-coco17-256x192-aic"]
    assert best["COCO AP"] == 0.766 and best["pose AP without mirror"] == 0.763
    assert all(find_entry(name) for pair in found for name in pair)


def test_the_latency_page_leaves_out_the_figure_that_cannot_be() -> None:
    assert "ncnn_fp16_sd865" not in published_benchmark()["rtmpose-m 384x288"]
    assert "ncnn_fp16_sd865" not in get("rtmpose-m-coco17-384x288").latency
    assert get("rtmpose-m").latency["ort_cpu_i7_11700"] == 11.06
    assert get("rtmpose-m").latency["trt_fp16_agx_orin"] == 2.72


def test_terms_of_the_data_are_told() -> None:
    assert "AI Challenger" in get("rtmpose-m").restricted
    assert get("rtmpose-m-coco17-256x192-coco").restricted == ()
    assert {entry.licence for entry in ALL} == {"Apache-2.0"}
