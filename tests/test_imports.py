"""The shape of the source tree: who may import whom, no cycles, small files, verbs alone in `verbs/`.

docs/design.md ("Packages", "Who may import whom") says the same in words.
"""

import re
from pathlib import Path

from rtmcli.cli.app import VERBS
from tests.helpers.import_graph import (
    PACKAGE_ROOT,
    Graph,
    find_cycles,
    import_graph,
    with_packages_run,
)

REPOSITORY = Path(__file__).parent.parent

# From the bottom up. A package imports packages of lower layers, and others of its own layer as long as no cycle comes
# of it. A module that does not stand where its package stands is named by itself; the longest name counts.
LAYERS = [
    {"errors", "credentials", "arrays", "cpus", "files", "telemetry", "plot_style"},
    {
        *("opencv", "records", "terminal", "settings"),
        # What a model file says about itself: plain data, read by networks and engines alike.
        *("zoo.card", "zoo.family_pixels", "zoo.metadata", "zoo.protobuf"),
    },
    {
        *("skeletons", "geometry", "codecs", "networks"),
        # Checks keypoints against their skeleton.
        "records.schema",
        # Recognise a model by its outputs or its weights. networks.load opens checkpoints that way.
        *("zoo.infer_card", "zoo.infer_checkpoint_card", "zoo.catalogue"),
        *("zoo.name_words", "zoo.onnx_classes", "zoo.port_roles"),
    },
    {"engines", "tracking", "filters", "kinematics", "media", "zoo", "draw"},
    {"inference", "formats", "metrics"},
    {
        *("training", "export", "bench", "jobs", "view"),
        # Run an export.
        *("zoo.convert", "zoo.fetch"),
    },
    {"cli"},
    {"verbs"},
    {"cli.app"},
    {"__main__"},
]
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}

# Files over 300 lines that stay: tables of data. File -> what it holds.
TABLES: dict[str, str] = {}


def unit(name: str) -> str:
    """The entry of LAYERS that a module belongs to."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in LAYER_OF:
            return ".".join(parts[:end])
    raise AssertionError(f"rtmcli.{name} has no place in LAYERS of tests/test_imports.py: give it one")


def test_every_import_goes_to_a_lower_layer_or_stays_in_its_own() -> None:
    upward = [
        f"{name} imports {target}"
        for name, targets in sorted(import_graph(inside_functions=True).items())
        for target in sorted(targets)
        if LAYER_OF[unit(target)] > LAYER_OF[unit(name)]
    ]
    assert not upward


def test_packages_do_not_import_each_other_in_a_cycle() -> None:
    packages: Graph = {}
    for name, targets in import_graph(inside_functions=True).items():
        packages.setdefault(unit(name), set()).update({unit(target) for target in targets} - {unit(name)})
    assert not find_cycles(packages)


def test_modules_do_not_import_each_other_in_a_cycle() -> None:
    assert not find_cycles(with_packages_run(import_graph(inside_functions=False)))


def test_imports_inside_functions_close_no_cycle() -> None:
    assert not find_cycles(import_graph(inside_functions=True))


def test_the_checks_of_this_file_find_a_cycle() -> None:
    graph = {"a": {"b.x"}, "b": {"c"}, "b.x": set(), "c": {"a"}}
    assert find_cycles(graph) == []
    assert find_cycles(with_packages_run(graph)) == [["a", "b", "c"]]


def test_networks_are_imported_only_where_torch_belongs() -> None:
    for name, targets in import_graph(inside_functions=True).items():
        if any(target.split(".")[0] == "networks" for target in targets):
            package = name.split(".")[0]
            assert package in {"networks", "training", "export", "zoo"} or name == "engines.torch", name


def test_verbs_holds_one_file_for_each_verb_and_nothing_else() -> None:
    names = {path.stem for path in (PACKAGE_ROOT / "verbs").iterdir() if path.name != "__pycache__"}
    assert names - {"__init__"} == set(VERBS)
    assert all(path.suffix == ".py" for path in (PACKAGE_ROOT / "verbs").iterdir() if path.is_file())


def test_a_verb_imports_no_other_verb_and_not_the_program() -> None:
    for name, targets in import_graph(inside_functions=True).items():
        if name.startswith("verbs."):
            assert not [t for t in targets if t.startswith("verbs.") or t == "cli.app"], name


def test_no_file_is_longer_than_300_lines() -> None:
    long = [
        f"{path.relative_to(REPOSITORY)}: {lines} lines"
        for folder in ("rtmcli", "tests", "benchmarks", "tools")
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if (lines := len(path.read_text().splitlines())) > 300
        and str(path.relative_to(REPOSITORY)) not in TABLES
    ]
    assert not long


def test_docs_design_lists_every_package_and_no_other() -> None:
    section = (REPOSITORY / "docs/design.md").read_text().split("## Packages")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `([\w/.]+)` \|", section, flags=re.MULTILINE)
    folders = {
        f"{folder.relative_to(PACKAGE_ROOT)}/"
        for folder in PACKAGE_ROOT.rglob("*")
        if folder.is_dir() and folder.name != "__pycache__" and any(f.is_file() for f in folder.iterdir())
    }
    files = {path.name for path in PACKAGE_ROOT.glob("[!_]*.py")}
    assert sorted(listed) == sorted(folders | files), "give it a line in docs/design.md, section Packages"


def test_the_tests_have_the_folders_of_the_package() -> None:
    own = {"goldens", "helpers", "regressions", "shell", "tools"}
    packages = {folder.name for folder in PACKAGE_ROOT.iterdir() if folder.is_dir()}
    folders = {f.name for f in (REPOSITORY / "tests").iterdir() if f.is_dir() and any(f.glob("*.*"))}
    assert folders <= packages | own


def test_every_verb_has_a_file_of_tests() -> None:
    assert not [verb for verb in VERBS if not (REPOSITORY / f"tests/verbs/test_{verb}.py").is_file()]
