"""`dataset.yaml`: what its owner says of a dataset and how it is to be scanned, as typed values."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from scanner.errors import BadDataset, Fault
from scanner.executors import engines
from scanner.files import load_yaml
from scanner.model import Artefact, Dataset, ModelCard, Provenance, Tier
from scanner.rules import Document

FILE_NAME = "dataset.yaml"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Names = Annotated[list[str], Field(max_length=10_000)]


def _known_engine(name: str) -> str:
    if name not in engines():
        raise ValueError(f"must be one of {', '.join(sorted(engines()))}")
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
    out: Path | None = None
    release_as: Tier | None = None
    artefact: Artefact = Artefact.MODEL
    engine: Annotated[str, AfterValidator(_known_engine)] | None = None
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    ray_address: str | None = None
    names: bool = True
    resume: bool = False
    as_json: Annotated[bool, Field(alias="json")] = False
    documentation_values: DocumentationValues = DocumentationValues.APART

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
    located = {
        key: folder / path for key in ("policy", "rules", "key", "out") if (path := getattr(parsed, key)) is not None
    }
    return parsed.model_copy(update=located)


def _faults(error: ValidationError, document: Document) -> Iterator[Fault]:
    for fault in error.errors(include_input=False, include_url=False):
        key = ".".join(map(str, fault["loc"]))
        message = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
        yield Fault(document.at(*fault["loc"]), f"`{key}`: {message}")
