"""What options of all commands have in common; light enough for a command that must be quick to leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def variable(name: str) -> str:
    """Environment variable of an option: `--release-as` is `SCANNER_RELEASE_AS`."""
    return "SCANNER_" + name.lstrip("-").replace("-", "_").upper()


def json_option(told: str) -> Callable[[Command], Command]:
    """The option `--json`, which a command gets as `as_json`; `told` is its help."""
    return click.option("--json", "as_json", is_flag=True, default=None, envvar=variable("json"), help=told)
