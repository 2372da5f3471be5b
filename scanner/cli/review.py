"""`scanner review`: judge findings in their context, on a page of this machine alone."""

from __future__ import annotations

import getpass
import webbrowser
from dataclasses import replace
from pathlib import Path

import click

from scanner import scan as scanning
from scanner.atomic import write_text
from scanner.cli._invocation import invocation
from scanner.cli._shared import FOLDER, POLICY, RULES, exit_code, write_reports
from scanner.evaluate import calibration_text
from scanner.evidence import Evidence
from scanner.output import read_evidence
from scanner.review.context import Contexts
from scanner.review.desk import Desk, Wanted
from scanner.review.server import Server
from scanner.review.session import FOLDER as REVIEW
from scanner.review.session import Session, subject
from scanner.reviewing import as_document
from scanner.rulebook import load_rulebook

CALIBRATION = "calibration.yaml"


@click.command()
@click.argument("out", type=FOLDER)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@POLICY
@RULES
@click.option("--reviewer", help="Who judges; another name is another reviewer. [default: the user's name]")
@click.option("--questions", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Findings to judge.")
@click.option("--passages", type=click.IntRange(0, 10_000), default=30, show_default=True, help="Passages to read.")
@click.option("--seed", default="review", show_default=True, help="Decides the sample; share it to compare reviewers.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1. [default: any free one]")
@click.option("--fresh", is_flag=True, help="Begin this reviewer's judgements anew.")
@click.option("--browser/--no-browser", default=False, help="Open the page in a browser. [default: print its address]")
def command(
    out: Path,
    paths: tuple[str, ...],
    policy: Path | None,
    rules: Path | None,
    reviewer: str | None,
    questions: int,
    passages: int,
    seed: str,
    port: int,
    *,
    fresh: bool,
    browser: bool,
) -> int:
    """Judge a sample of findings as true or false, and mark what was missed.

    OUT is the output folder of a finished scan, PATH what was scanned: text is read from there when it is shown, and
    written nowhere. The page is served on 127.0.0.1 alone and opens once by the address printed. Judgements are kept
    in OUT/review, and a later run goes on where this one ended. Finishing on the page writes
    OUT/review/calibration.yaml and decides anew with it; `scanner decide OUT --calibration` does so again.
    """
    evidence = read_evidence(out)
    rulebook = load_rulebook(rules, policy, with_models=False, prove=False)
    session = Session(out, reviewer or getpass.getuser(), subject(evidence), fresh=fresh)
    desk = Desk(
        out,
        evidence,
        rulebook,
        scanning.finished(out, rulebook),
        Contexts(paths, evidence),
        session,
        Wanted(questions, passages, seed),
    )
    decided: list[Evidence] = []
    told = invocation()

    def finish() -> str:
        file = out / REVIEW / CALIBRATION
        write_text(file, calibration_text(as_document(desk.calibration()), ""))
        reviewed = load_rulebook(rules, policy, with_models=False, prove=False, calibration=file)
        decided[:] = [scanning.decide(out, reviewed, lambda dataset: replace(dataset), command=told)]
        write_reports(decided[0], out)
        return decided[0].verdict.sentence

    server = Server(desk, finish, port)
    click.echo(f"review page, opens once: {server.url}", err=True)
    if browser:
        webbrowser.open(server.url)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        click.echo("stopped; judgements are kept", err=True)
    finally:
        server.server_close()
    if not decided:
        return 0
    click.echo(decided[0].verdict.sentence)
    return exit_code(decided[0])
