"""What a redaction does to which finding: a remedy or a `redaction.yaml` as a frozen plan."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scanner.errors import BadRedaction, Fault
from scanner.evidence import Remedy
from scanner.model import DOCUMENTATION
from scanner.remedies import Kind
from scanner.rules import Document


class Operator(StrEnum):
    """What becomes of a finding."""

    KEEP = "keep"
    PSEUDONYM = "pseudonym"
    REPLACE = "replace"
    MASK = "mask"
    HASH = "hash"
    GENERALISE = "generalise"
    DROP_CELL = "drop_cell"
    DROP_ROW = "drop_row"


@dataclass(frozen=True, slots=True)
class Treatment:
    """An operator with its settings.

    Attributes:
        operator: which.
        text: what `replace` puts in; "" for the entity's tag, such as `<SECRET>`.
        keep_last: characters that `mask` leaves.
        characters: of hexadecimal digits that `hash` writes.
        to: what `generalise` tells of a date: `year` or `month`.
    """

    operator: Operator = Operator.KEEP
    text: str = ""
    keep_last: int = 0
    characters: int = 16
    to: str = "year"


PSEUDONYM = Treatment(Operator.PSEUDONYM)
KEEP = Treatment()


@dataclass(frozen=True, slots=True)
class Entry:
    """A treatment, and the findings that it is for; "" stands for any.

    Attributes:
        treatment: what becomes of them.
        entity: of the finding.
        column: leaf path, or a glob of such.
        rule: that found it, or a glob of such.
    """

    treatment: Treatment
    entity: str = ""
    column: str = ""
    rule: str = ""

    def covers(self, entity: str, column: str, rule: str) -> bool:
        """Whether a finding is one of those."""
        return (
            self.entity in ("", entity)
            and (not self.column or bool(_glob(self.column).fullmatch(column)))
            and (not self.rule or bool(_glob(self.rule).fullmatch(rule)))
        )


@dataclass(frozen=True, slots=True)
class Deduplicate:
    """At most so many occurrences of one value stay; entity "" for every kind."""

    most: int
    entity: str = ""


@dataclass(frozen=True, slots=True)
class RedactionPlan:
    """All that is to be done.

    Attributes:
        name: `remedy-2`, or of the policy file.
        entries: treatments; the first that covers a finding counts.
        deduplicate: occurrences beyond these are pseudonymised where no entry covers them.
        dropped_columns: leaf paths that are left out.
        dropped_shards: shards that are left out.
        epochs: passes that the model is to be trained for; None for as said.
        parameters: weights that the model is to have; None for as said.
        recalls: recall to be shown by entity, which no redaction can do.
        elsewhere: a value that is changed where it was found is changed where it stands again, too.
    """

    name: str
    entries: tuple[Entry, ...] = ()
    deduplicate: tuple[Deduplicate, ...] = ()
    dropped_columns: tuple[str, ...] = ()
    dropped_shards: tuple[str, ...] = ()
    epochs: float | None = None
    parameters: float | None = None
    recalls: tuple[tuple[str, float], ...] = ()
    elsewhere: bool = True

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over all that decides what is written."""
        told = {key: value for key, value in asdict(self).items() if key not in _ONLY_JUDGED}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def changes_shards(self) -> bool:
        """Whether it does anything to the shards at all."""
        return bool(self.entries or self.deduplicate or self.dropped_columns or self.dropped_shards)

    def treatment(self, entity: str, column: str, rule: str) -> Treatment:
        """What becomes of a finding. Published example values are no one's and stay."""
        if rule.startswith(DOCUMENTATION):
            return KEEP
        covering = (entry.treatment for entry in self.entries if entry.covers(entity, column, rule))
        return next(covering, KEEP)


ELSEWHERE = "elsewhere:"
"""Prefix of the rule of an occurrence that no detector found, of a value that was found in another place."""

Choose = Callable[[str, str, str], int]
"""Number of the treatment of a finding by entity, column and rule; negative for those that stay."""


def treatments_of(plan: RedactionPlan) -> list[Treatment]:
    """Every treatment of a plan, each once; its number is its place."""
    return list(dict.fromkeys([*(entry.treatment for entry in plan.entries), PSEUDONYM]))


def chooser(plan: RedactionPlan) -> Choose:
    """Gives the number of the treatment of a kind of finding; -1 where it stays."""
    numbers = {treatment: number for number, treatment in enumerate(treatments_of(plan))}

    def choose(entity: str, column: str, rule: str) -> int:
        if column in plan.dropped_columns:
            return -1
        treatment = plan.treatment(entity, column, rule.removeprefix(ELSEWHERE))
        return -1 if treatment.operator is Operator.KEEP else numbers[treatment]

    return choose


def idle(plan: RedactionPlan, kinds: Collection[tuple[str, str, str]]) -> list[str]:
    """Entries that are the first to cover no kind of finding, in words: often a name with a slip of the pen.

    Args:
        plan: what is to be done.
        kinds: entity, column and rule of all findings.
    """
    at_work = {
        next((number for number, entry in enumerate(plan.entries) if entry.covers(*kind)), None)
        for kind in kinds
        if not kind[2].startswith(DOCUMENTATION)
    }
    return [
        f"entry {number + 1} of {plan.name} ({_told(entry)}) covers no finding"
        for number, entry in enumerate(plan.entries)
        if number not in at_work
    ]


def _told(entry: Entry) -> str:
    """The entry in a few words."""
    limits = [f"column {entry.column}"] * bool(entry.column) + [f"rule {entry.rule}"] * bool(entry.rule)
    return ", ".join([f"{entry.treatment.operator.value} {entry.entity or 'any entity'}", *limits])


_ONLY_JUDGED = frozenset({"name", "epochs", "parameters", "recalls"})


def plan_of_remedy(remedy: Remedy) -> RedactionPlan:
    """The plan that does what a remedy of the evidence says; redacted values become surrogates.

    Raises:
        BadRedaction: the evidence is of an earlier version and does not say how much.
    """
    plan = RedactionPlan(remedy.id)
    for action in remedy.actions:
        plan = _with_action(plan, Kind(action.kind), action.target, action.amount)
    return plan


def _with_action(plan: RedactionPlan, kind: Kind, target: str, amount: float | None) -> RedactionPlan:
    match kind:
        case Kind.REDACT_ENTITY:
            return replace(plan, entries=(*plan.entries, Entry(PSEUDONYM, entity=target)))
        case Kind.REDACT_COLUMN:
            return replace(plan, entries=(*plan.entries, Entry(PSEUDONYM, column=target)))
        case Kind.DROP_COLUMN:
            return replace(plan, dropped_columns=(*plan.dropped_columns, target))
        case Kind.DROP_SHARD:
            return replace(plan, dropped_shards=(*plan.dropped_shards, target))
        case _:
            pass
    if amount is None:
        raise BadRedaction([Fault(plan.name, f"does not say how much to {kind.value}; scan again with this version")])
    match kind:
        case Kind.DEDUPLICATE:
            return replace(plan, deduplicate=(*plan.deduplicate, Deduplicate(int(amount), target)))
        case Kind.EPOCHS:
            return replace(plan, epochs=amount)
        case Kind.PARAMETERS:
            return replace(plan, parameters=amount)
        case _:
            return replace(plan, recalls=(*plan.recalls, (target, amount)))


def parse_redaction(document: Document, known_entities: Collection[str]) -> RedactionPlan:
    """The plan that a `redaction.yaml` says.

    Raises:
        BadRedaction: with every fault of the file, each with its line.
    """
    if not isinstance(document.data, dict):
        raise BadRedaction([Fault(document.place, "must be a mapping of keys such as `findings:`")])
    try:
        parsed = _File.model_validate(document.data)
    except ValidationError as error:
        raise BadRedaction([*_faults(error, document), *_unknown_entities(document, known_entities)]) from None
    if faults := [*_unknown_entities(document, known_entities), *_unfit(parsed, document)]:
        raise BadRedaction(faults)
    return RedactionPlan(
        name=parsed.name or document.place,
        entries=tuple(entry.as_entry() for entry in parsed.findings),
        deduplicate=tuple(Deduplicate(entry.most, entry.entity) for entry in parsed.deduplicate),
        dropped_columns=tuple(parsed.drop.columns),
        dropped_shards=tuple(parsed.drop.shards),
        elsewhere=parsed.elsewhere,
    )


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Finding(_Part):
    """An entry of `findings:`."""

    operator: Operator
    entity: str = ""
    column: str = ""
    rule: str = ""
    text: Annotated[str, Field(alias="with", max_length=200)] = ""
    keep_last: Annotated[int, Field(ge=0, le=64)] = 0
    characters: Annotated[int, Field(ge=8, le=64)] = 16
    to: Literal["year", "month"] = "year"

    def as_entry(self) -> Entry:
        treatment = Treatment(self.operator, self.text, self.keep_last, self.characters, self.to)
        return Entry(treatment, self.entity, self.column, self.rule)


class _Deduplicate(_Part):
    most: Annotated[int, Field(ge=1)]
    entity: str = ""


class _Drop(_Part):
    columns: list[str] = []
    shards: list[str] = []


class _File(_Part):
    name: str = ""
    findings: list[_Finding] = []
    deduplicate: list[_Deduplicate] = []
    drop: _Drop = _Drop()
    elsewhere: bool = True


_SETTINGS = {"text": ("with", Operator.REPLACE), "keep_last": ("keep_last", Operator.MASK)}
_SETTINGS |= {"characters": ("characters", Operator.HASH), "to": ("to", Operator.GENERALISE)}


def _unknown_entities(document: Document, known: Collection[str]) -> Iterator[Fault]:
    """Entities that no rule finds, also in a file that has other faults."""
    for section in ("findings", "deduplicate"):
        entries = document.data.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            entity = entry.get("entity") if isinstance(entry, dict) else None
            if entity and isinstance(entity, str) and entity not in known:
                yield Fault(document.at(section, index), f"`entity`: `{entity}` is not in entities.yaml")


def _unfit(parsed: _File, document: Document) -> Iterator[Fault]:
    """Settings of another operator, and a file that does nothing."""
    for index, entry in enumerate(parsed.findings):
        place = document.at("findings", index)
        for attribute, (key, operator) in _SETTINGS.items():
            if attribute in entry.model_fields_set and entry.operator is not operator:
                yield Fault(place, f"`{key}`: is a setting of the operator `{operator}`, not of `{entry.operator}`")
    if not (parsed.findings or parsed.deduplicate or parsed.drop.columns or parsed.drop.shards):
        yield Fault(document.place, "says nothing to do: name `findings`, `deduplicate` or `drop`")


def _faults(error: ValidationError, document: Document) -> Iterator[Fault]:
    for fault in error.errors(include_input=False, include_url=False):
        key = ".".join(map(str, fault["loc"]))
        message = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
        yield Fault(document.at(*fault["loc"]), f"`{key}`: {message}")


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("(?s:" + "".join(parts) + ")")
