"""`scanner redact`: take out what a remedy or a policy says, and show what it brought."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from scanner import redact as redacting
from scanner.atomic import write_text
from scanner.cli._invocation import invocation
from scanner.cli._options import json_option, variable
from scanner.cli._shared import FILE, INCOMPLETE, KEY, LEDGER, PLACE, RULES, Bar, state_of
from scanner.errors import BadRedaction, Fault
from scanner.evidence import Evidence, Remedy
from scanner.executors import engines
from scanner.files import load_entities, load_yaml
from scanner.keys import default_key_file
from scanner.model import Decision
from scanner.outcome import Comparison
from scanner.output import read_evidence
from scanner.publish import fetch
from scanner.redaction import RedactionPlan, parse_redaction, plan_of_remedy
from scanner.reports._redaction import markdown
from scanner.stores import Place, Url
from scanner.wording import plural

ANY_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--evidence", type=PLACE, required=True, help="Output, a folder or URL, of the scan of PATH.")
@click.option("--out", type=PLACE, required=True, help="Folder or URL for the new shards; empty, or of an earlier run.")
@LEDGER
@click.option("--plan", "remedy", metavar="REMEDY", help="Remedy of the report to apply, such as remedy-2.")
@click.option("--policy", type=FILE, help="What to do with which finding (redaction.yaml).")
@click.option("--found-only", is_flag=True, help="Leave the same values in places where the scan did not find them.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--resume", is_flag=True, help="Go on with what a killed run of the same plan finished.")
@click.option(
    "--vault", type=ANY_FILE, help="Keep what is taken out, encrypted, so that `scanner restore` can undo it."
)
@click.option("--vault-key", type=ANY_FILE, help="Key of the vault. [default: beside the fingerprint key]")
@KEY
@RULES
@click.option("--release-policy", type=FILE, help="Policy to judge the new shards by. [default: the one that ships]")
@click.option(
    "--engine",
    type=click.Choice(sorted(engines())),
    envvar=variable("engine"),
    default="local",
    help="How the work is spread. [default: local]",
)
@click.option(
    "--workers", type=click.IntRange(1, 1024), envvar=variable("workers"), help="Shards at once. [default: one a core]"
)
@json_option("Print the comparison as JSON.")
def command(
    paths: tuple[str, ...],
    evidence: Place,
    out: Place,
    ledger: Path | None,
    remedy: str | None,
    policy: Path | None,
    vault: Path | None,
    vault_key: Path | None,
    key: Path | None,
    rules: Path | None,
    release_policy: Path | None,
    engine: str,
    workers: int | None,
    *,
    found_only: bool,
    dry_run: bool,
    resume: bool,
    as_json: bool,
) -> int:
    """Write redacted copies of scanned shards, scan them, and hold the forecast to what was reached.

    Works from the spans of the scan and detects nothing again. The shards given are only read. Where --out is a URL,
    all but the shards stays on this machine.
    """
    if (remedy is None) == (policy is None):
        raise click.UsageError("say what to do: --plan REMEDY of the report, or --policy redaction.yaml")
    if vault is None and vault_key is not None:
        raise click.UsageError("--vault-key is for a vault: name its file with --vault, or leave both out")
    key_file = key or default_key_file()
    with _near(evidence) as folder:
        chosen = _remedy(read_evidence(folder), remedy) if remedy else None
        plan = plan_of_remedy(chosen) if chosen else _plan(policy, rules)
        request = redacting.Request(
            paths=paths,
            evidence=folder,
            out=out,
            state=state_of(out, ledger),
            plan=replace(plan, elsewhere=plan.elsewhere and not found_only),
            key_file=key_file,
            rules=rules,
            policy=release_policy,
            engine=engine,
            workers=workers or os.cpu_count() or 1,
            resume=resume,
            vault=vault,
            vault_key=vault_key or key_file.with_name("vault.key"),
            remedy=chosen,
            command=invocation(),
        )
        if dry_run:
            _show_cost(request)
            return 0
        outcome = redacting.redact(request, Bar(), lambda line: click.echo(line, err=True))
    _write(outcome, request.own)
    click.echo(f"report: {request.own / 'report.md'}", err=True)
    if as_json:
        click.echo(outcome.model_dump_json(indent=2))
    else:
        Console().print(Markdown(markdown(outcome)))
    return exit_code(outcome)


@contextmanager
def _near(evidence: Place) -> Iterator[Path]:
    """The output of the scan on this machine: what lies in a store is fetched for as long as it is needed.

    Raises:
        click.UsageError: a file was named, beside which no spans need lie.
    """
    if not isinstance(evidence, Url):
        if evidence.is_file():
            raise click.UsageError("--evidence takes the output folder of the scan, not a file in it")
        yield evidence
        return
    with tempfile.TemporaryDirectory(prefix="scanner-") as folder:
        fetch(evidence, Path(folder))
        yield Path(folder)


def exit_code(outcome: Comparison) -> int:
    """3 for an incomplete run; 1 where the forecast was not reached or, without one, nothing may leave; else 0."""
    if outcome.incomplete:
        return INCOMPLETE
    if outcome.reached is not None:
        return int(not outcome.reached or bool(outcome.still_found))
    return int(outcome.after.decision is Decision.KEEP_INTERNAL)


def _remedy(evidence: Evidence, wanted: str) -> Remedy:
    """The remedy of this id; `other:remedy-1` names one for the artefact that the verdict is not on.

    Raises:
        BadRedaction: there is none.
    """
    prefix, _, name = wanted.rpartition(":")
    verdict = evidence.other.verdict if prefix == "other" and evidence.other else evidence.verdict
    known = {one.id: one for one in verdict.remedies}
    if name not in known:
        raise BadRedaction([Fault("--plan", f"the evidence has no such remedy; it has {_remedies_told(evidence)}")])
    return known[name]


def _remedies_told(evidence: Evidence) -> str:
    """Every remedy that can be named, with what it does."""
    verdicts = {"": evidence.verdict} | ({"other:": evidence.other.verdict} if evidence.other else {})
    told = [
        f"{prefix}{one.id} ({one.tier.value}): {'; '.join(action.title for action in one.actions)}"
        for prefix, verdict in verdicts.items()
        for one in verdict.remedies
    ]
    return "\n  ".join(["these:", *told]) if told else "none: no change to the data alone was found to be enough"


def _plan(policy: Path | None, rules: Path | None) -> RedactionPlan:
    assert policy is not None, "one of the two options is given"
    return parse_redaction(load_yaml(policy, BadRedaction), load_entities(rules).keys())


def _write(outcome: Comparison, folder: Path) -> None:
    write_text(folder / "report.json", outcome.model_dump_json(indent=2) + "\n")
    write_text(folder / "report.md", markdown(outcome))


def _show_cost(request: redacting.Request) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        cost = redacting.estimate(request, Path(scratch))
    table = Table("entity", "operator", "findings", "cells", "rows", "characters")
    for one in cost.selected:
        counts = (one.spans, one.cells, one.rows, one.characters)
        table.add_row(one.entity, cost.treatments[one.treatment], *(f"{count:,}" for count in counts))
    console = Console()
    console.print(table)
    told = f"{plural(cost.shards, 'shard')} of {cost.size_bytes:,} bytes would be read and written; nothing was."
    if request.plan.elsewhere and cost.selected:
        told += " The same values in places where the scan did not find them are looked for then, and not counted here."
    console.print(told)
    for told in _notes(request, cost):
        console.print(told, markup=False)


def _notes(request: redacting.Request, cost: redacting.Cost) -> Iterator[str]:
    """What else there is to know before it is done."""
    remedy = request.remedy
    if remedy is not None:
        told = f"{remedy.id} foretells the tier {remedy.tier.value} and a score of {remedy.score.p50:.1f}"
        yield f"{told}, once all of this is done: {'; '.join(action.title for action in remedy.actions)}."
    yield from cost.idle
    for name in cost.dropped_shards:
        yield f"left out: the shard {name}"
    for name in cost.dropped_columns:
        yield f"left out: the column {name}"
    for name in cost.unreadable:
        yield f"not written: {name} could not be scanned"
