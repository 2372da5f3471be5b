"""The command line as evidence tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import pytest
from click.testing import CliRunner

from scanner.cli._invocation import MOST_PATHS, invocation
from scanner.cli._shared import KEY, PLACE


@click.command("scan")
@click.argument("paths", nargs=-1)
@click.option("--out", type=PLACE)
@KEY
@click.option("--vault-key")
@click.option("--names/--no-names", default=None, envvar="SCANNER_NAMES")
@click.option("--resume", is_flag=True, default=None)
@click.option("--workers", type=int, envvar="SCANNER_WORKERS", default=2)
def command(**_: Any) -> None:
    for word in invocation():
        click.echo(ascii(word))


def told(*arguments: str, variables: Mapping[str, str] | None = None) -> list[str]:
    done = CliRunner().invoke(command, arguments, env=variables, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [line[1:-1] for line in done.output.splitlines()]


def test_the_words_stand_in_one_order_whatever_order_they_were_given_in() -> None:
    wanted = ["scanner", "scan", "a", "b", "--out", "o", "--resume", "--workers", "3"]
    assert told("a", "b", "--out", "o", "--resume", "--workers", "3") == wanted
    assert told("--workers", "3", "--resume", "a", "--out", "o", "b") == wanted


def test_what_a_variable_chose_stands_as_its_flag_and_a_default_not_at_all() -> None:
    assert told("a", variables={"SCANNER_NAMES": "0", "SCANNER_WORKERS": "4"}) == [
        "scanner", "scan", "a", "--no-names", "--workers", "4",
    ]  # fmt: skip


@pytest.mark.parametrize("given", ["paths", "--out"])
def test_a_url_has_no_credential(given: str) -> None:
    url = "https://ann:hunter2@example.com/a.parquet?X-Amz-Signature=5ec7e7#hunter2"
    words = told(url) if given == "paths" else told("a", "--out", url)
    assert words[-1] == "https://example.com/a.parquet?\\u2026"
    assert not any("hunter2" in word or "5ec7e7" in word for word in words)


def test_where_a_key_lies_is_not_told() -> None:
    assert told("a", "--key", "/vaults/k", "--vault-key", "/vaults/v") == [
        "scanner", "scan", "a", "--key", "\\u2026", "--vault-key", "\\u2026",
    ]  # fmt: skip
    assert "vaults" not in str(told("a", variables={"SCANNER_KEY": "/vaults/k"}))


def test_a_glob_that_a_shell_spread_out_is_told_by_its_beginning() -> None:
    words = told(*(f"{number}.parquet" for number in range(MOST_PATHS + 1_000)))
    assert len(words) == 2 + MOST_PATHS + 1
    assert words[-1] == "\\u2026 and 1,000 more"


def test_bytes_that_are_no_text_are_marked() -> None:
    assert told("a\udcffb")[-1] == "a?b"
