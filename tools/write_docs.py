"""Write docs/cli.md, docs/api.md and the tables of docs/formats.md and docs/angles.md from the code.

python -m tools.write_docs
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rtmcli
from rtmcli.cli.app import VERBS, load_verb

DOCS = Path(__file__).parent.parent / "docs"
COMMON_OPTIONS = ("--quiet", "--verbose", "--json-errors", "--no-progress", "--help")
# Headings of docs/api.md: module -> the heading before its names.
CHAPTERS = {
    "records.frame": "Records",
    "media": "Media",
    "inference.detector": "Models and the pipeline",
    "tracking": "Filters",
    "draw": "Drawing",
    "skeletons": "Skeletons and parts",
    "formats.coco_reader": "Formats",
    "formats.labels": "Evaluation",
    "zoo.card": "Models by name",
    "export.run": "Export",
    "training.recipe": "Training",
    "errors": "Errors",
}


def main() -> None:
    (DOCS / "cli.md").write_text(cli_page())
    (DOCS / "api.md").write_text(api_page())
    (DOCS / "formats.md").write_text(with_format_table((DOCS / "formats.md").read_text()))
    (DOCS / "angles.md").write_text(with_angle_table((DOCS / "angles.md").read_text()))


def with_format_table(page: str) -> str:
    """docs/formats.md with the table of `rtmcli/formats/table.py` between its two marks."""
    from rtmcli.formats.format import FOLDER
    from rtmcli.formats.table import FORMATS

    rows = [
        "| format | files | reads | writes | content | not kept | extra |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in FORMATS:
        names = [f"`{extension}`" for extension in one.extensions if extension != FOLDER]
        files = ", ".join(["a folder"] * one.folder + names) or f"`{one.usual_extension}`"
        marks = ["yes" if way else "–" for way in (one.read, one.write)]
        omits = ", ".join([*one.omits, *filter(None, [one.limits])]) or "–"
        extra = f"`{one.extra}`" if one.extra else "–"
        rows.append(f"| `{one.name}` | {files} | {' | '.join(marks)} | {one.content} | {omits} | {extra} |")
    return _between_marks(page, "formats", rows)


def with_angle_table(page: str) -> str:
    """docs/angles.md with the keypoints of each angle, from the skeleton files, between its two marks."""
    from rtmcli.skeletons import load_skeleton, skeleton_names

    rows = [
        "| angle | from | to | zero | sign | period | skeletons |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    skeletons: dict[str, list[str]] = {}  # cells of a row -> where the angle is defined so
    for name in skeleton_names():
        skeleton = load_skeleton(name)
        for angle, one in skeleton.angles.items():
            start = "horizontal" if one.start is None else _vector(one.start, skeleton.keypoints)
            cells = (
                f"`{angle}` | {start} | {_vector(one.end, skeleton.keypoints)} | {one.zero:g} | "
                f"{one.sign:+d} | {one.period:g}"
            )
            skeletons.setdefault(cells, []).append(name)
    order = list(load_skeleton("coco133").angles)
    for cells in sorted(skeletons, key=lambda cells: order.index(cells.split("`")[1])):
        rows.append(f"| {cells} | {', '.join(skeletons[cells])} |")
    return _between_marks(page, "angles", rows)


def _vector(vector: tuple[tuple[int, ...], tuple[int, ...]], names: tuple[str, ...]) -> str:
    ends = [
        names[point[0]] if len(point) == 1 else f"middle of {' and '.join(names[k] for k in point)}"
        for point in vector
    ]
    return " → ".join(ends)


def _between_marks(page: str, mark: str, rows: list[str]) -> str:
    before, _, after = page.partition(f"<!-- {mark} -->\n")
    end = f"<!-- /{mark} -->"
    return f"{before}<!-- {mark} -->\n" + "\n".join(rows) + f"\n{end}" + after.partition(end)[2]


def cli_page() -> str:
    """docs/cli.md: every verb with its arguments, options and examples."""
    parts = [
        "# Command line",
        "Written by `python -m tools.write_docs` from the help texts; change those. `rtm VERB --help` prints the same.",
    ]
    for verb in VERBS:
        command = load_verb(verb)
        parts += _command(f"rtm {verb}", command)
        for name, child in getattr(command, "commands", {}).items():
            parts += _command(f"rtm {verb} {name}", child)
    parts += ["## Options of every verb", _table("option", _common_options())]
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: Any) -> list[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"## {name}", f"```text\n{name} {usage}\n```", _help_as_markdown(command.help)]
    records = [(parameter, parameter.get_help_record(context)) for parameter in command.get_params(context)]
    arguments = [
        record for parameter, record in records if parameter.param_type_name == "argument" and record
    ]
    options = [
        record
        for parameter, record in records
        if parameter.param_type_name == "option" and record and not set(COMMON_OPTIONS) & set(parameter.opts)
    ]
    parts += [_table("argument", arguments)] if arguments else []
    parts += [_table("option", options)] if options else []
    return parts


def _common_options() -> list[tuple[str, str]]:
    command = load_verb(next(iter(VERBS)))
    context = command.context_class(command, info_name="rtm")
    return [
        record
        for parameter in command.get_params(context)
        if set(COMMON_OPTIONS) & set(parameter.opts) and (record := parameter.get_help_record(context))
    ]


def _table(heading: str, records: list[tuple[str, str]]) -> str:
    lines = [f"| {heading} | |", "| --- | --- |"]
    for names, text in records:
        cells = [f"`{names}`".replace("|", "\\|"), " ".join(text.split()).replace("|", "\\|")]
        lines.append(f"| {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _help_as_markdown(text: str) -> str:
    """A verb's help: paragraphs, and indented examples as code."""
    blocks = re.sub(r"\x08\n?|\f", "", inspect.cleandoc(text)).split("\n\n")
    return "\n\n".join(_block(block, "sh") for block in blocks)


def api_page() -> str:
    """docs/api.md: every public name with its signature and docstring."""
    parts = [
        "# Python library",
        "Written by `python -m tools.write_docs` from the docstrings; change those. All names are imported from "
        "`rtmcli` and loaded on first use. The verbs of `rtm` are made of them: the same calls write the same bytes.",
    ]
    for module, names in rtmcli._PUBLIC.items():
        if module in CHAPTERS:
            parts.append(f"## {CHAPTERS[module]}")
        for name in names:
            value = getattr(rtmcli, name)
            parts += [f"### {name}", f"```python\n{signature(value)}\n```", _docstring(value)]
            if inspect.isclass(value):
                parts += _methods(value)
    return "\n\n".join(part for part in parts if part) + "\n"


def signature(value: Any) -> str:
    """How a function or class is called, with the annotations as the source has them."""
    node = _node_of(value)
    if isinstance(node, ast.FunctionDef):
        return _call(node.name, node)
    fields = [child for child in node.body if isinstance(child, ast.AnnAssign)]
    init = [child for child in node.body if isinstance(child, ast.FunctionDef) and child.name == "__init__"]
    if init:
        return _call(node.name, init[0])
    bases = f"({', '.join(ast.unparse(base) for base in node.bases)})" if node.bases else ""
    shown = [f"    {ast.unparse(field)}" for field in fields if not ast.unparse(field.target).startswith("_")]
    return "\n".join([f"class {node.name}{bases}{':' if shown else ''}", *shown])


def _call(name: str, node: ast.FunctionDef) -> str:
    parameters = _parameters(node.args)
    returns = (
        f" -> {ast.unparse(node.returns)}" if node.returns is not None and node.name != "__init__" else ""
    )
    line = f"{name}({', '.join(parameters)}){returns}"
    if len(line) <= 100:
        return line
    return "\n".join([f"{name}(", *(f"    {parameter}," for parameter in parameters), f"){returns}"])


def _parameters(arguments: ast.arguments) -> list[str]:
    """The parameters of a signature, without `self`."""
    lines = []
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults)) + [*arguments.defaults]
    pairs = [*zip(plain, defaults, strict=True)]
    for argument, default in pairs:
        if argument.arg != "self":
            lines.append(_parameter(argument, default))
    if arguments.kwonlyargs:
        lines.append("*")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        lines.append(_parameter(argument, default))
    return lines


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default is not None else "")


def _methods(value: type) -> list[str]:
    """Public methods and properties that the class itself has documented."""
    parts = []
    for name, member in vars(value).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if not inspect.isfunction(function) or not function.__doc__:
            continue
        if name.startswith("_") and name != "__call__":
            continue
        node = _node_of(function)
        assert isinstance(node, ast.FunctionDef)
        call = name if isinstance(member, property) else _call(name, node).replace("__call__", "", 1)
        label = value.__name__.lower()
        dot = "" if name == "__call__" else "."
        parts += [f"```python\n{label}{dot}{call}\n```", _docstring(function)]
    return parts


def _node_of(value: Any) -> ast.FunctionDef | ast.ClassDef:
    node = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    return node


def _docstring(value: Any) -> str:
    return "\n\n".join(_sections(inspect.getdoc(value) or ""))


def _sections(text: str) -> Iterator[str]:
    """A docstring's paragraphs; `Args:` and its like become a list, `Example:` becomes code."""
    for block in re.split(r"\n\n(?=\S)", text):
        heading = re.match(r"(Args|Attributes|Returns|Yields|Raises|Examples?):\n", block)
        if heading is None:
            yield _block(block, "python")
        elif heading[1].startswith("Example"):
            yield f"```python\n{example_code(block[heading.end() :])}\n```"
        elif heading[1] in {"Returns", "Yields"}:
            yield f"**{heading[1]}**: {' '.join(block[heading.end() :].split())}"
        else:
            yield f"**{heading[1]}**"
            entries = re.split(r"\n(?! )", textwrap.dedent(block[heading.end() :]))
            yield "\n".join(f"- {_entry(entry)}" for entry in entries)


def example_code(text: str) -> str:
    """The code of an `Example:` section, which may be written as at Python's prompt (`>>>`)."""
    return re.sub(r"^(>>>|\.\.\.) ?", "", textwrap.dedent(text), flags=re.MULTILINE).strip()


def _entry(text: str) -> str:
    line = " ".join(text.split())
    name = re.match(r"([\w*][\w*, ]*): ", line)
    if name is None:
        return line
    return f"`{name[1]}`: {line[name.end() :]}"


def _block(block: str, language: str) -> str:
    """A paragraph; one whose lines are all indented is code."""
    lines = [line for line in block.splitlines() if line.strip()]
    if lines and all(line.startswith("  ") for line in lines):
        return f"```{language}\n{textwrap.dedent(block).strip()}\n```"
    return block


if __name__ == "__main__":
    main()
