"""`dataset.yaml`: what its owner says of a dataset and how it is to be scanned, as typed values."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from scanner.budget import seconds_until, zone
from scanner.errors import BadDataset, Fault
from scanner.executors import engines
from scanner.files import load_yaml
from scanner.model import Artefact, Dataset, ModelCard, Provenance, Tier
from scanner.plan import Verify
from scanner.rules import Document
from scanner.stores import READ_ONLY, is_url, masked, scheme_of

FILE_NAME = "dataset.yaml"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Names = Annotated[list[str], Field(max_length=10_000)]


def _known_engine(name: str) -> str:
    if name not in engines():
        raise ValueError(f"must be one of {', '.join(sorted(engines()))}")
    return name


def _quoted(time: Any) -> Any:
    """Refuse what YAML made of a time of day without quotes: 22:30 is 1350 to it."""
    if not isinstance(time, str):
        raise ValueError('must be a time of day in quotes, such as "06:00"')
    return time


def _time_of_day(text: str) -> str:
    seconds_until(text, time.time())
    return text


def _known_zone(name: str) -> str:
    zone(name)
    return name


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSection(_Section):
    """`model:`, the card of the model to be trained; what is left out counts as the policy's worse case."""

    parameters: Positive | None = None
    training_tokens: Positive | None = None
    epochs: Positive | None = None
    dp_epsilon: Positive | None = None
    dp_delta: Positive | None = None


class ColumnsSection(_Section):
    """`columns:`, leaf paths or globs. `exclude` counts as not scanned; `dropped` is removed before use."""

    include: Names = ["*"]
    exclude: Names = []
    dropped: Names = []


class DocumentationValues(StrEnum):
    """What published example values count as: nobody's, or, for demonstrations and tests, somebody's."""

    APART = "apart"
    COUNT = "count"


class DatasetFile(_Section):
    """All keys that `dataset.yaml` may have; options and variables of the same name override them."""

    name: str | None = None
    provenance: Provenance = Provenance.UNKNOWN
    consent: bool = False
    anonymity_report: bool = False
    licence: str = ""
    languages: Names = []
    model: ModelSection = ModelSection()
    columns: ColumnsSection = ColumnsSection()
    facts: dict[Literal["minors", "safe_harbor", "live_secrets"], bool] = {}
    policy: Path | None = None
    rules: Path | None = None
    key: Path | None = None
    out: str | None = None
    ledger: Path | None = None
    release_as: Tier | None = None
    artefact: Artefact = Artefact.MODEL
    engine: Annotated[str, AfterValidator(_known_engine)] | None = None
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    ray_address: str | None = None
    names: bool = True
    until_decided: bool = False
    resume: bool = False
    sha256: bool = False
    as_json: Annotated[bool, Field(alias="json")] = False
    documentation_values: DocumentationValues = DocumentationValues.APART
    redaction: Path | None = None

    def dataset(self, name: str) -> Dataset:
        """The owner's statements; `name` stands in where the file gives none."""
        return Dataset(
            name=self.name or name,
            provenance=self.provenance,
            consent=self.consent,
            anonymity_report=self.anonymity_report,
            licence=self.licence,
            languages=tuple(self.languages),
            model_card=ModelCard(**self.model.model_dump()),
            dropped_columns=tuple(self.columns.dropped),
            facts={str(name): said for name, said in self.facts.items()},
        )


class BudgetSection(_Section):
    """`budget:`, when a night ends; the rest is unscanned, and first in line in the next one."""

    stop_by: Annotated[str, BeforeValidator(_quoted), AfterValidator(_time_of_day)] | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    hours: Positive | None = None
    gigabytes: Positive | None = None


class When(StrEnum):
    """When to notify: what changed a verdict, that and trouble, or every night."""

    CHANGE = "change"
    TROUBLE = "trouble"
    ALWAYS = "always"


def _leads_somewhere(url: str, info: ValidationInfo) -> str:
    if info.context and (fault := info.context["address_fault"](url)):
        raise ValueError(fault)
    return url


class NotifySection(_Section):
    """`notify:`, addresses as apprise knows them; `$NAME` stands for a variable, so that no password stands here."""

    urls: Annotated[list[Annotated[str, AfterValidator(_leads_somewhere)]], Field(max_length=1000)] = []
    when: When = When.TROUBLE


class LogFormat(StrEnum):
    """How logs are written."""

    JSON = "json"
    TEXT = "text"


def _on_this_machine(path: Any) -> Any:
    """Refuse a URL, which would otherwise name a folder of that name."""
    if isinstance(path, str) and is_url(path):
        raise ValueError("name a file or folder of this machine; `publish:` puts the output into a store as well")
    return path


Here = Annotated[Path, BeforeValidator(_on_this_machine)]


def _can_be_published_to(url: str) -> str:
    if not is_url(url):
        raise ValueError("must be the URL of a folder in a store; name a folder of this machine with `out:`")
    if scheme_of(url) in READ_ONLY:
        raise ValueError("can only be read; publish to s3://, gs:// or az://")
    return url


class NightlyDataset(_Section):
    """One entry of `datasets:`; all that is said of a dataset itself stands in its `dataset.yaml`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    paths: Annotated[list[str], Field(min_length=1)]
    config: Here | None = None
    out: Here | None = None
    publish: Annotated[str, AfterValidator(_can_be_published_to)] | None = None


def _apart(datasets: list[NightlyDataset], info: ValidationInfo) -> list[NightlyDataset]:
    """Refuse datasets that would write into one folder: each would take the other's shards for gone."""
    if named := _twice(one.name for one in datasets):
        raise ValueError(f"two datasets have one name: {', '.join(named)}")
    state = info.data.get("state", Path())
    if outs := _twice(os.path.normpath(one.out or state / one.name) for one in datasets):
        raise ValueError(f"two datasets have one output folder: {', '.join(outs)}")
    if urls := _twice(one.publish.rstrip("/") for one in datasets if one.publish):
        raise ValueError(f"two datasets are published under one URL: {', '.join(map(masked, urls))}")
    return datasets


def _twice(items: Iterable[str]) -> list[str]:
    return sorted(item for item, count in Counter(items).items() if count > 1)


def _can_be_made(file: Path, info: ValidationInfo) -> Path:
    """Refuse, where this machine counts, a file in a folder that is not there."""
    if info.context and not (place := info.context["folder"] / file).parent.is_dir():
        raise ValueError(f"there is no folder {place.parent}; make it, or name another")
    if info.context and place.is_dir():
        raise ValueError(f"{place} is a folder; name a file in it, such as scanner.prom")
    return file


class NightlyFile(_Section):
    """All keys that `nightly.yaml` may have."""

    state: Here
    datasets: Annotated[list[NightlyDataset], Field(min_length=1), AfterValidator(_apart)]
    budget: BudgetSection = BudgetSection()
    verify: Verify = Verify.GLANCE
    tries: Annotated[int, Field(ge=1)] = 3
    keep_gone_days: Annotated[int, Field(ge=0)] = 30
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    notify: NotifySection = NotifySection()
    metrics: Annotated[Here, AfterValidator(_can_be_made)] | None = None
    log: LogFormat = LogFormat.JSON


def load_nightly_file(file: Path, address_fault: Callable[[str], str] | None = None) -> NightlyFile:
    """The typed content of a `nightly.yaml`; paths in it are taken relative to its folder.

    Args:
        file: the file.
        address_fault: what is wrong with an address of `notify:`, or "". Where it is given, the file is held to this
            machine: its folders and variables too must be there.

    Raises:
        BadDataset: with every fault of the file, each with its line where it has one.
    """
    document, folder = load_yaml(file, BadDataset), file.parent
    if not isinstance(document.data, dict):
        raise BadDataset([Fault(document.place, "must be a mapping with `state:` and `datasets:`")])
    try:
        here = {"folder": folder, "address_fault": address_fault} if address_fault else None
        parsed = NightlyFile.model_validate(document.data, context=here)
    except ValidationError as error:
        raise BadDataset(_faults(error, document)) from None
    datasets = [
        one.model_copy(
            update={
                "paths": [path if "://" in path else str(folder / path) for path in one.paths],
                "config": one.config and folder / one.config,
                "out": folder / (one.out or parsed.state / one.name),
            }
        )
        for one in parsed.datasets
    ]
    located = {"state": folder / parsed.state, "metrics": parsed.metrics and folder / parsed.metrics}
    return parsed.model_copy(update={**located, "datasets": datasets})


def load_dataset_file(file: Path) -> DatasetFile:
    """The typed content of a `dataset.yaml`; paths in it are taken relative to its folder.

    Raises:
        BadDataset: with every fault of the file, each with its line where it has one.
    """
    return parse_dataset_file(load_yaml(file, BadDataset), file.parent)


def parse_dataset_file(document: Document, folder: Path) -> DatasetFile:
    """`load_dataset_file` after the reading; `folder` is what relative paths start from.

    Raises:
        BadDataset: with every fault.
    """
    if not isinstance(document.data, dict):
        raise BadDataset([Fault(document.place, "must be a mapping of keys such as `name:` and `provenance:`")])
    try:
        parsed = DatasetFile.model_validate(document.data)
    except ValidationError as error:
        raise BadDataset(_faults(error, document)) from None
    located: dict[str, Path | str] = {
        key: folder / path
        for key in ("policy", "rules", "key", "ledger", "redaction")
        if (path := getattr(parsed, key)) is not None
    }
    if parsed.out is not None and not is_url(parsed.out):
        located["out"] = str(folder / parsed.out)
    return parsed.model_copy(update=located)


def _faults(error: ValidationError, document: Document) -> Iterator[Fault]:
    for fault in error.errors(include_input=False, include_url=False):
        key = ".".join(map(str, fault["loc"]))
        message = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
        yield Fault(document.at(*fault["loc"]), f"`{key}`: {message}")
