"""Which module of rtmcli imports which, read from the sources; no module is run."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import rtmcli

PACKAGE_ROOT = Path(rtmcli.__file__).parent

# A module's dotted name below rtmcli -> the modules that it imports.
Graph = dict[str, set[str]]


def module_files() -> dict[str, Path]:
    """Dotted name below rtmcli -> file. A package has the name of its folder, rtmcli itself is left out."""
    found = {}
    for path in PACKAGE_ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE_ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            found[name] = path
    return found


@cache
def import_graph(*, inside_functions: bool) -> Graph:
    """The imports of every module.

    Args:
        inside_functions: include imports that run when a function is called. Imports under
            `if TYPE_CHECKING:` never run and are left out in either case.
    """
    files = module_files()
    graph: Graph = {}
    for name, path in files.items():
        nodes = _import_nodes(ast.parse(path.read_text()), inside_functions)
        graph[name] = {target for node in nodes for target in _targets(node, files)} - {name}
    return graph


def with_packages_run(graph: Graph) -> Graph:
    """The graph at import time: importing `a.b` from outside of `a` runs `a/__init__.py` first."""
    return {
        name: targets
        | {parent for target in targets for parent in _parents(target) if parent in graph}
        - {parent for parent in _parents(name)}
        - {name}
        for name, targets in graph.items()
    }


def find_cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of two or more modules each of which reaches all others (strongly connected components)."""
    reach = {name: _reachable(name, graph) for name in graph}
    groups = {
        frozenset(other for other in reach[name] if name in reach[other]) | {name}
        for name in graph
        if name in reach[name]
    }
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _import_nodes(node: ast.AST, inside_functions: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.orelse:
                yield from _import_nodes(statement, inside_functions)
        elif inside_functions or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _import_nodes(child, inside_functions)


def _targets(node: ast.Import | ast.ImportFrom, files: Mapping[str, Path]) -> set[str]:
    if isinstance(node, ast.Import):
        names = {alias.name.removeprefix("rtmcli.") for alias in node.names}
    else:
        module = (node.module or "").removeprefix("rtmcli").removeprefix(".")
        # `from rtmcli.media import images` names a module, `from rtmcli.media import open_media` a package's content.
        members = {f"{module}.{alias.name}".removeprefix(".") for alias in node.names}
        names = {member if member in files else module for member in members}
        if not (node.module or "").startswith("rtmcli"):
            return set()
    return names & files.keys()


def _parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts))}


def _reachable(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph[waiting.pop()]:
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found
