from __future__ import annotations

import hyperscan
import pyarrow as pa
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from scanner.detectors.evaluate import neutral
from scanner.detectors.screen import Block, Screen
from scanner.detectors.superset import superset
from scanner.rules import PRESIDIO_FLAGS, Pattern, Rule, RuleSet

PATTERNS = (
    r"\b\d{3}[- ]?\d{2}[- ]?\d{4}\b",
    r"(?<![\w.])[a-z0-9._]{1,64}@(?:[a-z0-9-]{1,20}\.){1,3}[a-z]{2,10}(?!\w)",
    r"(?:pass(?:word)?|clé|キー)\s{0,3}[:=]\s{0,3}(?P<value>\S{4,20})",
    r"\b(['\"])x\d\1",
    r"(?i:ab|cd)\d{2,}é?\b",
    r"[^\W_]\.\.[^\s@]{1,3}",
    r"^\w\d(?=x)|\d\w$",
    r"(?>a{1,3})b(?:c|d{2})?+e",
    r"\b[A-ZÄ]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,3}\b",
    r"(?<=#)\d{2}(?!\d|x)",
    r"(?i:stra\u00dfe|\u03c3\u03b1|\u00e5n|\u0443\u043b)\s?\d",
    r"[A-Z\u00c4][\w.]{1,8}(?P<rare>pass|word)\s?(?P<value>\d)",
)
PIECES = st.sampled_from(
    [
        *"123 45 - 6789 a b @ . com pass word clé キー : = ' x 1 é AB DE89 3704 0044 # ﬀ ſ ١٢ 😀 _ e d c".split(),
        *(" ", "\n", "\x00", "\u212a", "\u0301"),
        *"stra\u00dfe STRA\u1e9eE \u03c3\u03b1 \u03a3\u0391 \u03c2\u0391 \u00e5n \u00c5N".split(),
        *"\u212bn \u0443\u043b \u0423\u041b".split(),
    ]
)
texts = st.lists(PIECES, max_size=14).map("".join)


def rule(*expressions: str, flags: int = PRESIDIO_FLAGS) -> Rule:
    patterns = tuple(Pattern(expression, expression, 0.5, flags) for expression in expressions)
    return Rule(id="rule", title="rule", entity="PERSON", patterns=patterns)


def block(*cells: str) -> Block:
    return Block.of(pa.array(cells, pa.large_string()))


@given(st.lists(texts, min_size=1, max_size=4))
def test_no_match_escapes_the_screen(cells: list[str]) -> None:
    screen = Screen(RuleSet((rule(*PATTERNS),)))
    cells = [neutral(cell) for cell in cells]
    hits = {
        (hit.cell, hit.key[1], position) for hit in screen.hits(block(*cells)) for position in (hit.first, hit.last)
    }
    for cell, text in enumerate(cells):
        for index, expression in enumerate(PATTERNS):
            reported = [position for at, key, position in hits if (at, key) == (cell, index)]
            bounds = screen.bounds((0, index))
            for match in regex.finditer(expression, text, PRESIDIO_FLAGS):
                start = len(text[: match.start()].encode())
                end = len(text[: match.end()].encode())
                assert reported
                if bounds is not None:
                    assert min(reported) <= end + 1
                    assert max(reported) >= start


@given(texts.map(neutral), st.sampled_from(PATTERNS))
def test_a_hit_lies_no_further_from_the_start_of_a_match_than_its_bound(text: str, expression: str) -> None:
    screen = Screen(RuleSet((rule(expression),)))
    bounds = screen.bounds((0, 0))
    hits = [hit for hit in screen.hits(block(text)) if hit.key == (0, 0)]
    for match in regex.finditer(expression, text, PRESIDIO_FLAGS):
        if bounds is None:
            continue
        raw = text.encode()
        characters = [
            (
                len(raw[: hit.first].decode(errors="ignore")) - bounds.before,
                len(raw[: hit.last].decode(errors="ignore")) + 1,
            )
            for hit in hits
        ]
        assert any(first <= match.start() <= last for first, last in characters)


def test_cells_do_not_touch() -> None:
    screen = Screen(RuleSet((rule(r"\bcat\b"),)))
    hits = [hit.cell for hit in screen.hits(block("con", "cat", "fish", "", "cat")) if hit.key == (0, 0)]
    assert hits == [1, 4]


def test_a_pattern_that_hyperscan_cannot_express_is_looked_for_everywhere() -> None:
    screen = Screen(RuleSet((rule(r"\p{Lu}{2}\d"),)))
    assert screen.everywhere == [(0, 0)]
    assert [hit.cell for hit in screen.hits(block("a", "b")) if hit.key == (0, 0)] == [0, 1]


def test_literals_stand_for_a_pattern_that_cannot_be_expressed() -> None:
    rules = RuleSet((Rule("r", "r", "PERSON", (Pattern("p", r"\p{Lu}key", 0.5),), literals=("key",)),))
    assert [hit.cell for hit in Screen(rules).hits(block("no", "Akey", "KEY")) if hit.key == (0, 0)] == [1, 2]


@pytest.mark.parametrize("expression", ["[[:alpha:]]x", "(?:foo){e<=1}", "(?V1)[a--b]", r"\p{L}", r"\X"])
def test_syntax_that_only_the_regex_module_knows_is_not_misread(expression: str) -> None:
    assert superset(expression, PRESIDIO_FLAGS).expression is None


@pytest.mark.parametrize(
    ("expression", "longest"), [(r"a{1,3}b", 4), (r"(a|bc){2}", 4), (r"a+", None), (r"(?:a{1,9}){1,9}", 81)]
)
def test_the_longest_match_is_known_or_known_to_have_no_bound(expression: str, longest: int | None) -> None:
    assert superset(expression, PRESIDIO_FLAGS).longest == longest


def test_every_expression_is_one_that_hyperscan_takes() -> None:
    for expression in PATTERNS:
        known = superset(expression, PRESIDIO_FLAGS).expression
        assert known is not None
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(expressions=[known], flags=hyperscan.HS_FLAG_DOTALL)


def test_the_screen_begins_to_look_at_a_group_named_rare() -> None:
    known = superset(r"[A-Z]\w{1,20}(?P<rare>weg|platz) \d", 0)
    assert known.expression == rb"(?:(?:weg|platz))\x20[\x30-\x39]"
    assert known.before == len("A") + 20 + len("platz 1")


def test_an_empty_block_has_no_hits() -> None:
    assert list(Screen(RuleSet((rule("a"),))).hits(block())) == []
