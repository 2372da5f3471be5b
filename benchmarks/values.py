"""Accuracy on values sets: short strings that are a valid e-mail address, IP address, card … or are not.

Each value is read as a cell of its own, and again after the word that names its kind (`phone: …`), which is how values
without a form of their own are told at all. Right: a finding of the entity covers half of a valid value, none covers
an invalid one from end to end. An invalid value of which a part is found is right: in running text that part is
what it is found as (`jane@example.com.` is no address, and holds one). Kinds of validator.js count with its default
options alone, as others ask for one brand, version or country.

`disagreements.yaml` says who is right where the reading after the word disagrees with the set, by the form of the
value, and why; what it does not know counts as a fault of ours.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from scanner.cli.evaluate import found
from scanner.detectables import load_detectables
from scanner.detection import Detection
from scanner.entities import NUMBERS, kinds
from scanner.files import load_entities
from scanner.model import Finding
from scanner.scoring import masked

WHOLE = 0.99
LISTED = 3
"""Shapes told of each disagreement."""

ENOUGH = 0.97
"""Accuracy from which a kind's disagreements need no judge."""

OPEN = "nobody looked: counts as a fault of ours"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a kind are to be found as, and the word that names them in running text."""

    entities: tuple[str, ...]
    word: str


PHONE, EMAIL, KEY = Kind(("PHONE_NUMBER",), "phone"), Kind(("EMAIL_ADDRESS",), "e-mail"), Kind(("SECRET",), "key")
KINDS = {
    ("validatorjs_values", "isEmail"): EMAIL,
    ("validatorjs_values", "isURL"): Kind(("URL",), "see"),
    ("validatorjs_values", "isIP"): Kind(("IP_ADDRESS",), "IP address"),
    ("validatorjs_values", "isCreditCard"): Kind(("CREDIT_CARD",), "card number"),
    ("validatorjs_values", "isIBAN"): Kind(("IBAN_CODE",), "IBAN"),
    ("validatorjs_values", "isMACAddress"): Kind(("MAC_ADDRESS",), "MAC address"),
    ("validatorjs_values", "isIMEI"): Kind(("DEVICE_ID",), "IMEI"),
    ("validatorjs_values", "isBtcAddress"): Kind(("CRYPTO",), "wallet"),
    ("validatorjs_values", "isEthereumAddress"): Kind(("CRYPTO",), "wallet"),
    ("validatorjs_values", "isLatLong"): Kind(("COORDINATES",), "coordinates"),
    ("validatorjs_values", "isJWT"): Kind(("SECRET",), "token"),
    ("validatorjs_values", "isMobilePhone"): PHONE,
    ("isemail_values", "EMAIL"): EMAIL,
    ("email_validator_values", "EMAIL"): EMAIL,
    ("ip_address_values", "IPV4"): Kind(("IP_ADDRESS",), "IP address"),
    ("ip_address_values", "IPV6"): Kind(("IP_ADDRESS",), "IPv6 address"),
    ("wpt_url_values", "URL"): Kind(("URL",), "see"),
    ("gitleaks_rule_cases", "SECRET"): KEY,
    ("detect_secrets_cases", "SECRET"): KEY,
    ("leaky_repo", "SECRET"): KEY,
    ("libphonenumber_examples", "PHONE_NUMBER"): PHONE,
    **{
        ("libphonenumber_matcher", group): PHONE
        for group in (
            "VALID_CASES", "IMPOSSIBLE_CASES", "POSSIBLE_ONLY_CASES", "STRICT_GROUPING_CASES", "EXACT_GROUPING_CASES",
            "IN_CONTEXT",
        )
    },
}  # fmt: skip
"""Kinds for which there is an entity, by set and kind; those of Presidio's tests are named by their entities."""

CALLED_IN_TEXT = {"DE_PASSPORT": "Reisepass", "VEHICLE_ID": "registration number", "DATE_TIME": "date"}
"""Words for entities whose rules name none."""

PRESIDIO = "presidio_recognizer_tests"
SETS = (*sorted({name for name, _ in KINDS}), PRESIDIO)
CALLED = {
    **dict.fromkeys(("US_BANK_NUMBER", "ABA_ROUTING_NUMBER"), "BANK_ACCOUNT"),
    "UK_POSTCODE": "ADDRESS",
    **dict.fromkeys(("IN_VEHICLE_REGISTRATION", "DE_KFZ"), "VEHICLE_ID"),
    **dict.fromkeys(("KR_PASSPORT", "IN_PASSPORT", "DE_TAX_NUMBER"), "GOVERNMENT_ID"),
    "KR_FRN": "KR_RRN",
    **dict.fromkeys(
        ("DE_LANR", "KR_DRIVER_LICENSE", "IT_DRIVER_LICENSE", "US_DRIVER_LICENSE", "DE_FUEHRERSCHEIN"), "LICENCE_NUMBER"
    ),
    **dict.fromkeys(
        ("AU_ABN", "AU_ACN", "DE_VAT_ID", "DE_HANDELSREGISTER", "IN_GSTIN", "IT_VAT_CODE", "KR_BRN", "SG_UEN"),
        "COMPANY_ID",
    ),
}
"""What we call entities of Presidio's tests that have another name here."""

CALLED_ALIKE = {
    "ABA_ROUTING_NUMBER": "routing number",
    "KR_PASSPORT": "passport number",
    "IN_PASSPORT": "passport number",
    "DE_TAX_NUMBER": "Steuernummer",
    "DE_LANR": "LANR",
    "KR_DRIVER_LICENSE": "driver license",
    "IT_DRIVER_LICENSE": "patente",
    "US_DRIVER_LICENSE": "driver license number",
    "DE_FUEHRERSCHEIN": "Führerschein",
    "DE_KFZ": "Kennzeichen",
    "AU_ABN": "ABN",
    "AU_ACN": "ACN",
    "DE_VAT_ID": "USt-IdNr.",
    "DE_HANDELSREGISTER": "Handelsregister",
    "IN_GSTIN": "GSTIN",
    "IT_VAT_CODE": "partita IVA",
    "KR_BRN": "BRN",
    "SG_UEN": "UEN",
}
"""Words for entities of Presidio's tests of which several are one entity here."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: whether its set calls it valid, and whether we do, alone and named."""

    text: str
    valid: bool
    alone: bool
    named: bool

    @property
    def disagrees(self) -> bool:
        """Whether we judge it otherwise than its set, after the word that names its kind."""
        return self.named != self.valid


@dataclass(frozen=True, slots=True)
class Judgement:
    """Who is right on values of a form.

    Attributes:
        sets: names of sets; none: every one.
        kinds: names of kinds; none: every one.
        said: whether the set calls them valid.
        form: expression that the whole value matches.
        ours: whether we are right.
        why: the reason.
    """

    sets: frozenset[str]
    kinds: frozenset[str]
    said: bool
    form: re.Pattern[str]
    ours: bool
    why: str

    def fits(self, name: str, kind: str, value: Value) -> bool:
        """Whether the value is one that this judges."""
        asked = (not self.sets or name in self.sets) and (not self.kinds or kind in self.kinds)
        return asked and value.valid == self.said and self.form.fullmatch(value.text) is not None


@dataclass
class Outcome:
    """The values of one kind."""

    values: list[Value] = field(default_factory=list)

    def accuracy(self, way: str) -> float:
        """Share of values that we judge as their set does, `alone` or `named`."""
        return sum(getattr(value, way) == value.valid for value in self.values) / len(self.values)


def section(corpora: Path, detection: Detection) -> str:
    """The table of accuracies and the list of disagreements, as Markdown."""
    told = sorted(outcomes(corpora, detection).items())
    judged = {key: disputed(*key, outcome) for key, outcome in told}
    lines = [
        "## Values",
        "",
        "Each value as a cell of its own, and after the word that names its kind. Right: found where the set calls it",
        "valid, not found whole where it calls it invalid. `judged`: named, where values on which we are right count",
        "as right (see below).",
        "",
        "| set | kind | values | alone | named | judged |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for key, outcome in told:
        ours = sum(len(values) for judgement, values in judged[key] if judgement is not None and judgement.ours)
        final = outcome.accuracy("named") + ours / len(outcome.values)
        shares = f"{outcome.accuracy('alone'):.3f} | {outcome.accuracy('named'):.3f} | {final:.3f}"
        lines.append(f"| {key[0]} | {key[1]} | {len(outcome.values)} | {shares} |")
    lines += ["", *_disagreements(told, judged), "", _naughty(corpora, detection)]
    return "\n".join(lines) + "\n"


def _disagreements(
    told: Iterable[tuple[tuple[str, str], Outcome]],
    judged: Mapping[tuple[str, str], Sequence[tuple[Judgement | None, Sequence[Value]]]],
) -> Iterator[str]:
    yield f"Disagreements of the kinds below {ENOUGH} when named, by `disagreements.yaml`:"
    yield ""
    yield "| set | kind | the set says | values | shapes | right | why |"
    yield "|---|---|---|---:|---|---|---|"
    for key, outcome in told:
        for judgement, values in judged[key] if outcome.accuracy("named") < ENOUGH else ():
            said = "valid" if values[0].valid else "invalid"
            right = "ours" if judgement is not None and judgement.ours else "the set"
            why = judgement.why if judgement is not None else OPEN
            yield f"| {key[0]} | {key[1]} | {said} | {len(values)} | {_shapes(values)} | {right} | {why} |"


def disputed(name: str, kind: str, outcome: Outcome) -> list[tuple[Judgement | None, list[Value]]]:
    """The values that we judge otherwise than their set, by what the file of judgements says of them."""
    groups: defaultdict[tuple[int, bool], list[Value]] = defaultdict(list)
    known = judgements()
    for value in outcome.values:
        if value.disagrees:
            place = next((at for at, one in enumerate(known) if one.fits(name, kind, value)), len(known))
            groups[place, value.valid].append(value)
    return [(known[at] if at < len(known) else None, values) for (at, _), values in sorted(groups.items())]


@cache
def judgements() -> tuple[Judgement, ...]:
    """The judgements, in the order of their file: the first that fits counts."""
    entries = yaml.safe_load((Path(__file__).parent / "disagreements.yaml").read_text(encoding="utf-8"))
    return tuple(
        Judgement(
            frozenset(entry.get("sets", ())),
            frozenset(entry.get("kinds", ())),
            entry["said"] == "valid",
            re.compile(entry.get("form", ".*"), re.DOTALL),
            entry["right"] == "ours",
            entry["why"],
        )
        for entry in entries
    )


def outcomes(corpora: Path, detection: Detection) -> dict[tuple[str, str], Outcome]:
    """What came of each kind that is known."""
    told: dict[tuple[str, str], Outcome] = {}
    for name in SETS:
        rows = [row for row in _read(corpora, name) if kind_of(name, row) is not None and _is_plain(row)]
        kinds_told = [kind for row in rows if (kind := kind_of(name, row)) is not None]
        words = [f"{kind.word}: " for kind in kinds_told]
        languages = [str(row["language"]) for row in rows]
        alone = found(detection, [row["text"] for row in rows], languages)
        named = found(detection, [word + row["text"] for word, row in zip(words, rows, strict=True)], languages)
        for row, kind, one, other in zip(rows, kinds_told, alone, named, strict=True):
            value = _valued(row, kind, one, other)
            told.setdefault((name, _named(row)), Outcome()).values.append(value)
    return told


def kind_of(name: str, row: Mapping[str, Any]) -> Kind | None:
    """What a row's value is to be found as; None where there is no entity for it."""
    if name != PRESIDIO:
        return KINDS.get((name, _named(row)))
    entity = CALLED.get(row["entity"], row["entity"])
    word = CALLED_ALIKE.get(row["entity"]) or _words().get(entity, entity)
    return Kind((entity,), word) if entity in load_entities() else None


def _read(corpora: Path, name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(corpora / "values" / f"{name}.parquet").to_pylist())


@cache
def _words() -> dict[str, str]:
    """A word that says what a value is, by entity: the first of a rule's context, else its title."""
    words = {name: facts.title for name, facts in load_entities().items()}
    for rule in reversed(load_detectables(None, with_models=False, prove=False).rules.rules):
        if rule.context:
            words[rule.entity] = rule.context[0]
    return words | CALLED_IN_TEXT


def _named(row: Mapping[str, Any]) -> str:
    if "fmt" in row:
        return "PHONE_NUMBER"
    return str(next((row[key] for key in ("kind", "group", "entity") if key in row), "SECRET"))


def _valued(row: Mapping[str, Any], kind: Kind, alone: Sequence[Finding], named: Sequence[Finding]) -> Value:
    valid, size = _is_valid(row), len(row["text"])
    moved = len(f"{kind.word}: ")
    here, there = (_share(findings, kind, first, size) for findings, first in ((alone, 0), (named, moved)))
    return Value(row["text"], valid, _is_found(here, valid, kind, row), _is_found(there, valid, kind, row))


def _is_valid(row: Mapping[str, Any]) -> bool:
    if "n_risk" in row:
        return int(row["n_risk"]) > 0
    return str(row["expected"]) == "True" if "expected" in row else bool(row["spans"]) or "fmt" in row


def _is_plain(row: Mapping[str, Any]) -> bool:
    """Whether the value holds anything, and is judged by default options."""
    detail = str(row.get("detail", ""))
    return bool(row["text"].strip()) and ("args=" not in detail or detail.endswith("args="))


def _is_found(share: float, valid: bool, kind: Kind, row: Mapping[str, Any]) -> bool:
    """A secret may be any part of its line; of another value half of its spans is enough; an invalid one is whole."""
    if kind.entities == ("SECRET",):
        return share > 0
    gold = sum(span["end"] - span["start"] for span in row.get("spans") or ()) / len(row["text"])
    return share >= (0.5 * (gold or 1.0) if valid else WHOLE)


def _share(findings: Sequence[Finding], kind: Kind, first: int, size: int) -> float:
    """Share of the value's characters under findings of the kind; a country's number may be told by its kind alone."""
    wanted = {*kind.entities, *(NUMBERS[name] for name in kind.entities if name in NUMBERS)}
    mine = [finding for finding in findings if wanted & set(kinds(finding.entity))]
    return sum(max(0, min(f.end, first + size) - max(f.start, first)) for f in mine) / size


def _shapes(values: Sequence[Value]) -> str:
    shapes = Counter(masked(value.text[:28]).replace("|", "¦").replace("`", "'") for value in values)
    most = sorted(shapes.items(), key=lambda item: (-item[1], item[0]))[:LISTED]
    return ", ".join(f"`{shape.strip().replace(chr(0), chr(92) + '0') or ' '}`×{count}" for shape, count in most)


def _naughty(corpora: Path, detection: Detection) -> str:
    """What is found in naughty strings, which hold nobody."""
    rows = _read(corpora, "blns")
    findings = found(detection, [row["text"] for row in rows], [row["language"] for row in rows])
    counts = Counter(finding.entity for each in findings for finding in each)
    words = sum(len(row["text"].split()) for row in rows)
    told = ", ".join(f"{entity} {count}" for entity, count in sorted(counts.items()))
    return f"Found in blns ({len(rows)} naughty strings, {words} words): {told or 'nothing'}."
