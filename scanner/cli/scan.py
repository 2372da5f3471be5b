"""`scanner scan`: read shards, find, weigh, decide."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from scanner import scan as scanning
from scanner.cli._invocation import invocation
from scanner.cli._options import variable
from scanner.cli._shared import FILE, KEY, PLACE, Bar, conclude, ends_in_verdict, state_of
from scanner.config import FILE_NAME, DatasetFile, DocumentationValues, load_dataset_file
from scanner.executors import engines
from scanner.keys import default_key_file
from scanner.model import Artefact, Provenance, Tier
from scanner.plan import Verify
from scanner.publish import check_writable
from scanner.stores import Url, is_url, last_part, place


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--out", type=PLACE, envvar=variable("out"), help="Folder or URL for evidence, spans and reports.")
@click.option(
    "--config", type=FILE, envvar=variable("config"), help=f"Description of the dataset. [default: {FILE_NAME} in PATH]"
)
@ends_in_verdict
@KEY
@click.option(
    "--provenance",
    type=click.Choice([p.value for p in Provenance]),
    envvar=variable("provenance"),
    help="Where the text comes from. [default: unknown, counted as user_private]",
)
@click.option(
    "--engine",
    type=click.Choice(sorted(engines())),
    envvar=variable("engine"),
    help="How the work is spread. [default: local]",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    envvar=variable("workers"),
    help="Units worked on at once. [default: one a core]",
)
@click.option(
    "--ray-address",
    envvar=[variable("ray-address"), "RAY_ADDRESS"],
    help="Ray cluster to join with --engine ray. [default: Ray on this machine alone]",
)
@click.option(
    "--names/--no-names",
    default=None,
    envvar=variable("names"),
    help="Run the language models that find names and places. [default: names]",
)
@click.option(
    "--until-decided/--to-the-end",
    default=None,
    envvar=variable("until-decided"),
    help="Stop looking for names once they cannot change the verdict. [default: to the end]",
)
@click.option(
    "--resume",
    is_flag=True,
    default=None,
    envvar=variable("resume"),
    help="Go on with what a killed run of the same plan finished.",
)
@click.option(
    "--sha256/--no-sha256",
    default=None,
    envvar=variable("sha256"),
    help="Identify remote shards by all their bytes, which reads them whole. [default: by version and footer]",
)
def command(paths: tuple[str, ...], config: Path | None, **options: Any) -> int:
    """Scan Parquet shards and say how far a model trained on them may go.

    PATH is a file, a folder, a hive partition or a glob, on this machine or as a URL. Every option may also stand
    in dataset.yaml or in a SCANNER_ variable; a flag wins over a variable, a variable over the file.
    """
    file = dataset_file(config, paths)
    request = replace(request_of(paths, file, options), command=invocation())
    out = place(_chosen("out", options, file))
    if isinstance(out, Url):
        check_writable(out)
    evidence = scanning.scan(request, Bar())
    return conclude(evidence, request.out, out, as_json=_chosen("as_json", options, file))


def dataset_file(config: Path | None, paths: Sequence[str]) -> DatasetFile:
    """The file named, else the one that lies in the only path given, else an empty description."""
    beside = Path(paths[0]) / FILE_NAME
    if config is None and len(paths) == 1 and beside.is_file():
        config = beside
    return load_dataset_file(config) if config else DatasetFile()


def request_of(paths: tuple[str, ...], file: DatasetFile, options: Mapping[str, Any]) -> scanning.Request:
    """What to do, by options and variables, then by the file, then by default."""

    def chosen(name: str, default: Any = None) -> Any:
        value = _chosen(name, options, file)
        return default if value is None else value

    out = chosen("out")
    if out is None:
        raise click.UsageError("say where to write: --out DIR or URL, SCANNER_OUT, or `out:` in dataset.yaml")
    dataset = replace(file.dataset(_name_of(paths)), provenance=Provenance(chosen("provenance")))
    asked = chosen("release_as")
    return scanning.Request(
        paths=paths,
        out=state_of(place(out), chosen("ledger")),
        dataset=dataset,
        key_file=chosen("key", default_key_file()),
        policy=chosen("policy"),
        rules=chosen("rules"),
        include=tuple(file.columns.include),
        exclude=tuple(file.columns.exclude),
        names=chosen("names"),
        until_decided=chosen("until_decided"),
        count_documentation=file.documentation_values is DocumentationValues.COUNT,
        artefact=Artefact(chosen("artefact")),
        asked=Tier(asked) if asked else None,
        engine=chosen("engine", "local"),
        workers=chosen("workers", os.cpu_count() or 1),
        cluster=chosen("ray_address"),
        resume=chosen("resume"),
        redaction=file.redaction,
        verify=Verify.SHA256 if chosen("sha256") else Verify.GLANCE,
    )


def _chosen(name: str, options: Mapping[str, Any], file: DatasetFile) -> Any:
    """The flag's or variable's value, else the file's."""
    value = options.get(name)
    return getattr(file, name) if value is None else value


def _name_of(paths: Sequence[str]) -> str:
    """What to call a dataset whose file gives no name: its folder or file."""
    if len(paths) > 1:
        return "dataset"
    return last_part(paths[0]) if is_url(paths[0]) else Path(paths[0]).resolve().name
