"""Words and numbers for people: how reports write tiers, read-outs, shares, sizes and names from outside."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from scanner.evidence import Interval
from scanner.model import Artefact, Decision, Provenance, Tier
from scanner.wording import count

DECISIONS: Mapping[Decision, str] = MappingProxyType(
    {Decision.RELEASABLE: "releasable", Decision.KEEP_INTERNAL: "keep internal"}
)

TIERS: Mapping[Tier, str] = MappingProxyType(
    {
        Tier.OPEN: "open release",
        Tier.RESEARCH: "research-only licence",
        Tier.NDA: "named partners under NDA",
        Tier.INTERNAL: "inside the organisation",
    }
)

CAPS: Mapping[Tier, str] = MappingProxyType(
    {
        Tier.OPEN: "allows an open release",
        Tier.RESEARCH: "at most a research-only licence",
        Tier.NDA: "at most named partners under NDA",
        Tier.INTERNAL: "not outside the organisation",
    }
)
"""What a gate still allows."""

ARTEFACTS: Mapping[Artefact, str] = MappingProxyType(
    {Artefact.MODEL: "a model trained on the shards", Artefact.DATA: "the shards themselves"}
)

PROVENANCES: Mapping[Provenance, str] = MappingProxyType(
    {
        Provenance.USER_PRIVATE: "users' private data",
        Provenance.LICENSED: "licensed",
        Provenance.PUBLIC_WEB: "public web",
        Provenance.SYNTHETIC: "synthetic",
        Provenance.UNKNOWN: "unknown, treated as users' private data",
    }
)

READOUTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "score": ("Expected harm", "score from 0 to 100; ten points are ten times the harm"),
        "p_max": ("Worst-off value", "chance that the most exposed critical value is extracted"),
        "p_any_critical": ("Any critical value", "chance that at least one critical value is extracted"),
        "table_max_risk": ("Re-identification in tables", "chance of recognising a person in the smallest group"),
    }
)
"""Title and meaning of each read-out, by its field in the evidence."""

NAME_LENGTH = 120
"""Characters of a name from outside that a report shows; longer ones are cut in the middle, and say so."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BACKSLASHED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def readout_title(readout: str) -> str:
    """What people call a read-out; a name that is not known stands for itself."""
    return READOUTS[readout][0] if readout in READOUTS else visible(readout)


def visible(text: str) -> str:
    """`text` on one line, with every character that steers a display (controls, direction marks) written out."""
    return "".join(map(_visible_character, text))


def shorten(text: str, length: int = NAME_LENGTH) -> str:
    """`visible(text)`, cut in the middle when it is longer than `length`; the cut tells two long names apart."""
    shown = visible(text)
    if len(shown) <= length:
        return shown
    mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
    return f"{shown[: length * 2 // 3]}…{shown[-(length // 6) :]} ({count(len(text))} characters, {mark})"


def quantity(number: float) -> str:
    """An expected number, two digits where it is small: `1,240`, `3.1`, `0.04`, `< 0.001`."""
    if number >= 99.5:
        return f"{number:,.0f}"
    return "< 0.001" if 0 < number < 0.001 else f"{number:.2g}"


def percent(share: float) -> str:
    """A share from 0 to 1 in per cent; never `0 %` or `100 %` unless it is just that."""
    if share in (0.0, 1.0):
        return f"{share * 100:.0f} %"
    if share < 0.0001:
        return "< 0.01 %"
    if share > 0.99:
        return _nearly_all(share)
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"


def size(number: float) -> str:
    """Bytes in decimal units: `3.1 MB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 999.5 or unit == "TB":
            return f"{number:,.0f} {unit}" if unit == "bytes" or number >= 99.5 else f"{number:.3g} {unit}"
        number /= 1000
    raise AssertionError("the last unit always returns")


def large(number: float) -> str:
    """Parameters or tokens: `7 billion`; what no float can hold is `without bound`."""
    if number >= 1e300:
        return "without bound"
    for step, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= step:
            return f"{number / step:.3g} {word}"
    return count(number)


def readout_value(readout: str, value: float) -> str:
    """A read-out's value as people read it: the score with one decimal, the others in per cent."""
    return f"{value:.1f}" if readout == "score" else percent(value)


def readout_range(readout: str, interval: Interval) -> str:
    """The 5 % and 95 % points of a read-out: `32.7 to 43.7`."""
    return f"{readout_value(readout, interval.p05)} to {readout_value(readout, interval.p95)}"


def sentence(text: str, capital: bool = True) -> str:
    """`text` with a full stop and, if wished, a capital first letter."""
    stripped = visible(text).strip()
    if not stripped:
        return ""
    first = stripped[0].upper() if capital else stripped[0]
    return first + stripped[1:] + ("" if re.search(r"[.!?]$", stripped) else ".")


def _visible_character(character: str) -> str:
    if character in _BACKSLASHED:
        return _BACKSLASHED[character]
    if character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character


def _nearly_all(share: float) -> str:
    for digits in range(1, 5):
        text = f"{share * 100:.{digits}f}"
        if float(text) < 100:
            return f"{text} %"
    return "> 99.999 %"
