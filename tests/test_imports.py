"""Who imports whom: arrows go down only (docs/design.md, "The tree"), and cheap things stay cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rtmcli
from rtmcli.cli.app import available_verbs

ROOT = Path(rtmcli.__file__).parent

# From the ground up. A name holds for all below it, the longest match counts: `zoo.card` is data that even the
# networks read, `zoo.convert` builds and exports.
LAYERS = [
    ["errors", "arrays", "cpus"],
    ["records.frame", "settings"],
    ["terminal", "opencv", "zoo.card", "records.line_io", "records.truncation"],
    ["records.parse", "skeletons", "geometry"],
    ["records.ndjson"],
    ["records.schema", "codecs", "tracking", "zoo.infer_card", "zoo.catalogue", "zoo.metadata"],
    ["zoo.infer_checkpoint_card"],
    ["filters", "networks"],
    ["engines"],
    ["zoo", "media", "draw"],
    ["formats", "inference"],
    ["metrics"],
    ["training", "export"],
    ["bench", "zoo.convert"],
    ["cli"],
    ["verbs"],
    ["cli.app"],
    ["__main__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = {"cv2", "torch", "scipy", "onnxruntime", "pydantic", "rich", "av"}


def modules() -> dict[str, Path]:
    """Dotted name below rtmcli to file."""
    found = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            found[name] = path
    return found


def imports(path: Path, known: set[str]) -> set[str]:
    """The modules of rtmcli that a file imports, anywhere in it."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    inner = {name.removeprefix("rtmcli.") for name in named if name.startswith("rtmcli.")}
    return inner & known


def level(name: str) -> int:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in LEVEL:
            return LEVEL[".".join(parts[:end])]
    raise AssertionError(f"{name} has no place in LAYERS: give it one")


def package(name: str) -> str:
    return name.split(".")[0]


def test_no_arrow_goes_up() -> None:
    files = modules()
    upward = [
        f"{name} imports {target}"
        for name, path in sorted(files.items())
        for target in sorted(imports(path, set(files)))
        if package(target) != package(name) and level(target) >= level(name)
    ]
    assert not upward


def test_networks_are_imported_only_where_torch_belongs() -> None:
    files = modules()
    for name, path in files.items():
        if any(package(target) == "networks" for target in imports(path, set(files))):
            assert package(name) in {"networks", "training", "export", "zoo"} or name == "engines.torch", name


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
def test_a_filter_verb_imports_no_heavy_package_even_when_it_works(tmp_path: Path, verb: str) -> None:
    file = tmp_path / "two.jsonl"
    file.write_text(FRAMES + FRAMES.replace('"frame":0,"time":0.0', '"frame":1,"time":0.04'))
    names = loaded(f"from rtmcli.cli.app import main; assert main([{verb!r}, {str(file)!r}]) == 0")
    assert not HEAVY & names


@pytest.mark.parametrize("verb", available_verbs())
def test_a_verbs_help_needs_no_heavy_package(verb: str) -> None:
    assert not (HEAVY - {"rich"}) & loaded(
        f"from rtmcli.cli.app import main; assert main([{verb!r}, '--help']) == 0"
    )
