"""What is not imported until it is needed: each case runs in an interpreter of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from rtmcli.cli.app import VERBS

HEAVY = {"cv2", "torch", "scipy", "onnxruntime", "pydantic", "rich", "av"}
HEAVY |= {"pyarrow", "pandas", "sleap_io", "pynwb", "tables", "rerun", "bokeh", "ezc3d"}  # of the extras


def loaded(code: str) -> set[str]:
    """The modules a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys; print('LOADED', *sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    return set(run.stdout.split("LOADED")[1].split())


def test_importing_the_package_loads_nothing_of_it() -> None:
    assert not {name for name in loaded("import rtmcli") if name.startswith(("rtmcli.", "numpy", "typer"))}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_and_version_import_no_verb(arguments: list[str]) -> None:
    names = loaded(f"from rtmcli.cli.app import main; main({arguments})")
    assert not {name for name in names if name.startswith("rtmcli.verbs.")}
    assert not (HEAVY | {"numpy", "orjson"}) & names


FRAMES = (
    '{"source":"a","frame":0,"time":0.0,"skeleton":"coco17","instances":['
    + ",".join(
        '{"box":[0,0,9,9],"score":0.9,"keypoints":[' + ",".join(["[1,2,0.5]"] * 17) + "]}" for _ in "ab"
    )
    + "]}\n"
)


@pytest.mark.parametrize("verb", ["track", "smooth", "nms"])
def test_on_an_empty_stream_a_filter_imports_the_command_line_and_records_alone(verb: str) -> None:
    names = loaded(f"from rtmcli.cli.app import main; assert main([{verb!r}, '/dev/null']) == 0")
    packages = {name.split(".")[1] for name in names if name.startswith("rtmcli.")}
    own = {"cli", "verbs", "records", "terminal", "arrays", "errors", "files", "settings"}
    assert packages - own <= ({"filters"} if verb == "smooth" else set())


@pytest.mark.parametrize("verb", ["track", "smooth", "angles", "nms", "convert"])
def test_a_filter_verb_imports_no_heavy_package_even_when_it_works(tmp_path: Path, verb: str) -> None:
    file = tmp_path / "two.jsonl"
    file.write_text(FRAMES + FRAMES.replace('"frame":0,"time":0.0', '"frame":1,"time":0.04'))
    names = loaded(f"from rtmcli.cli.app import main; assert main([{verb!r}, {str(file)!r}]) == 0")
    assert not HEAVY & names


@pytest.mark.parametrize("verb", VERBS)
def test_a_verbs_help_needs_no_heavy_package(verb: str) -> None:
    assert not (HEAVY - {"rich"}) & loaded(
        f"from rtmcli.cli.app import main; assert main([{verb!r}, '--help']) == 0"
    )
