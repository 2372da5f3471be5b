"""Scanning until decided: the verdict of the full scan from a part of the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scanner import deciding
from scanner.assemble import Scanned
from scanner.evidence import ScanPart
from scanner.lots import LOTS, LotCount
from scanner.merge import Merged
from scanner.model import Artefact, Dataset, NamesMode, Provenance, Tier
from scanner.output import read_evidence
from scanner.redact import _plan_faults
from scanner.redaction import RedactionPlan
from scanner.risk import NONE_LEFT, Left
from scanner.rulebook import Rulebook, load_rulebook
from scanner.scan import decide
from scanner.tally import FindingCount, Tally
from scanner.values import Histogram
from tests.scans import CARD, comparable, quick_policy, scanned, spans, write_shard

PLAIN = "the sum of the angles is half a turn, and so it was shown before."
NAMED = "Maria Gonzales lives in Chicago and works for the city."
HEALTH = "She was diagnosed with diabetes last spring."


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty shards, every tenth with names, one of them with names beside a diagnosis."""
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(40):
        texts = [f"{NAMED} {HEALTH}"] if number == 7 else [NAMED] * 3 if number % 10 == 0 else [PLAIN] * 3
        write_shard(folder / f"{number:02}.parquet", texts)
    return folder


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "key"
    file.write_bytes(bytes(range(32)))
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def early_out(corpus: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("early") / "out"
    scanned(corpus, out, key, names=True, until_decided=True)
    return out


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook(None, None, with_models=False)


def test_names_are_left_once_the_verdict_is_decided(early_out: Path) -> None:
    early = read_evidence(early_out)
    names = early.coverage.names
    assert early.scan.names_mode is NamesMode.UNTIL_DECIDED
    assert names.left > 0.9 * early.coverage.bytes
    assert sum(names.read.values()) + names.left == early.coverage.scanned == early.coverage.bytes
    assert names.left_most > 8, "eight names stand in what was left"


def test_what_weighs_more_beside_a_name_is_read_in_any_case(early_out: Path) -> None:
    early = read_evidence(early_out)
    assert "health" in {gate.id for gate in early.verdict.gates if gate.tripped}
    assert early.verdict.tier is Tier.INTERNAL
    assert early.coverage.names.left_found > 0


def test_it_is_the_same_for_another_engine_and_when_resumed(
    early_out: Path, corpus: Path, key: Path, tmp_path: Path
) -> None:
    early = read_evidence(early_out)
    spread = scanned(corpus, tmp_path / "out", key, names=True, until_decided=True, engine="local", workers=1)
    assert comparable(spread) == comparable(early)
    again = scanned(corpus, early_out, key, names=True, until_decided=True, resume=True)
    assert comparable(again.model_copy(update={"history": early.history})) == comparable(early)


def test_lots_that_were_drawn_are_read_as_the_full_scan_reads_them(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shard(tmp_path / "a.parquet", [f"{NAMED} Write to {n:02}@example.com." for n in range(3 * LOTS)])
    monkeypatch.setattr(deciding, "FIRST_LOOK", 3)
    asked = iter((False, False, True, False, False, True))
    monkeypatch.setattr(deciding, "decided", lambda *_: next(asked))
    early = scanned(tmp_path / "a.parquet", tmp_path / "early", key, names=True, until_decided=True)
    scanned(tmp_path / "a.parquet", tmp_path / "full", key, names=True)
    names = early.coverage.names
    assert names.left == sum(names.read.values()) * (LOTS - 6) / 6 == early.coverage.bytes * (LOTS - 6) / LOTS
    found, whole = spans(tmp_path / "early"), spans(tmp_path / "full")
    rows = {span["row"] for span in found if span["entity"] == "PERSON"}
    assert len(rows) == 3 * 6
    assert len({row % LOTS for row in rows}) == 6
    assert found == [span for span in whole if span["row"] in rows or span["entity"] == "EMAIL_ADDRESS"]
    write_shard(tmp_path / "b.parquet", [PLAIN] * 3 * LOTS)
    scanned(tmp_path / "*.parquet", tmp_path / "early", key, names=True, until_decided=True, resume=True)
    again = {span["row"] for span in spans(tmp_path / "early") if span["entity"] == "PERSON"}
    assert again >= rows, "what was read stays read when other lots of its unit are drawn"


def test_redaction_asks_for_a_full_scan(early_out: Path) -> None:
    (fault,) = _plan_faults(RedactionPlan("test"), read_evidence(early_out))
    assert "--until-decided" in fault.message


def test_deciding_anew_keeps_what_was_estimated(early_out: Path, key: Path) -> None:
    early = read_evidence(early_out)
    again = decide(early_out, load_rulebook(None, quick_policy(key), with_models=False), lambda dataset: dataset)
    assert again.coverage == early.coverage
    assert again.risk.score == early.risk.score


def test_a_scan_without_names_and_a_full_one_say_so(corpus: Path, key_file: Path, tmp_path: Path) -> None:
    evidence = scanned(corpus / "01.parquet", tmp_path / "out", key_file)
    assert evidence.scan.names_mode is NamesMode.OFF
    assert evidence.coverage.names.left == 0


def test_looks_go_from_none_to_all() -> None:
    for lots in (0, 1, 70, 10_000):
        looked = list(deciding.looks(lots))
        assert looked[0] == 0
        assert looked[-1] == lots
        assert looked == sorted(set(looked))


def unit_of(*lots: LotCount) -> Tally:
    return Tally(names_left=sum(lot.left for lot in lots), lots=dict(enumerate(lots)))


LEFT, READ = LotCount(256, 1_000, 256), LotCount(256, 1_000, names=3)


def test_heavier_lots_are_drawn_earlier_but_not_always() -> None:
    heavy, light = LotCount(1, 9_000, 1), LotCount(1, 1_000, 1)
    tallies = {f"{n:03}": unit_of(heavy, light) for n in range(200)}
    order = deciding.order(tallies, "a")
    assert 75 < sum(lot == 0 for _, lot in order.drawn[:100]) < 100
    assert order.drawn != deciding.order(tallies, "b").drawn
    assert sorted(order.drawn) == [(unit, lot) for unit in sorted(tallies) for lot in (0, 1)]
    assert order.weights[:3] == tuple(deciding.weight(tallies[unit].lots[lot]) for unit, lot in order.drawn[:3])


def test_units_that_weigh_more_beside_a_name_are_read_whole_and_first() -> None:
    tallies = {"a": unit_of(LEFT), "b": replace(unit_of(LEFT, LEFT), gated=1)}
    order = deciding.order(tallies, "a")
    assert order.upto(0) == {"b": frozenset(range(LOTS))}
    assert order.upto(1) == {"b": frozenset(range(LOTS)), "a": frozenset({0})}
    assert order.beyond(0) == (("a", 0),)


def test_a_lot_that_could_not_be_read_counts_as_full_of_names() -> None:
    order = deciding.order({"a": unit_of(LEFT, LEFT, LEFT)}, "a")
    _, clean = deciding.left({"a": unit_of(READ, READ, READ)}, order, 3)
    _, spoiled = deciding.left({"a": unit_of(READ, LEFT, READ)}, order, 3)
    assert clean == Left(0, 9, 0.0)
    assert spoiled == Left(256, 6, 1002.0)


def state_of(names: int, tallies: Mapping[str, Tally], left: Left) -> Scanned:
    """A scan that found so many persons, each once, in one gigabyte of licensed text."""
    found = Histogram.of([("PERSON", 1, 4, 1, names)] if names else [])
    identity = ScanPart(
        id="", started="", ended="", scanner_version="", rules_sha256="", models_sha256={}, policy_sha256="",
        key_id="k", engine="inline",
    )  # fmt: skip
    return Scanned(
        dataset=Dataset("test", Provenance.LICENSED, consent=True, model_card=CARD),
        scan=identity,
        shards=(),
        tally=sum(tallies.values(), Tally(scanned_bytes=10**9)),
        merged=Merged(found, (), {}),
        recount=lambda columns, shards: found,
        names_left=left,
    )


def decided(names: int, least: float, most: float, rulebook: Rulebook) -> bool:
    ends = Left(9 * 10**8, names, least), Left(9 * 10**8, names, most)
    one = state_of(names, {"a": Tally(findings={("PERSON", "text"): FindingCount(names)})}, ends[1])
    return deciding.decided(one, *ends, rulebook, Artefact.MODEL)


def test_it_is_decided_only_if_both_ends_give_the_same_tier(rulebook: Rulebook) -> None:
    assert decided(100, 100, 150, rulebook), "open at both"
    assert not decided(100, 100, 200_000, rulebook)
    assert decided(20_000, 100_000, 900_000, rulebook), "internal at both"
    assert not decided(0, 0, 200_000, rulebook), "nothing found yet"


def test_values_that_might_be_linked_more_strongly_keep_it_open(rulebook: Rulebook) -> None:
    kept_open = 0
    for mails in (30, 100, 300, 1_000, 3_000):
        found = Histogram.of([("EMAIL_ADDRESS", 0, 4, 1, mails)])
        linked = Histogram.of([("EMAIL_ADDRESS", 2, 4, 1, mails)])
        one = replace(state_of(0, {}, NONE_LEFT), merged=Merged(found, (), {}))
        other = replace(one, merged=replace(one.merged, linked=linked))
        assert deciding.decided(one, NONE_LEFT, NONE_LEFT, rulebook, Artefact.MODEL)
        kept_open += not deciding.decided(other, NONE_LEFT, NONE_LEFT, rulebook, Artefact.MODEL)
    assert kept_open, "somewhere the factor of linkage crosses a limit"


def order_of(lots: int) -> deciding.Order:
    return deciding.order({f"{number:03}": unit_of(LEFT) for number in range(lots)}, "a")


def test_values_that_no_two_lots_share_tell_of_many_others() -> None:
    order = order_of(400)
    once = tuple([20, 21, 19, 20] * 10)
    many = deciding.fresh(order, 40, deciding.Seen(once, 10))
    few = deciding.fresh(order, 40, deciding.Seen(once, 400))
    assert many > few > 0
    assert many < 20 * 360, "no more than the rest would show if every value were new"
    assert deciding.fresh(order, 40, deciding.Seen((0,) * 39 + (800,), 10)) == 0.0, "of one lot alone"
    assert deciding.fresh(order, 40, deciding.Seen((0,) * 40, 0)) == 0.0
    assert deciding.fresh(order, 1, deciding.Seen((9,), 0)) == 0.0


def test_the_bound_on_values_not_seen_is_seldom_too_high() -> None:
    rng = np.random.default_rng(5)
    order = order_of(400)
    wrong = 0
    for _ in range(200):
        rank = 1.0 / np.arange(1, 3_001)
        units = [rng.choice(3_000, 20 * int(rng.random() < 0.5), p=rank / rank.sum()) for _ in range(400)]
        drawn = [np.unique(unit) for unit in units[:40]]
        seen, counts = np.unique(np.concatenate(drawn), return_counts=True)
        alone = set(seen[counts == 1].tolist())
        once = tuple(len(alone.intersection(unit.tolist())) for unit in drawn)
        true = len(set(np.concatenate(units).tolist()) - set(seen.tolist()))
        wrong += deciding.fresh(order, 40, deciding.Seen(once, int((counts == 2).sum()))) > true
    assert wrong <= 4


def test_new_values_that_there_must_be_settle_what_repetition_leaves_open(rulebook: Rulebook) -> None:
    ends = Left(9 * 10**8, 3_000, 40_000), Left(9 * 10**8, 3_000, 60_000)
    one = state_of(3_000, {"a": Tally(findings={("PERSON", "text"): FindingCount(3_000)})}, ends[1])

    def settled(unseen: float) -> bool:
        return deciding.decided(one, *ends, rulebook, Artefact.MODEL, unseen)

    assert not settled(0.0)
    assert settled(40_000.0)
