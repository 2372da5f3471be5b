"""The command line as evidence tells it: what would do the same again, and no secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import click
from click.core import ParameterSource

from scanner.stores import is_url, masked

GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
HIDDEN = "…"
MOST_PATHS = 20
"""Paths that are told; a shell may have made thousands out of one glob."""


def invocation() -> tuple[str, ...]:
    """Words of the command at work: its arguments, then each option that a flag or a variable chose, as its flag.

    Options stand in the order of `--help`. URLs lose what may be a credential, and where a key lies is not told. What
    a configuration file says is not repeated: evidence has it elsewhere.
    """
    context = click.get_current_context()
    given = [
        parameter
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) in GIVEN
    ]
    values = [(parameter, context.params[str(parameter.name)]) for parameter in given]
    arguments = (_argument(value) for parameter, value in values if isinstance(parameter, click.Argument))
    options = (_option(parameter, value) for parameter, value in values if isinstance(parameter, click.Option))
    return ("scanner", str(context.info_name), *chain.from_iterable(arguments), *chain.from_iterable(options))


def _argument(value: Any) -> Iterator[str]:
    paths: Sequence[Any] = value if isinstance(value, tuple) else (value,)
    yield from map(_shown, paths[:MOST_PATHS])
    if len(paths) > MOST_PATHS:
        yield f"{HIDDEN} and {len(paths) - MOST_PATHS:,} more"


def _option(option: click.Option, value: Any) -> Iterator[str]:
    flag = max(option.opts, key=len)
    if not option.is_flag:
        yield flag
        yield HIDDEN if flag.endswith("key") else _shown(value)
    elif value:
        yield flag
    else:
        yield from option.secondary_opts


def _shown(value: Any) -> str:
    """A word without credentials, and with a mark for bytes that are no text."""
    text = str(value)
    return (masked(text) if is_url(text) else text).encode("utf-8", "replace").decode()
