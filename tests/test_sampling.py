"""Values counted by a sample of fingerprints: unbiased, never without the worst case, the same whatever the order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import merge as merging
from scanner.fingerprints import Fingerprinter
from scanner.merge import Merged, merge, recount, vanished
from scanner.model import Artefact
from scanner.reports._summary import not_looked_at
from scanner.risk import Case, assess
from scanner.risk.terms import SamplingTerms
from scanner.rulebook import load_rulebook
from scanner.sampling import edge, rates
from scanner.scan import decide
from scanner.values import QUASI, Histogram
from tests.conftest import REPOSITORY
from tests.risk.cases import case, quick_policy
from tests.scans import comparable, scanned, write_shard
from tests.test_merge import Row, write

Cell = tuple[str, int, int, int, int]
ALL = SamplingTerms(1e9, 1e9)
FEW = SamplingTerms(1, 3)

rows = st.tuples(
    st.sampled_from(["EMAIL_ADDRESS", "PERSON", QUASI]),
    st.sampled_from(["text", "a.b"]),
    st.booleans(),
    st.integers(0, 15).map(lambda n: bytes([n * 16 + n]) * 16),
    st.integers(1, 9),
    st.integers(0, 9),
    st.integers(0, 2),
    st.integers(0, 4),
)
tables = st.lists(st.lists(rows, max_size=20), max_size=3)


def values_of(table: list[Row]) -> dict[tuple[str, bytes], tuple[int, int, int]]:
    """Linkage, confidence bin and occurrences of each value: the slow twin of grouping."""
    held: dict[tuple[str, bytes], tuple[int, int, int]] = {}
    for entity, _, documentation, fingerprint, occurrences, _, linkage, confidence in table:
        if not documentation and entity != QUASI:
            was = held.get((entity, fingerprint), (0, 0, 0))
            held[entity, fingerprint] = (max(was[0], linkage), max(was[1], confidence), was[2] + occurrences)
    return held


def kept_cells(table: list[Row], terms: SamplingTerms) -> list[Cell]:
    """The cells of the values kept, each standing for 1/θ: the slow twin of sampling."""
    counted: dict[str, int] = defaultdict(int)
    for entity, _, documentation, *_ in table:
        counted[entity] += not documentation and entity != QUASI
    chosen = rates(counted, terms)
    cells: list[Cell] = []
    for (entity, fingerprint), (linkage, confidence, occurrences) in values_of(table).items():
        rate = chosen.get(entity, 1.0)
        if int.from_bytes(fingerprint, "big") < rate * 2**128:
            cells.append((entity, linkage, confidence, occurrences, round(1 / rate)))
    return Histogram.of(cells).cells()


def counted(merged: Merged) -> list[Cell]:
    return [cell for cell in merged.histogram.cells() if cell[4]]


def check_same(one: Merged, other: Merged) -> None:
    assert one.histogram.cells() == other.histogram.cells()
    assert replace(one, histogram=other.histogram) == other


@settings(max_examples=15)
@given(tables)
def test_a_merge_keeps_what_the_slow_twin_keeps(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]]
) -> None:
    folder = tmp_path_factory.mktemp("values")
    whole = [row for part in parts for row in part]
    files = write(folder, parts)
    assert counted(merge(files, folder / "scratch", terms=FEW)) == kept_cells(whole, FEW)
    check_same(merge(files, folder / "scratch", terms=ALL), merge(files, folder / "scratch"))


@settings(max_examples=8)
@given(tables)
def test_a_merge_in_parts_is_a_merge_at_once(tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]]) -> None:
    folder = tmp_path_factory.mktemp("values")
    files = write(folder, parts)
    for terms in (ALL, FEW):
        at_once = merge(files, folder / "scratch", terms=terms)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(merging, "PART_ROWS", 0)
            dealt = merge(list(reversed(files)), folder / "scratch", terms=terms)
        check_same(dealt, at_once)


@settings(max_examples=15)
@given(tables)
def test_no_sample_loses_how_frequent_linked_or_sure_a_value_can_be(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]]
) -> None:
    folder = tmp_path_factory.mktemp("values")
    cells = merge(write(folder, parts), folder / "scratch", terms=FEW).histogram.cells()
    true = values_of([row for part in parts for row in part])
    for entity in {entity for entity, _ in true}:
        there = [value for (name, _), value in true.items() if name == entity]
        told = [cell for cell in cells if cell[0] == entity]
        for index in range(3):
            assert max(cell[1 + index] for cell in told) == max(value[index] for value in there)


def test_the_most_frequent_value_is_bounded_where_buckets_are_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "FULLEST", 1)
    table: list[Row] = [
        ("PERSON", "text", False, bytes([255 - n] * 13 + [n % 2] * 3), 3 + n, 0, 0, 1) for n in range(20)
    ]
    merged = merge(write(tmp_path, [table]), tmp_path / "scratch", terms=FEW)
    buckets = sorted(sum(row[4] for row in table if row[3][-1] == end) for end in (0, 1))
    assert max(cell[3] for cell in merged.histogram.cells()) == buckets[0] > 22


@settings(max_examples=10)
@given(st.lists(rows, max_size=20), rows)
def test_a_finding_more_lowers_no_count_under_the_same_rates(
    tmp_path_factory: pytest.TempPathFactory, table: list[Row], more: Row
) -> None:
    folder = tmp_path_factory.mktemp("values")
    chosen = {"PERSON": 0.25, "EMAIL_ADDRESS": 0.5}

    def tails(table: list[Row]) -> list[tuple[int, int]]:
        histogram = recount(write(folder, [table]), folder / "scratch", (), (), rates=chosen)
        cells = [cell for cell in histogram.cells() if cell[0] == more[0]]
        most = max((cell[3] for cell in cells), default=0)
        return [(most, sum(cell[4] for cell in cells if cell[3] >= at)) for at in range(1, 40)]

    assert all(b >= a for before, after in zip(tails(table), tails([*table, more]), strict=True)
               for a, b in zip(before, after, strict=True))  # fmt: skip


OCCURRENCES = [1] * 150 + [2] * 40 + [5] * 8 + [30] * 2


def drawn(key: int) -> list[tuple[bytes, int]]:
    """The same values under another key."""
    fingerprinter = Fingerprinter(key.to_bytes(32, "big"))
    return [(fingerprinter.of("EMAIL_ADDRESS", f"{number}@example.com"), d) for number, d in enumerate(OCCURRENCES)]


def test_estimates_are_right_on_average_over_keys_and_spread_as_the_formula_says() -> None:
    rate, keys = 0.25, 600
    weights = np.sqrt(OCCURRENCES)
    estimates = np.array(
        [sum(np.sqrt(d) for print_, d in drawn(key) if print_ < edge(rate)) / rate for key in range(keys)]
    )
    deviation = np.sqrt((1 - rate) / rate * (weights**2).sum())
    assert abs(estimates.mean() - weights.sum()) < 4 * deviation / np.sqrt(keys)
    assert estimates.std() == pytest.approx(deviation, rel=0.15)


def sampled_case(key: int, rate: float, *, told: bool = True) -> Case:
    """The case that a merge would make of the values under one key."""
    kept = [("EMAIL_ADDRESS", 1, 4, d, round(1 / rate)) for print_, d in drawn(key) if print_ < edge(rate)]
    asked = case([*kept, ("EMAIL_ADDRESS", 1, 4, max(OCCURRENCES), 0)])
    return replace(asked, state=replace(asked.state, rates={"EMAIL_ADDRESS": rate} if told else {}))


def test_intervals_hold_the_error_of_sampling() -> None:
    rate = 0.25
    queries = case().queries[0]

    def harm(asked: Case) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return assess(asked).entities["EMAIL_ADDRESS"].leaks[queries].harm

    exact = harm(case([("EMAIL_ADDRESS", 1, 4, d, 1) for d in OCCURRENCES]))
    plain = np.array([np.median(harm(sampled_case(key, rate, told=False)) / exact) for key in range(60)])
    assert plain.mean() == pytest.approx(1.0, abs=0.05)
    errors = [harm(sampled_case(key, rate)) / harm(sampled_case(key, rate, told=False)) for key in range(5)]
    told = np.mean([error.std() for error in errors])
    assert plain.std() * 0.7 < told < plain.std() * 2


def test_the_worst_case_of_a_critical_entity_is_that_of_the_full_count() -> None:
    light = [("CREDIT_CARD", 0, 4, 1, 4000)]
    whole = case([*light, ("CREDIT_CARD", 0, 4, 900, 1)])
    kept = case([*light, ("CREDIT_CARD", 0, 4, 900, 0)])
    kept = replace(kept, state=replace(kept.state, rates={"CREDIT_CARD": 2.0**-5}))
    full, sampled = assess(whole), assess(kept)
    assert sampled.public.p_max.tolist() == full.public.p_max.tolist()
    assert (sampled.public.p_any_critical >= sampled.public.p_max - 1e-9).all()
    assert sampled.entities["CREDIT_CARD"].max_occurrences == full.entities["CREDIT_CARD"].max_occurrences


def test_a_linked_value_that_was_not_kept_still_trips_its_gate() -> None:
    asked = case([("HEALTH", 0, 4, 1, 4000), ("HEALTH", 1, 4, 1, 0)], artefact=Artefact.DATA)
    asked = replace(asked, state=replace(asked.state, rates={"HEALTH": 0.5}))
    assert assess(asked).entities["HEALTH"].beside == 1


def test_rates_are_powers_of_one_half_and_only_for_what_is_many() -> None:
    terms = SamplingTerms(exact_values=1000, kept_values=100)
    assert rates({"PERSON": 900, "CREDIT_CARD": 100}, terms) == {}
    assert rates({"PERSON": 901, "CREDIT_CARD": 100}, terms) == {"PERSON": 1 / 16}
    assert edge(1 / 16) == b"\x10" + b"\0" * 15


def test_vanished_values_are_sampled_like_the_others(tmp_path: Path) -> None:
    before: list[Row] = [("PERSON", "text", False, bytes([n]) * 16, 1, 0, 0, 1) for n in range(0, 256, 4)]
    (tmp_path / "after").mkdir()
    (tmp_path / "before").mkdir()
    files = write(tmp_path / "before", [before])
    histogram = vanished(
        files, write(tmp_path / "after", [before[:4]]), tmp_path / "scratch", (), (), SamplingTerms(1, 16)
    )
    assert histogram.distinct.sum() == 4 * (16 - 4)


@pytest.fixture(scope="module")
def strict_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped policy, but for counting no more than a few values one by one."""
    document = yaml.safe_load((REPOSITORY / "rules" / "policy.yaml").read_text())
    document["risk"] |= {"sampling": {"exact_values": 20, "kept_values": 10}, "draws": 200}
    file = tmp_path_factory.mktemp("policy") / "policy.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_a_scan_beyond_the_limit_says_so_and_decides_the_same_again(
    tmp_path: Path, key_file: Path, strict_policy: Path
) -> None:
    texts = [f"Please write to p{n}@example.com soon." for n in range(60)] + ["Write to p7@example.com."] * 30
    shard = write_shard(tmp_path / "data" / "a.parquet", texts)
    out = tmp_path / "out"
    evidence = scanned(shard, out, key_file, policy=strict_policy)
    (part,) = evidence.sampled
    assert (part.entity, part.theta) == ("EMAIL_ADDRESS", 1 / 8)
    (mails,) = (one for one in evidence.findings if one.entity == "EMAIL_ADDRESS")
    assert (mails.count, mails.max_occurrences, mails.distinct) == (90, 31, 8 * part.kept)
    assert [one.occurrences for one in evidence.repeated] == [31]
    assert any("one in 8 of them" in line for line in not_looked_at(evidence))
    rulebook = load_rulebook(None, strict_policy, with_models=False)
    assert comparable(decide(out, rulebook, lambda dataset: dataset)) == comparable(evidence)
    assert quick_policy().risk.sampling.exact_values >= 1e9
