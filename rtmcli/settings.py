"""Settings of a run: the common flags, the folder of rtm's files, and defaults that the user has set.

An option comes from its flag, then from `RTM_<VERB>_<OPTION>` or `RTM_<OPTION>`, then from `config.toml` in the home
folder: a key of the verb's own table first, then a key at the top. Dashes and underscores are the same there.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rtmcli.errors import UsageError

# Variables that name a folder and are never the default of an option.
_NOT_OPTIONS = frozenset({"RTM_HOME", "RTM_DATA"})


@dataclass(slots=True)
class Settings:
    """The common flags of the verb that runs.

    Attributes:
        quiet: only errors on stderr (`-q`).
        verbose: the traceback of an error on stderr (`-v`).
        json_errors: an error is one JSON object on stderr (`--json-errors`).
        progress: a progress bar may be shown (`--no-progress` clears it).
    """

    quiet: bool = False
    verbose: bool = False
    json_errors: bool = False
    progress: bool = True


_current = Settings()


def current() -> Settings:
    """The settings of this process; a library user may change them in place."""
    return _current


def reset() -> None:
    """Set every common flag to its default: what a run in this process begins with."""
    global _current
    _current = Settings()


def home() -> Path:
    """The folder of models, configuration and caches: `$RTM_HOME`, else the user's data folder; it may not exist.

    A process without a home (no HOME, no entry in the password file) gets a folder that cannot exist.
    """
    try:
        named = os.environ.get("RTM_HOME")
        if named:
            return Path(named).expanduser()
        if sys.platform == "linux":  # what platformdirs says there, without its import: every start asks
            return Path(os.environ.get("XDG_DATA_HOME", "").strip() or "~/.local/share").expanduser() / "rtm"
        from platformdirs import user_data_path

        return user_data_path("rtm", appauthor=False)
    except RuntimeError:  # expanduser found no home folder
        return Path("/proc/nonexistent/rtm")  # nobody can create it, not even root


@lru_cache(maxsize=1)
def config() -> dict[str, Any]:
    """What `config.toml` in the home folder says; empty where there is none. Raises UsageError where it is not TOML."""
    path = home() / "config.toml"
    try:
        text = path.read_bytes()
    except OSError:
        return {}
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}; correct or remove it") from None


def check_config(verb: str, options: Iterable[str]) -> None:
    """Raise UsageError for a key in the verb's own table of `config.toml` that is none of its options."""
    from difflib import get_close_matches

    own = config().get(verb, {})
    known = {option.replace("-", "_") for option in options}
    for key in own if isinstance(own, dict) else ():
        if key.replace("-", "_") not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ";"
            raise UsageError(
                f"{home() / 'config.toml'}: [{verb}] has an unknown key {key!r}{hint} correct or remove it"
            )


class Defaults(Mapping[str, Any]):
    """The defaults of one verb's options, looked up by parameter name when the command line does not give them.

    An option that may be given several times takes a list: in TOML as such, in a variable with commas or blanks.

    Args:
        options: parameter name -> name of the option without dashes in front: `write` -> `to`.
        lists: parameters of options that may be given several times.
    """

    def __init__(self, verb: str, *, options: Mapping[str, str], lists: frozenset[str] = frozenset()) -> None:
        self.verb = verb
        self._options = options
        self._lists = lists

    def origin(self, name: str) -> str | None:
        """Where the default of an option was set, for an error message; None if the user has set none."""
        found = self._find(name)
        return found[0] if found else None

    def __getitem__(self, name: str) -> Any:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        value = found[1]
        return value.replace(",", " ").split() if name in self._lists and isinstance(value, str) else value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def _find(self, name: str) -> tuple[str, Any] | None:
        if name not in self._options:
            return None
        option = self._options[name].replace("-", "_")
        for variable in (f"RTM_{self.verb}_{option}".upper(), f"RTM_{option}".upper()):
            if variable not in _NOT_OPTIONS and os.environ.get(variable):
                return variable, os.environ[variable]
        tables = config()
        own = tables.get(self.verb)
        for place, table in ((f"[{self.verb}] of config.toml", own), ("config.toml", tables)):
            for key in (option, option.replace("_", "-")):
                if isinstance(table, dict) and key in table and not isinstance(table[key], dict):
                    return f"{key} in {place}", table[key]
        return None
