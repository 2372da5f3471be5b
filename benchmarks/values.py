"""Accuracy on values sets: short strings that are a valid e-mail address, IP address, card … or are not.

Each value is read as a cell of its own, and again after the word that names its kind (`phone: …`), which is how values
without a form of their own are told at all. Right: a finding of the entity covers half of a valid value, none covers
an invalid one from end to end. An invalid value of which a part is found is told apart: in running text that part is
what it is found as (`jane@example.com.` is no address, and holds one). Kinds of validator.js count with its default
options alone, as others ask for one brand, version or country.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scanner.cli.evaluate import found
from scanner.detection import Detection
from scanner.model import Finding
from scanner.scoring import masked

WHOLE = 0.99
LISTED = 4
"""Shapes of disagreements told of each kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a kind are to be found as, and the word that names them in running text."""

    entities: tuple[str, ...]
    word: str


KINDS = {
    ("validatorjs_values", "isEmail"): Kind(("EMAIL_ADDRESS",), "e-mail"),
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
    ("validatorjs_values", "isMobilePhone"): Kind(("PHONE_NUMBER",), "phone"),
    ("validatorjs_values", "isPassportNumber"): Kind(("GOVERNMENT_ID",), "passport number"),
    ("isemail_values", "EMAIL"): Kind(("EMAIL_ADDRESS",), "e-mail"),
    ("email_validator_values", "EMAIL"): Kind(("EMAIL_ADDRESS",), "e-mail"),
    ("ip_address_values", "IPV4"): Kind(("IP_ADDRESS",), "IP address"),
    ("ip_address_values", "IPV6"): Kind(("IP_ADDRESS",), "IPv6 address"),
    ("wpt_url_values", "URL"): Kind(("URL",), "see"),
    ("gitleaks_rule_cases", "SECRET"): Kind(("SECRET",), "key"),
    ("detect_secrets_cases", "SECRET"): Kind(("SECRET",), "key"),
    ("libphonenumber_examples", "PHONE_NUMBER"): Kind(("PHONE_NUMBER",), "phone"),
}
"""Kinds for which there is an entity, by set and kind."""


@dataclass
class Outcome:
    """Counts of one kind: right and judged alone and named, and the shapes of what went wrong when named."""

    judged: int = 0
    alone: int = 0
    named: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    parts: int = 0


def section(corpora: Path, detection: Detection) -> str:
    """The table of accuracies and the list of disagreements, as Markdown."""
    lines = [
        "## Values",
        "",
        "Each value as a cell of its own, and after the word that names its kind. Right: found where the set calls it",
        "valid, not found where it calls it invalid.",
        "",
        "| set | kind | values | accuracy alone | accuracy named | valid, not found | invalid, found whole | a part |",
        "|---|---|---:|---:|---:|---|---|---:|",
    ]
    for (name, kind), outcome in sorted(outcomes(corpora, detection).items()):
        shares = f"{outcome.alone / outcome.judged:.3f} | {outcome.named / outcome.judged:.3f}"
        told = " | ".join(_shapes(shapes) for shapes in (outcome.missed, outcome.false))
        lines.append(f"| {name} | {kind} | {outcome.judged} | {shares} | {told} | {outcome.parts} |")
    return "\n".join(lines) + "\n"


def outcomes(corpora: Path, detection: Detection) -> dict[tuple[str, str], Outcome]:
    """What came of each kind of `KINDS` that is there."""
    told: dict[tuple[str, str], Outcome] = {}
    for name in sorted({name for name, _ in KINDS}):
        path = corpora / "values" / f"{name}.parquet"
        rows = [row for row in pq.read_table(path).to_pylist() if (name, _kind(row)) in KINDS and _is_plain(row)]
        words = [f"{KINDS[name, _kind(row)].word}: " for row in rows]
        alone = found(detection, [row["text"] for row in rows], ["und"] * len(rows))
        named = found(
            detection, [word + row["text"] for word, row in zip(words, rows, strict=True)], ["und"] * len(rows)
        )
        for row, word, one, other in zip(rows, words, alone, named, strict=True):
            _count(told.setdefault((name, _kind(row)), Outcome()), row, KINDS[name, _kind(row)], len(word), one, other)
    return told


def _kind(row: dict[str, Any]) -> str:
    if "fmt" in row:
        return "PHONE_NUMBER"
    return str(row["kind"]) if "kind" in row else "SECRET"


def _count(
    outcome: Outcome, row: dict[str, Any], kind: Kind, moved: int, alone: Sequence[Finding], named: Sequence[Finding]
) -> None:
    valid = str(row.get("expected", True)) == "True"
    size = len(row["text"])
    here, there = (_share(findings, kind, first, size) for findings, first in ((alone, 0), (named, moved)))
    outcome.judged += 1
    outcome.alone += _is_right(here, valid, kind)
    outcome.named += _is_right(there, valid, kind)
    outcome.parts += not valid and 0 < there < WHOLE
    if not _is_right(there, valid, kind):
        (outcome.missed if valid else outcome.false)[masked(row["text"][:28]).replace("|", "¦")] += 1


def _is_plain(row: dict[str, Any]) -> bool:
    """Whether the value holds anything, and is judged by default options."""
    detail = str(row.get("detail", ""))
    return bool(row["text"].strip()) and ("args=" not in detail or detail.endswith("args="))


def _is_right(share: float, valid: bool, kind: Kind) -> bool:
    """A secret may be any part of its line; of another value half is enough, and an invalid one is found whole."""
    least = 0.0 if kind.entities == ("SECRET",) else 0.5 if valid else WHOLE
    return (share >= least and share > 0) == valid


def _share(findings: Sequence[Finding], kind: Kind, first: int, size: int) -> float:
    """Share of the value's characters under findings of the kind."""
    mine = [finding for finding in findings if finding.entity in kind.entities]
    return sum(max(0, min(f.end, first + size) - max(f.start, first)) for f in mine) / size


def _shapes(shapes: Counter[str]) -> str:
    told = [f"`{shape.strip().replace(chr(0), chr(92) + '0') or ' '}`×{count}" for shape, count in _most(shapes)]
    return f"{sum(shapes.values())}: {', '.join(told)}" if told else "0"


def _most(shapes: Counter[str]) -> Iterator[tuple[str, int]]:
    yield from sorted(shapes.items(), key=lambda item: (-item[1], item[0]))[:LISTED]
