"""The default model and detector, written into `config.toml` without changing the rest of the file."""

import json
import re
import tomllib
from typing import Any

from rtmcli.errors import UsageError
from rtmcli.files import write_atomically
from rtmcli.settings import config, home
from rtmcli.zoo.download.lock import make_folder
from rtmcli.zoo.metadata import read_card
from rtmcli.zoo.resolve import find_model


def set_default(name: str) -> list[str]:
    """Make an installed model the default of the verbs that take one of its task; what was done, one line a verb.

    Raises:
        MissingError: it is not installed; the message has the command that downloads it.
        UsageError: it carries no card, or `config.toml` cannot be changed safely.
    """
    path = find_model(name)
    card = read_card(path) if path.suffix == ".onnx" else None
    if card is None:
        raise UsageError(
            f"{path} carries no card, so its task is unknown; give it to each run with --model {name}"
        )
    value = str(path.resolve()) if "/" in name else name
    option = "detector" if card.task == "detector" else "model"
    verbs = ("detect", "pose") if option == "detector" else ("pose",)
    place = home() / "config.toml"
    text = place.read_text(encoding="utf-8") if place.is_file() else ""
    expected = _loaded(text)
    for verb in verbs:
        table = expected.setdefault(verb, {})
        if not isinstance(table, dict):
            raise UsageError(f"{place}: [{verb}] is not a table; remove the line that sets it")
        table[option] = value
        text = _with_key(text, verb, option, value)
    if _loaded(text) != expected:
        raise UsageError(
            f"{place} cannot be changed safely; write {option} = {value!r} under [{'] and ['.join(verbs)}] yourself"
        )
    make_folder(place.parent)
    write_atomically(place, text.encode())
    config.cache_clear()
    return [f"{value} is now the default {option} of 'rtm {verb}' ({place})" for verb in verbs]


def _with_key(text: str, table: str, key: str, value: str) -> str:
    """The text with `key = value` in `[table]`: replaced if present, else inserted below the table's header."""
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    if text and not text.endswith("\n"):
        text += "\n"
    head = re.search(rf"(?m)^[ \t]*\[ *{re.escape(table)} *\].*\n", text)
    if head is None:
        return f"{text}\n[{table}]\n{line}\n".lstrip("\n")
    next_head = re.compile(r"(?m)^[ \t]*\[").search(text, head.end())
    end = next_head.start() if next_head else len(text)
    body, replaced = re.subn(
        rf"(?m)^[ \t]*{re.escape(key)}[ \t]*=.*$", lambda _: line, text[head.end() : end], count=1
    )
    return text[: head.end()] + (body if replaced else f"{line}\n{body}") + text[end:]


def _loaded(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{home() / 'config.toml'} is not TOML: {error}; repair or remove it") from None
