"""A verb's function as a command: dataclasses among its parameters become one option for each field.

A verb may also take `Given`, which says which options were on the command line.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

import typer

from rtmcli.errors import UsageError

# The parameter through which typer passes its context to a verb that takes none itself.
_CONTEXT = "command_context"


@dataclass(frozen=True, slots=True)
class Given:
    """What the options of a run are, and which of them are on the command line.

    Attributes:
        flags: parameter name -> the option as the help writes it, such as `--det-every`, of those on the command line
            whose value is not their default. Defaults from the environment and config.toml are not among them: they may
            stand for other runs of the verb.
        values: parameter name -> value of every option of the verb.
    """

    flags: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def reject(self, names: Iterable[str], reason: str, remedy: str = "leave it out") -> None:
        """Raise UsageError for the first of these options that was given: it has no effect, for this reason."""
        for name in names:
            if name in self.flags:
                raise UsageError(f"{self.flags[name]} has no effect {reason}; {remedy}")


def as_command(verb: Callable[..., None]) -> Callable[..., None]:
    """The function for typer: the verb's parameters, with every options dataclass expanded into its fields."""
    hints = get_type_hints(verb, include_extras=True)
    plain = [p for p in inspect.signature(verb).parameters.values() if not _is_expanded(hints[p.name])]
    expanded = {name: kind for name, kind in hints.items() if name != "return" and _is_expanded(kind)}
    if not expanded:
        return verb
    # Typer fills one parameter with its context: the verb's own, where it has one.
    own_context = next((name for name, kind in hints.items() if kind is typer.Context), None)
    parameters = [] if own_context else [_parameter(_CONTEXT, typer.Context)]
    for name, parameter in inspect.signature(verb).parameters.items():
        if parameter in plain:
            parameters.append(_parameter(name, hints[name], parameter.default))
        elif expanded[name] is not Given:
            parameters += _parameters_of(expanded[name])

    @wraps(verb)
    def command(**values: Any) -> None:
        context: typer.Context = values[own_context] if own_context else values.pop(_CONTEXT)
        _refuse_nan(values)
        objects = {
            name: _given(context) if kind is Given else _build(kind, values)
            for name, kind in expanded.items()
        }
        verb(**{parameter.name: values[parameter.name] for parameter in plain}, **objects)

    # inspect reads this attribute, which the type of a function does not have.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _refuse_nan(values: Mapping[str, Any]) -> None:
    """Raise UsageError for NaN, which is within the limits of every option, as no comparison with it is true."""
    for name, value in values.items():
        if isinstance(value, float) and math.isnan(value):
            raise UsageError(f"--{name.replace('_', '-')} nan is not a number; give one, or leave it out")


def _is_expanded(annotation: Any) -> bool:
    return isinstance(annotation, type) and is_dataclass(annotation)


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _parameters_of(options: type) -> list[inspect.Parameter]:
    """One parameter for each field, also those of dataclasses within."""
    hints = get_type_hints(options, include_extras=True)
    found: list[inspect.Parameter] = []
    for one in fields(options):
        if _is_expanded(hints[one.name]):
            found += _parameters_of(hints[one.name])
        else:
            default = inspect.Parameter.empty if one.default is MISSING else one.default
            found.append(_parameter(one.name, hints[one.name], default))
    return found


def _build(options: type, values: Mapping[str, Any]) -> Any:
    """The options object with these values."""
    hints = get_type_hints(options, include_extras=True)
    return options(
        **{
            one.name: _build(hints[one.name], values) if _is_expanded(hints[one.name]) else values[one.name]
            for one in fields(options)
        }
    )


def _given(context: typer.Context) -> Given:
    flags, values = {}, {}
    for parameter in context.command.params:
        name = str(parameter.name)
        if parameter.param_type_name != "option" or name not in context.params:
            continue
        values[name] = value = context.params[name]
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and value != parameter.default:
            flags[name] = max(parameter.opts, key=len)
    return Given(flags, values)
