"""What the catalogue says of each published model, with the known errors in its publishers' tables avoided."""

from collections import Counter

import pytest

from rtmcli.skeletons import load_skeleton
from rtmcli.zoo.catalogue import Entry, entries, entry_for_file, published_benchmark, published_pipelines
from rtmcli.zoo.names import find_entry
from rtmcli.zoo.resolve import OFFICIAL_MODELS, bundled_names

ALL = list(entries().values())
RUNNABLE = [entry for entry in ALL if entry.task != "backbone"]


def get(name: str) -> Entry:
    entry = find_entry(name)
    assert entry is not None, name
    return entry


def test_all_published_models_are_listed() -> None:
    families = Counter(entry.family for entry in ALL)
    assert families == {
        "rtmpose": 52,
        "cspnext": 24,
        "rtmo": 11,
        "rtmdet": 10,
        "yolox": 13,
        "rtmw": 5,
        "rtmw3d": 2,
    }
    without_checkpoint = {entry.name for entry in ALL if not entry.files("pth")}
    assert without_checkpoint == {name for name in entries() if name.startswith("yolox") and "coco80" in name}
    assert sum(1 for entry in ALL if entry.files("onnx")) == 50


def test_every_url_belongs_to_one_model() -> None:
    urls = Counter(remote.url for entry in ALL for remote in entry.remotes)
    assert [url for url, count in urls.items() if count > 1] == []
    assert all(url.startswith("https://") for url in urls)


@pytest.mark.parametrize("entry", RUNNABLE, ids=lambda entry: entry.name)
def test_names_have_height_x_width_and_the_skeleton_exists(entry: Entry) -> None:
    card = entry.card()
    family = "dwpose" if entry.name.startswith("dwpose") else entry.family
    assert entry.name.startswith(f"{family}-{entry.size}-")
    assert f"-{entry.height}x{entry.width}" in entry.name
    assert entry.width % 32 == 0 and entry.height % 32 == 0
    if entry.task == "detector":
        assert card.skeleton is None
    else:
        assert card.skeleton is not None and load_skeleton(card.skeleton).name == card.skeleton
    for name, value in entry.figures.items():
        assert 0 < value <= 1 or name.endswith((" px", " m")), name


def test_a_backbone_is_not_a_model_to_run() -> None:
    with pytest.raises(Exception, match="is a backbone, which cannot be run"):
        get("cspnext-m-in1k-224x224").card()


def test_every_bundled_model_names_its_official_one() -> None:
    assert sorted(OFFICIAL_MODELS) == bundled_names()
    for bundled, official in OFFICIAL_MODELS.items():
        entry = get(official)
        assert entry.name == official and bundled == f"{entry.family}-{entry.size}"


def test_a_published_file_is_recognised_by_its_name() -> None:
    file = "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504"
    for name in (f"{file}.pth", f"{file}.zip", file):
        found = entry_for_file(name)
        assert found is not None and found.name == "rtmpose-m-coco17-256x192"
    assert entry_for_file("rtmpose-cpu.zip") is None  # an archive of two models names none


def test_colours_are_those_of_each_family() -> None:
    rgb, bgr = (123.675, 116.28, 103.53), (103.53, 116.28, 123.675)
    for entry in RUNNABLE:
        card = entry.card()
        expected = {"rtmdet": ("bgr", bgr), "rtmo": ("bgr", (0, 0, 0)), "yolox": ("bgr", (0, 0, 0))}
        assert (card.color, card.mean) == expected.get(entry.family, ("rgb", rgb)), entry.name


def test_a_publishers_hash_is_part_of_the_checkpoints_name() -> None:
    """mmengine's publish_model.py puts 8 digits of the SHA-256 into the name; hand5 was published with 7."""
    stated = [remote for entry in ALL for remote in entry.remotes if remote.sha256 and not remote.stated_by]
    assert len(stated) == 81
    for remote in stated:
        assert remote.kind == "pth" and remote.sha256 in remote.name and len(remote.sha256) in (7, 8)


def test_hashes_that_others_state_name_their_source() -> None:
    stated = {
        entry.name: remote.sha256
        for entry in ALL
        for remote in entry.remotes
        if remote.stated_by and len(remote.sha256) == 64
    }
    assert set(stated) == {
        "rtmpose-m-coco17-256x192", "yolox-m-humanart-640x640", "rtmpose-m-hand21-256x256", "rtmdet-nano-hand-320x320",
        "rtmw-l-coco133-256x192", "rtmw-l-coco133-384x288", "rtmpose-m-ap10k17-256x256", "dwpose-l-coco133-384x288",
    }  # fmt: skip
    rtmw = {remote.kind: remote.sha256[:8] for remote in get("rtmw-l-coco133-384x288").remotes}
    assert rtmw == {"onnx": "a87e1af4", "pth": "afa589fa"}


def test_digits_of_re_published_checkpoints_are_not_taken_for_their_hash() -> None:
    """mmpose commit d427f3409 (2023-04-20) replaced these files under their old names."""
    suffixes = ("-aic", "-coco")
    replaced = [entry for entry in ALL if entry.name.startswith("rtmpose-") and entry.name.endswith(suffixes)]
    replaced += [
        get(name)
        for name in (
            "rtmpose-m-crowdpose14", "rtmpose-m-mpii16", "rtmpose-m-face68", "rtmpose-m-face98",
            "rtmpose-m-hand21-256x256-cocowholebody", "rtmpose-m-coco133", "rtmpose-l-coco133",
            "rtmpose-l-coco133-384x288", "rtmpose-m-ap10k17",
        )
    ]  # fmt: skip
    replaced += [
        entry
        for entry in ALL
        if entry.name.startswith("cspnext-") and "-udp-" in entry.name
        and entry.data not in (("AI Challenger", "COCO"),) and "body7" not in entry.name
    ]  # fmt: skip
    assert len(replaced) == 27
    known = {}
    for entry in replaced:
        (checkpoint,) = entry.files("pth")
        assert not checkpoint.sha256 or checkpoint.sha256 not in checkpoint.name, entry.name
        if checkpoint.sha256:
            known[entry.name] = checkpoint.sha256
    assert known == {
        "rtmpose-s-coco17-256x192-coco": "29dcacbb", "rtmpose-s-coco17-256x192-aic": "8d57b111",
        "rtmpose-m-coco133-256x192": "3da02694", "rtmpose-m-ap10k17-256x256": "896e3665",
    }  # fmt: skip


def test_mirrors_are_files_of_their_own() -> None:
    forms = [remote.url.split("/")[2] + remote.name[-5:] for remote in get("yolox-m").remotes]
    assert forms == [
        "download.openmmlab.com" + "a.zip",
        "huggingface.co.onnx",
        "download.openmmlab.com" + "a.pth",
    ]
    mirrored = {
        entry.name for entry in ALL for remote in entry.remotes if "/DavidPagnon/rtmlib_models/" in remote.url
    }
    assert mirrored == {
        "yolox-nano-humanart-416x416", "yolox-tiny-humanart-416x416", "yolox-m-humanart-640x640",
        "rtmpose-m-halpe26-256x192", "rtmpose-t-halpe26-256x192", "rtmpose-t-coco17-256x192",
        "rtmo-m-coco17-640x640", "rtmpose-m-ap10k17-256x256",
    }  # fmt: skip


def test_two_files_of_one_name_are_two_files() -> None:
    first, second = get("rtmdet-m-person").files("pth")
    assert first.name == second.name
    assert (first.sha256, second.sha256) == ("235e8209", "35b0c740")


def test_figures_that_were_corrected() -> None:
    assert get("rtmo-s-coco17-640x640-coco").figures["COCO AP"] == 0.677
    ap = [get(f"rtmdet-{size}-coco80").figures["COCO box AP"] for size in ("tiny", "s", "m", "l", "x")]
    assert ap == [0.411, 0.446, 0.494, 0.515, 0.528]


def test_backbones_trained_on_the_merged_set_have_no_coco_skeleton() -> None:
    for size in "tsml":
        entry = get(f"cspnext-{size}-udp-aic-coco-256x192")
        assert entry.skeleton is None and "19 keypoints" in entry.note


def test_yolox_of_coco_and_the_teachers_of_dwpose_are_there() -> None:
    for size, ap in (
        ("nano", 0.258),
        ("tiny", 0.328),
        ("s", 0.405),
        ("m", 0.472),
        ("l", 0.501),
        ("x", 0.515),
    ):
        entry = get(f"yolox-{size}-coco80")
        assert entry.figures == {"COCO box AP": ap}
        assert len(entry.classes) == 80 and "dog" in entry.classes
    assert "05f5bcb7" in get("rtmpose-x-coco133-256x192-ucoco").files("pth")[0].name
    assert "95bb32f5" in get("rtmpose-l-coco133-256x192-ucoco").files("pth")[0].name
    assert not get("rtmpose-s-pruned").buildable


def test_rtmw_m_gets_the_archive_of_its_own_student() -> None:
    entry = get("rtmw-m")
    assert "rtmw-dw-l-m" in entry.files("onnx")[0].name
    assert entry.files("pth")[0].name.endswith("-20231122.pth")
    assert entry.files("onnx")[0].name.endswith("_20231122.zip")


def test_the_faulty_rtmw_x_archive_is_not_offered() -> None:
    urls = [url for entry in ALL for remote in entry.remotes for url in [remote.url]]
    assert not any("cocktail13" in url for url in urls)
    assert get("rtmw-x-coco133-384x288").figures["COCO-WholeBody AP"] == 0.702


def test_sizes_are_those_of_the_networks_not_of_the_tables() -> None:
    for name in ("rtmo-t", "yolox-nano", "yolox-tiny"):
        assert (get(name).width, get(name).height) == (416, 416)


def test_misspelt_files_keep_their_spelling() -> None:
    assert get("rtmo-m-crowdpose14").files("pth")[0].name.startswith("rrtmo-m_")
    face = get("yolox-s-face")
    assert face.files("pth")[0].name.startswith("yolo-x_") and face.size == "s"


def test_figures_of_the_tables_win_over_the_index() -> None:
    hand = get("rtmpose-m-hand21-256x256-cocowholebody").figures
    assert (hand["COCO-WholeBody-Hand PCK@0.2"], hand["COCO-WholeBody-Hand AUC"]) == (0.815, 0.837)
    assert get("rtmpose-l-coco17-384x288").figures["Body8 PCK@0.1"] == 0.9536
    assert get("rtmpose-t-halpe26").figures["Body8 AUC"] == 0.6635
    assert get("rtmpose-s-halpe26").figures["Body8 AUC"] == 0.6862
    assert get("rtmpose-m-coco133").figures["COCO-WholeBody AP"] == 0.582


def test_figures_are_called_after_what_they_were_measured_on() -> None:
    assert next(iter(get("rtmo-s-coco17-640x640-coco").figures)) == "COCO AP"
    assert get("rtmo-s-coco17-640x640-coco").data == ("COCO",)
    assert list(get("rtmpose-m-face106-256x256-lapa").figures) == ["LaPa NME"]
    assert list(get("rtmdet-s-humanart").figures) == ["Human-Art box AP"]


def test_detectors_of_eighty_classes_know_it() -> None:
    for entry in RUNNABLE:
        if entry.task == "detector":
            one = any(word in entry.name for word in ("-person-", "-hand-", "-face-"))
            assert len(entry.card().classes) == (1 if one else 80), entry.name
            assert one or entry.card().classes[0] == "person"


def test_a_file_in_two_folders_has_both_urls() -> None:
    files = get("rtmpose-x-coco133-384x288-ucoco").files("pth")
    assert [remote.sha256 for remote in files] == ["f5b50679", "f5b50679"]


def test_backbones_with_dead_twins_are_linked_with_their_hash() -> None:
    assert get("cspnext-s-in1k-224x224").files("pth")[0].name == "cspnext-s_imagenet_600e-ea671761.pth"


def test_the_z_range_of_rtmw3d_is_the_released_one() -> None:
    card = get("rtmw3d-l").card()
    assert card.codec["z_range"] == 2.1744869
    assert "794dbc78_20240626" in get("rtmw3d-l").files("pth")[0].name


def test_one_stage_models_have_the_evaluations_thresholds() -> None:
    assert {(entry.score, entry.iou) for entry in RUNNABLE if entry.family == "rtmo"} == {(0.1, 0.65)}


def test_the_models_own_exports_are_mirrors_of_no_archive() -> None:
    first, second = get("dwpose-l-coco133-384x288").files("onnx")
    assert first.name.endswith(".zip") and second.name == "dw-ll_ucoco_384.onnx"


def test_pipelines_are_without_mirrored_pictures() -> None:
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
