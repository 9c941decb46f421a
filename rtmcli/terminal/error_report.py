"""Report an error as one sentence on stderr; its exit code is that of the process."""

import contextlib
import sys
from collections.abc import Iterable
from typing import Any

import typer

from rtmcli.errors import MissingError, RtmError, UsageError, missing_library
from rtmcli.settings import Defaults, current
from rtmcli.terminal.messages import printable
from rtmcli.terminal.streams import drop_unwritable_output


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or `;` if no known word is similar: the part of a message before its remedy."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ";"


def report(error: Exception, arguments: list[str], verbs: Iterable[str]) -> int:
    """Print the error on stderr in one line and return the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":  # `rtm` or `rtm models` alone
        print(error, file=sys.stderr)
        return UsageError.exit_code
    settings = current()
    # An error in the command line itself may come before these were read.
    verbose = settings.verbose or bool({"-v", "--verbose"} & set(arguments))
    json_errors = settings.json_errors or "--json-errors" in arguments
    verb = next((word for word in arguments if not word.startswith("-")), "")
    verb = verb if verb in verbs else ""
    program = f"rtm {verb}".strip()
    code, message = _code_and_sentence(error, program)
    from rtmcli.credentials import hide_credentials

    message = hide_credentials(message)
    # Where stderr cannot be written the exit code alone tells.
    with contextlib.suppress(OSError, ValueError):
        if verbose:
            import traceback

            print(hide_credentials("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        if json_errors:
            import orjson

            line = orjson.dumps({"verb": verb or None, "error": message, "exit_code": code}).decode()
        else:
            line = f"{program}: {printable(message)}"
        print(line, file=sys.stderr, flush=True)
    drop_unwritable_output()
    return code


def _code_and_sentence(error: Exception, program: str) -> tuple[int, str]:
    """Exit code and sentence for any exception."""
    if isinstance(error, RtmError):
        return error.exit_code, " ".join(str(error).split())
    if isinstance(error, typer.TyperException):
        return UsageError.exit_code, _usage_message(error, program)
    if isinstance(error, ModuleNotFoundError):
        return MissingError.exit_code, _missing_package(error)
    if isinstance(error, ImportError) and "cannot open shared object" in str(error):
        return MissingError.exit_code, str(missing_library(error))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return RtmError.exit_code, f"{where}{error.strerror}"
    text = " ".join(str(error).split())
    return (
        RtmError.exit_code,
        f"internal error: {type(error).__name__}: {text}; please report it with the output of -v",
    )


def _missing_package(error: ModuleNotFoundError) -> str:
    package = (error.name or "").partition(".")[0]
    wanted = f"'rtmcli[{_EXTRAS[package]}]'" if package in _EXTRAS else package
    return f"the Python package {package} is not installed; install it with: pip install {wanted}"


# Which extra of rtmcli installs a package.
_EXTRAS = {
    "torch": "torch",
    "safetensors": "torch",
    "ncnn": "ncnn",
    "openvino": "openvino",
    "tensorrt": "tensorrt",
    "pycocotools": "eval",
    "matplotlib": "eval",
    "onnx": "export",
    "onnxscript": "export",
    "tensorboard": "train",
    "ray": "ray",
    "fsspec": "cloud",
    "s3fs": "cloud",
    "pyarrow": "parquet",
    "bokeh": "view",
    "ezc3d": "c3d",
    "rerun": "rerun",
    "sleap_io": "sleap",
    "pynwb": "sleap",
    "ndx_pose": "sleap",
    "pandas": "dlc",
    "tables": "dlc",
}


# Words of the library for what a person typed.
_PLAIN = {
    "is not a valid float range": "is not a number",
    "is not a valid float": "is not a number",
    "is not a valid int range": "is not a whole number",
    "is not a valid int": "is not a whole number",
}


def _usage_message(error: typer.TyperException, program: str) -> str:
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else program
    if type(error).__name__ == "NoSuchOption":
        near: list[str] = sorted(getattr(error, "possibilities", None) or ())
        option = getattr(error, "option_name", "")
        hint = f"; did you mean {near[0]}?" if near else ";"
        return f"no such option {option}{hint} '{path} --help' lists them"
    message = " ".join(error.format_message().split()).rstrip(".")
    for words, plain in _PLAIN.items():
        message = message.replace(words, plain)
    parameter: Any = getattr(error, "param", None)
    if parameter is not None and context is not None and isinstance(context.default_map, Defaults):
        source = context.get_parameter_source(parameter.name)
        origin = context.default_map.origin(parameter.name)
        if origin and (source is None or source.name == "DEFAULT_MAP"):
            message += f" (from {origin})"
    return f"{message[:1].lower()}{message[1:]}; see '{path} --help'"
