"""The default model and detector, written into `config.toml` without touching what else a person wrote there."""

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


def set_default(said: str) -> list[str]:
    """Make a model that is here the default of the verbs that take its kind; what was done, in words.

    Raises:
        MissingError: it is not here; the message has the command that fetches it.
        UsageError: it is not said what it does, or `config.toml` cannot be changed without harm.
    """
    path = find_model(said)
    card = read_card(path) if path.suffix == ".onnx" else None
    if card is None:
        raise UsageError(
            f"{path} carries no card, so it is not known what it does; --model {said} names it a run at a time"
        )
    value = str(path.resolve()) if "/" in said else said
    option = "detector" if card.task == "detector" else "model"
    verbs = ("detect", "pose") if option == "detector" else ("pose",)
    place = home() / "config.toml"
    text = place.read_text(encoding="utf-8") if place.is_file() else ""
    expected = _loaded(text)
    for verb in verbs:
        table = expected.setdefault(verb, {})
        if not isinstance(table, dict):
            raise UsageError(f"{place}: {verb} is no table there; remove it, and this can be written")
        table[option] = value
        text = _with_key(text, verb, option, value)
    if _loaded(text) != expected:
        raise UsageError(
            f"{place} is written in a way that cannot be changed safely; put {option} = {value!r} into its [pose]"
        )
    make_folder(place.parent)
    write_atomically(place, text.encode())
    config.cache_clear()
    return [f"{value} is the {option} of 'rtm {verb}' from now on ({place})" for verb in verbs]


def _with_key(text: str, table: str, key: str, value: str) -> str:
    """The text with `key = value` in `[table]`: replaced where it stands, else put under the table's head."""
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
        raise UsageError(f"{home() / 'config.toml'} is not TOML: {error}; mend or remove it") from None
