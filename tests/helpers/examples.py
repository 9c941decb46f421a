"""Examples in documents and help texts: found, split into commands, parsed as the program would."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

from rtmcli.cli.app import app

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = {"", "sh", "bash", "console"}


def code_blocks(markdown: str, languages: set[str]) -> Iterator[str]:
    """The fenced blocks of a page in one of the languages; "" is a block without one."""
    for language, text in BLOCK.findall(markdown):
        if language in languages:
            yield text


def indented_blocks(text: str) -> Iterator[str]:
    """The indented lines of a help text or docstring."""
    for line in text.splitlines():
        if line.startswith("  "):
            yield line.strip()


def rtm_commands(text: str) -> Iterator[list[str]]:
    """The words after `rtm` of each command in shell text: in pipes, after `&&` and in `$(...)`."""
    text = text.replace("\\\n", " ")
    # A pipe may go on in the next line.
    text = re.sub(r"\|\s*\n\s*", "| ", text)
    for line in text.splitlines():
        line = line.strip().removeprefix("$ ")
        if "rtm" not in line:
            continue
        words: list[str] = []
        for word in [*_shell_words(line), ";"]:
            if set(word) <= set("|&;()<>"):
                if words[:1] == ["rtm"]:
                    yield words[1:]
                # What follows `>` or `<` is a file name, not a command.
                words = ["file"] if set(word) <= set("<>&") and word != "&&" else []
            else:
                words.append(word)


def _shell_words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return list(lexer)


def parse(arguments: list[str]) -> None:
    """Parse a command line as `rtm` does, without running it; raises what the parser raises."""
    command: Any = app()
    name, parent = "rtm", None
    while True:
        context = command.make_context(name, list(arguments), parent=parent)
        if not hasattr(command, "resolve_command") or not context._protected_args:
            return
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        parent = context
