"""Columns judged by header and values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.detectors.columns import Columns, header_words, parse_columns
from scanner.errors import BadRules
from scanner.files import load_entities, load_yaml, parse_yaml, rules_file
from scanner.model import Finding, Leaf
from scanner.shards.leaves import number_text

ENTITIES = load_entities()
RULES = parse_columns(load_yaml(rules_file("columns.yaml")), ENTITIES)
COLUMNS = Columns(RULES)


@dataclass(frozen=True)
class Rows:
    """A batch made by hand."""

    leaves: list[Leaf]
    rows: int
    first_row: int = 0


def leaf(column: str, values: list[Any], kind: pa.DataType | None = None, first_row: int = 0) -> Leaf:
    array = pa.array(values, kind)
    present = np.array([value is not None for value in values], np.bool_)
    rows = first_row + np.flatnonzero(present)
    native = str(array.type)
    array = array.filter(pa.array(present))
    texts = array.cast(pa.large_string()) if native.endswith("string") else number_text(array)
    return Leaf(column, texts, rows, np.zeros(len(rows), np.int32), native)


def check_kind(rule: str | None, column: str, values: list[Any], kind: pa.DataType | None = None) -> None:
    judged = COLUMNS.judge(leaf(column, values, kind)).rule
    assert (judged.id if judged else None) == (f"column.{rule}" if rule else None)


def found(column: str, values: list[Any], kind: pa.DataType | None = None) -> dict[int, list[Finding]]:
    one = leaf(column, values, kind)
    return COLUMNS.find(one, COLUMNS.judge(one))


def luhn_complete(digits: str) -> str:
    doubled = (sum(divmod(int(d) * 2, 10)) if place % 2 == 0 else int(d) for place, d in enumerate(reversed(digits)))
    return digits + str(-sum(doubled) % 10)


CARDS = [int(luhn_complete(f"4{number:014d}")) for number in range(7, 70_000_000, 1_400_000)]


@pytest.mark.parametrize(
    ("rule", "column", "values", "kind"),
    [
        ("phone", "phone", [2125550143, 2125550144], pa.int64()),
        ("phone", "contact.homePhone", [2125550143.0, None], pa.float64()),
        ("us_ssn", "ssn", [219099999], pa.int32()),
        ("birth_date", "birth_date", [5000, 6000], pa.date32()),
        ("birth_date", "dateOfBirth", [473385600000], pa.timestamp("ms")),
        ("latitude", "lat", [48.85661], pa.float64()),
        ("longitude", "lng", [2.35222], pa.float64()),
        ("email", "emails[]", ["ana@uni.example.org"], None),
        ("credit_card", "card_number", CARDS[:1], pa.int64()),
        ("credit_card", "col_17", CARDS, pa.int64()),
        ("postal_code", "zip", [2139, 10115], pa.int32()),
        ("age", "age", [42, 17], pa.int8()),
        (None, "sku", CARDS, pa.int64()),
        (None, "id", CARDS, pa.int64()),
        (None, "price", [199, 299], pa.int64()),
        (None, "count", CARDS, pa.int64()),
        (None, "created_at", [473385600000], pa.timestamp("ms")),
        (None, "timestamp", [1_700_000_000_000 + 977 * n for n in range(100)], pa.int64()),
        (None, "col_17", [4_000_000_000_000_000 + n for n in range(100)], pa.int64()),
        (None, "col_17", CARDS[:5], pa.int64()),
        (None, "phone_type", ["home", "work"], None),
        (None, "text", ["Ana lives in Berlin"], None),
        (None, "first_name", ["17", "18"], None),
        (None, "dob", [], pa.date32()),
    ],
)
def test_a_column_is_judged_by_header_and_values(
    rule: str | None, column: str, values: list[Any], kind: pa.DataType | None
) -> None:
    check_kind(rule, column, values, kind)


@pytest.mark.parametrize(
    ("column", "native", "largest", "asked"),
    [
        ("phone", "int64", None, True),
        ("zip", "int32", 99999.0, True),
        ("dob", "date32[day]", None, True),
        ("lat", "double", 90.0, True),
        ("col_17", "int64", 4e15, True),
        ("col_17", "int64", None, True),
        ("col_17", "int64", 1e6, False),
        ("col_17", "int32", None, False),
        ("sku", "int64", 4e15, False),
        ("order_id", "int64", None, False),
        ("created_at", "timestamp[ms]", None, False),
        ("price", "double", None, False),
    ],
)
def test_numbers_are_asked_for_when_they_may_identify(
    column: str, native: str, largest: float | None, asked: bool
) -> None:
    assert COLUMNS.asks(column, native, largest) is asked


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("user.homePhone_2[]", ("home", "phone", "2")),
        ("attrs.key", ("key",)),
        ('a."date.of birth"', ("date", "of", "birth")),
        ("Prénom", ("prenom",)),
        ("HTTPServer-IP", ("http", "server", "ip")),
        ("email#2", ("email",)),
        ('""', ()),
    ],
)
def test_headers_are_split_into_words(column: str, words: tuple[str, ...]) -> None:
    assert header_words(column) == words


def test_findings_cover_cells_of_the_form_and_tell_verified_ones() -> None:
    cells = found("card_number", ["  4111 1111 1111 1111 ", "unknown", str(CARDS[3]), str(CARDS[4] + 1)])
    assert {index: (f.start, f.end, f.verified, f.documentation) for index, (f,) in cells.items()} == {
        0: (2, 21, True, True),
        2: (0, 16, True, False),
        3: (0, 16, False, False),
    }
    assert cells[3][0].confidence < cells[2][0].confidence


def test_a_column_known_by_its_values_alone_is_worth_less() -> None:
    named, unnamed = found("card_number", CARDS, pa.int64()), found("col_17", CARDS, pa.int64())
    assert len(named) == len(unnamed) == len(CARDS)
    assert unnamed[0][0].confidence < named[0][0].confidence


def test_quasi_identifiers_alone_are_no_findings() -> None:
    assert found("zip", [2139], pa.int32()) == {}
    assert found("age", [42], pa.int32()) == {}


def test_rows_are_counted_by_their_quasi_identifiers() -> None:
    leaves = [
        leaf("zip", ["02139", "02139 ", None, "9410"]),
        leaf("dob", [1, 1, 2, 1], pa.date32()),
        leaf("gender", ["F", "female", "M", None]),
        leaf("text", ["a", "b", "c", "d"]),
    ]
    groups = COLUMNS.quasi_groups(Rows(leaves, 4))
    assert groups is not None
    assert groups.columns == "dob+gender+zip"
    assert dict(groups.tuples) == {
        "19700102\x1ff\x1f02139": 2,
        "19700103\x1fm\x1f": 1,
        "19700102\x1f\x1f9410": 1,
    }
    assert "02139" not in repr(groups)


def test_sensitive_values_are_told_by_the_tuples_that_they_stand_beside() -> None:
    leaves = [
        leaf("zip", ["02139", "02139", "9410", "9410"]),
        leaf("gender", ["F", "F", "M", "M"]),
        leaf("diagnosis", ["asthma", "Asthma ", None, "flu"]),
    ]
    groups = COLUMNS.quasi_groups(Rows(leaves, 4))
    assert groups is not None
    assert groups.sensitive == (("diagnosis", (("f\x1f02139", "asthma"), ("m\x1f9410", "flu"))),)
    assert "asthma" not in repr(groups)


def test_one_quasi_identifier_makes_no_table() -> None:
    assert COLUMNS.quasi_groups(Rows([leaf("zip", ["02139"]), leaf("text", ["a"])], 1)) is None
    assert COLUMNS.quasi_groups(Rows([leaf("zip", ["02139"]), leaf("people[].age", ["4"])], 1)) is None


CELLS = st.lists(
    st.tuples(st.sampled_from([None, "1", "2"]), st.sampled_from([None, "F", "M"])).filter(any), min_size=1
)


@given(cells=CELLS, first_row=st.integers(0, 10**12))
def test_groups_are_what_a_count_gives(cells: list[tuple[str | None, str | None]], first_row: int) -> None:
    ages, sexes = (list(column) for column in zip(*cells, strict=True))
    if not (any(ages) and any(sexes)):
        return
    batch = Rows([leaf("age", ages, None, first_row), leaf("sex", sexes, None, first_row)], len(cells), first_row)
    groups = COLUMNS.quasi_groups(batch)
    assert groups is not None
    assert dict(groups.tuples) == Counter(f"{age or ''}\x1f{(sex or '').lower()}" for age, sex in cells)


def test_every_fault_is_told_at_once_with_its_line() -> None:
    text = """
columns:
  - {id: a, names: [x], form: '(', confidence: 1, entity: NO_SUCH}
  - {id: a, names: [y], form: 'y', confidence: 1}
  - {id: c, form: 'y', confidence: 1, entity: PERSON, checks: [no_such], examples: [no bar]}
"""
    with pytest.raises(BadRules) as caught:
        parse_columns(parse_yaml(text, "columns.yaml"), ENTITIES)
    told = [(fault.place, fault.message.split("` ", 1)[1]) for fault in caught.value.faults]
    assert told == [
        ("columns.yaml:3", "finds `NO_SUCH`, which entities.yaml does not know"),
        ("columns.yaml:3", "has a `form` that is no regular expression of RE2"),
        ("columns.yaml:4", "has an id that an earlier rule has"),
        ("columns.yaml:4", "must name an `entity` or a kind of `quasi`-identifier"),
        ("columns.yaml:5", "needs `names`, `whole_names` or `by_values`"),
        ("columns.yaml:5", "names the unknown check `no_such`"),
        ("columns.yaml:5", "has an example that is not written `header | cell`"),
    ]


@pytest.mark.parametrize("text", ["", "[]", "columns: 3", "columns: [{id: A b, form: x}]", "columns: []\nextra: 1"])
def test_a_file_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(BadRules):
        parse_columns(parse_yaml(text, "columns.yaml"), ENTITIES)


def test_a_rule_that_misses_its_own_example_is_refused() -> None:
    text = """
columns:
  - {id: a, names: [x], form: '[0-9]+', confidence: 1, entity: PERSON, examples: ['x | 1', 'x | a'],
     negative_examples: ['x | 2']}
"""
    with pytest.raises(
        BadRules, match=r"columns.yaml:3: rule `a` misses its example 2\n.*matches its negative example 1"
    ):
        parse_columns(parse_yaml(text, "columns.yaml"), ENTITIES)


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_every_rule_shows_what_it_finds_and_what_not(rule: Any) -> None:
    assert rule.examples
    assert rule.negative_examples


def test_a_column_of_a_million_numbers_is_judged_from_a_sample(tmp_path: Path) -> None:
    numbers = np.resize(np.array(CARDS), 1_000_000)
    one = Leaf(
        "card_number",
        number_text(pa.array(numbers)),
        np.arange(len(numbers)),
        np.zeros(len(numbers), np.int32),
        "int64",
    )
    kind = COLUMNS.judge(one)
    assert kind.entity == "CREDIT_CARD"
    assert len(COLUMNS.find(one, kind)) == len(numbers)


@pytest.mark.parametrize(
    ("header", "value", "rule"),
    [
        ("customerEmail", "ana.reyes@mail.example.net", "email"),
        ("billing_phone_number", "212-555-0143", "phone"),
        ("numer_telefonu", "+48 22 555 01 43", "phone"),
        ("dob", "1985-03-02", "birth_date"),
        ("dataUrodzenia", "02.03.1985", "birth_date"),
        ("fec_nacimiento", "02/03/1985", "birth_date"),
        ("gebdat", "2.3.1985", "birth_date"),
        ("nr_paszportu", "AB4827193", "passport"),
        ("rodne_cislo", "850714/4827", "government_id"),
        ("NRIC", "S4827193D", "government_id"),
        ("id_number", "8507144827082", "government_id"),
        ("user_rrn", "850714-2482712", "government_id"),
        ("vat_number", "DE136695976", "company"),
        ("SIRET", "30326504500014", "company"),
        ("ein", "48-2719365", "company"),
        ("member_id", "XEA482719365", "medical_id"),
        ("dl_number", "D4827193", "licence"),
        ("npi", "1234567893", "licence"),
        ("plate_no", "KR48 LPX", "vehicle"),
        ("iccid", "8948271936504827193", "device"),
        ("src_ip", "198.51.100.7", "ip"),
        ("bssid", "00:00:5E:00:53:AF", "mac"),
        ("imie", "Anna", "person_name"),
        ("primer_apellido", "Reyes", "person_name"),
        ("address_line_1", "12 Long Street", "address"),
        ("acct_num", "48271936", "bank_account"),
        ("cardNum", "4111111111111111", "credit_card"),
        ("haslo", "not-a-real-key-000", "secret"),
        ("order_id", "48271936", None),
        ("product_sku", "KR-482719", None),
        ("product_identification_number", "48271936", None),
        ("run_id", "48271936", None),
        ("vat", "1234.56", None),
        ("nit", "light", None),
        ("created_at", "1985-03-02", None),
        ("fin", "2026-03-02", None),
    ],
)
def test_headers_of_real_tables_name_their_kind(header: str, value: str, rule: str | None) -> None:
    check_kind(rule, header, [value] * 3)
