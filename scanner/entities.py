"""What the program knows of each entity: `rules/entities.yaml` as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scanner.errors import BadRules, Fault
from scanner.fingerprints import NORMALISERS


class Stage(StrEnum):
    """Which part of detection finds an entity; its recall falls with what that part could not read."""

    PATTERNS = "patterns"
    NAMES = "names"


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """One entry of `entities.yaml`.

    Attributes:
        entity: its name.
        title: what people call it.
        weight: severity, harm of one leaked value, in units of one leaked e-mail address; at least 0.
        bits: entropy of one value, above 0; bounds what guessing alone can hit and what a model can hold.
        identifies: whether it points at one person, and so links values that stand beside it.
        stage: which part of detection finds it.
        normalise: how equal values are told, a name of `NORMALISERS`.
        special: marks that gates ask for (`article_9`, `health`, `minor`, `secret`, `government_id`).
    """

    entity: str
    title: str
    weight: float
    bits: float
    identifies: bool = False
    stage: Stage = Stage.PATTERNS
    normalise: str = "folded"
    special: frozenset[str] = frozenset()


Entities = Mapping[str, EntityFacts]
"""Facts by entity."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Entities that hurt more together than apart, counted as one value when they stand by one person.

    Attributes:
        anchor: the entity that each counted bundle has exactly one of.
        others: the entities that must stand in its reach.
    """

    anchor: str
    others: tuple[str, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """All entities of the bundle, sorted."""
        return tuple(sorted((self.anchor, *self.others)))

    @property
    def name(self) -> str:
        """Entity under which the bundle is counted, such as `HEALTH+PERSON`."""
        return BUNDLE_JOINT.join(self.members)


BUNDLE_JOINT = "+"

_GOVERNMENT = """US_SSN US_ITIN US_PASSPORT UK_NINO DE_TAX_ID DE_SOCIAL_SECURITY DE_ID_CARD DE_PASSPORT ES_NIF ES_NIE
    ES_PASSPORT IT_FISCAL_CODE IT_IDENTITY_CARD IT_PASSPORT PL_PESEL CA_SIN AU_TFN IN_AADHAAR IN_PAN IN_VOTER
    FI_PERSONAL_IDENTITY_CODE SE_PERSONNUMMER SG_NRIC_FIN KR_RRN TH_TNIN TR_NATIONAL_ID ZA_ID_NUMBER""".split()
_MEDICAL = "US_MBI UK_NHS DE_HEALTH_INSURANCE AU_MEDICARE".split()
_LICENCE = "UK_DRIVING_LICENCE US_NPI MEDICAL_LICENSE".split()

NUMBERS = {
    **dict.fromkeys(_GOVERNMENT, "GOVERNMENT_ID"),
    **dict.fromkeys(_MEDICAL, "MEDICAL_ID"),
    **dict.fromkeys(_LICENCE, "LICENCE_NUMBER"),
}
"""What a country's number for people is one of. What was measured of the whole kind holds for one that was not."""

WIDER = {
    "ADDRESS": "LOCATION",
    "DATE_OF_BIRTH": "DATE_TIME",
    **NUMBERS,
    "GOVERNMENT_ID": "ID",
    "MEDICAL_ID": "ID",
    "LICENCE_NUMBER": "ID",
    "BANK_ACCOUNT": "ID",
    "COMPANY_ID": "ID",
    "VEHICLE_ID": "ID",
}
"""The wider entity that an entity also is. Labelled text often knows the wider one alone."""


def kinds(entity: str) -> Iterator[str]:
    """The entity, and every wider one that it also is, nearest first."""
    wider: str | None = entity
    while wider is not None:
        yield wider
        wider = WIDER.get(wider)


GATED_MARKS = frozenset({"article_9", "health"})
"""Entities with these marks are gated by what stands beside them."""


def of_names(entity: str, entities: Entities) -> bool:
    """Whether only the names stage finds an entity."""
    facts = entities.get(entity)
    return facts is not None and facts.stage is Stage.NAMES


def gated(entities: Entities, bundles: Iterable[Bundle]) -> frozenset[str]:
    """Entities that weigh more, or trip a gate, when a name stands beside them."""
    marked = {name for name, facts in entities.items() if facts.special & GATED_MARKS}
    anchors = {one.anchor for one in bundles if any(of_names(other, entities) for other in one.others)}
    return frozenset(marked | anchors)


_KEYS = {"title", "weight", "bits", "identifies", "stage", "normalise", "special"}
_SPECIAL = {"article_9", "health", "minor", "secret", "government_id"}


def parse_entities(document: Any, place: str) -> Entities:
    """Facts of every entity of a parsed `entities.yaml`.

    Args:
        document: the mapping under the file's top level.
        place: name of the file, for faults.

    Raises:
        BadRules: with every fault of the document.
    """
    entries = document.get("entities") if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise BadRules([Fault(place, "must hold a mapping `entities:` of entity names")])
    faults: list[Fault] = []
    facts = {
        name: fact
        for name, entry in entries.items()
        if (fact := _parse_entity(str(name), entry, f"{place}: entities.{name}", faults)) is not None
    }
    if faults:
        raise BadRules(faults)
    return facts


def parse_bundles(document: Any, place: str, entities: Entities) -> tuple[Bundle, ...]:
    """The `bundles:` of a parsed `entities.yaml`, each a list of entities whose first is the anchor.

    Raises:
        BadRules: with every fault of the list.
    """
    entries = document.get("bundles", []) if isinstance(document, dict) else []
    if not isinstance(entries, list):
        raise BadRules([Fault(f"{place}: bundles", "must be a list of lists of entities")])
    faults = [
        Fault(f"{place}: bundles[{index}]", "must be a list of two or more different entities of this file")
        for index, entry in enumerate(entries)
        if not (
            isinstance(entry, list)
            and len(entry) >= 2
            and len(set(entry)) == len(entry)
            and set(entry) <= set(entities)
        )
    ]
    if faults:
        raise BadRules(faults)
    return tuple(Bundle(entry[0], tuple(entry[1:])) for entry in entries)


def _parse_entity(name: str, entry: Any, place: str, faults: list[Fault]) -> EntityFacts | None:
    if not isinstance(entry, dict):
        faults.append(Fault(place, "must be a mapping with at least `weight` and `bits`"))
        return None
    before = len(faults)
    faults.extend(
        Fault(place, f"unknown key `{key}`; known are {', '.join(sorted(_KEYS))}")
        for key in sorted(map(str, set(entry) - _KEYS))
    )
    for key, least in (("weight", 0.0), ("bits", 1e-9)):
        value = entry.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            faults.append(Fault(place, f"`{key}` must be a number {'of at least' if least == 0 else 'above'} 0"))
    if entry.get("stage", "patterns") not in list(Stage):
        faults.append(Fault(place, f"`stage` must be one of {', '.join(Stage)}"))
    if entry.get("normalise", "folded") not in NORMALISERS:
        faults.append(Fault(place, f"`normalise` must be one of {', '.join(NORMALISERS)}"))
    special = entry.get("special", [])
    if not isinstance(special, list) or not set(map(str, special)) <= _SPECIAL:
        faults.append(Fault(place, f"`special` must be a list of {', '.join(sorted(_SPECIAL))}"))
    if len(faults) > before:
        return None
    return EntityFacts(
        entity=name,
        title=str(entry.get("title", name)),
        weight=float(entry["weight"]),
        bits=float(entry["bits"]),
        identifies=bool(entry.get("identifies", False)),
        stage=Stage(entry.get("stage", "patterns")),
        normalise=str(entry.get("normalise", "folded")),
        special=frozenset(map(str, special)),
    )
