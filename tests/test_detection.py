"""Identifiers that are written so that a person reads them and a pattern does not."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from scanner.detection import Detection, LeafFindings
from scanner.detectors.columns import Columns, parse_columns
from scanner.detectors.patterns import load_rules, patterns_of
from scanner.files import load_entities, load_yaml, rules_file
from scanner.fingerprints import UNSEEN
from scanner.model import Leaf

DETECTION = Detection(
    Columns(parse_columns(load_yaml(rules_file("columns.yaml")), load_entities())),
    patterns_of(load_rules(prove=False)),
    None,
)
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
VALUES = [
    ("write to ", "jane.roe@example.com", "EMAIL_ADDRESS"),
    ("call ", "(212) 555-0142", "PHONE_NUMBER"),
    ("my SSN ", "219-09-9998", "US_SSN"),
    ("card ", "4111 1111 1111 1111", "CREDIT_CARD"),
    ("IBAN ", "GB82 WEST 1234 5698 7654 32", "IBAN_CODE"),
    ("lives at ", "221 Baker Street, Springfield, IL 62704", "ADDRESS"),
    ("see ", "https://example.com/user/jane", "URL"),
]
PROSE = [
    "Infor\u00adma\u00adtion of 2019\u200b/\u200b2020: 12 on par\u00adti\u00adcu\u00adlar page 33",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 12 of us \u2764\ufe0f\u200d\U0001f525 at 5",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 12 Linux\u200c\u0647\u0627",
    "\u0915\u094d\u200d\u0937 12 \u0930\u094d\u200d\u092f",
    "\ufeffA line, \uff21\u793e\uff0c\u7b2c\uff11\u7ae0\uff1a\uff08\uff11\uff0c\uff10\uff10\uff10\u5186\uff09\u3002",
]


def detect(*texts: str) -> LeafFindings:
    places = np.arange(len(texts))
    return DETECTION.find_in(Leaf("text", pa.array(texts, pa.large_string()), places, places.astype(np.int32)))


@pytest.mark.parametrize(("before", "value", "entity"), VALUES, ids=[entity for _, _, entity in VALUES])
def test_a_value_that_an_unseen_character_breaks_is_found_whole(before: str, value: str, entity: str) -> None:
    broken = [value[:place] + unseen + value[place:] for place in range(1, len(value)) for unseen in UNSEEN]
    broken.append("\u00ad\u200b".join(value))
    result = detect(*(f"{before}{one} today" for one in broken))
    for cell, one in enumerate(broken):
        spans = [(finding.entity, finding.start, finding.end) for finding in result.found[cell]]
        span = len(before), len(before) + len(one)
        assert spans == [(entity, *span)]
        assert result.shown[cell, *span] == value


@pytest.mark.parametrize(("before", "value", "entity"), VALUES, ids=[entity for _, _, entity in VALUES])
def test_a_full_width_value_is_found_whole(before: str, value: str, entity: str) -> None:
    wide = value.translate(FULL_WIDTH)
    half = value[: len(value) // 2] + wide[len(value) // 2 :]
    texts = [
        before + wide,
        before.translate(FULL_WIDTH) + wide,
        before + half,
        f"\u9023\u7d61\u5148\uff1a\uff08{wide}\uff09",
    ]
    result = detect(*texts)
    for cell, text in enumerate(texts):
        (finding,) = result.found[cell]
        assert (finding.entity, text[finding.start : finding.end]) == (entity, half if cell == 2 else wide)
        assert result.shown[cell, finding.start, finding.end] == value


@pytest.mark.parametrize("text", PROSE)
def test_prose_with_unseen_and_full_width_characters_holds_nothing_new(text: str) -> None:
    plain = unicodedata.normalize("NFKC", text).translate(dict.fromkeys(map(ord, UNSEEN)))
    result = detect(text, plain)
    assert (result.found, result.shown) == ({}, {})
