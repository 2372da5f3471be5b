"""Options that several commands have are one option."""

from __future__ import annotations

import click
import pytest

from scanner.cli import scanner as group

JSON_COMMANDS = ("decide", "evaluate", "history", "nightly", "redact", "scan")


def options(name: str) -> dict[str, click.Option]:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return {flag: option for option in command.params if isinstance(option, click.Option) for flag in option.opts}


def test_these_commands_can_print_json() -> None:
    names = group.list_commands(click.Context(group))
    assert tuple(name for name in names if "--json" in options(name)) == JSON_COMMANDS


@pytest.mark.parametrize("name", JSON_COMMANDS)
def test_json_is_asked_for_by_one_flag_or_one_variable_and_says_what_is_printed(name: str) -> None:
    option = options(name)["--json"]
    assert (option.name, option.envvar, option.is_flag) == ("as_json", "SCANNER_JSON", True)
    assert (option.help or "").startswith("Print ")
