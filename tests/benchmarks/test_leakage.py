"""The parts of the leakage benchmark that need no training: planting, exposure by rank, rank correlation."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import ndtr

from benchmarks.leakage import measure
from benchmarks.leakage.corpora import (
    PLACEHOLDER,
    REMARKS,
    TEMPLATES,
    WINDOW,
    Corpus,
    background,
    compose,
    deduplicated,
    plants,
    redacted,
)
from benchmarks.leakage.kinds import BY_NAME, KINDS, luhn_digit
from benchmarks.leakage.stats import bootstrap, exposure, probit_fit, spearman
from scanner import scan as scanning
from scanner import worker
from scanner.model import Dataset, Provenance

FILLER = "the river carries letters under the bright window of the old market. " * 500


def corpus(seed: int = 1) -> Corpus:
    rng = random.Random(seed)
    wanted = {(kind.name, occurrences): 3 for kind in KINDS for occurrences in (0, 1, 5)}
    return compose("small", rng, plants(rng, wanted), FILLER, 20)


def occurrences(made: Corpus) -> Counter[str]:
    return Counter({plant.value: sum(plant.value in row for row in made.rows()) for plant in made.plants})


def test_every_value_stands_in_as_many_rows_as_it_was_planted() -> None:
    made = corpus()
    assert occurrences(made) == Counter({plant.value: plant.occurrences for plant in made.plants})


def test_no_two_plants_share_a_value() -> None:
    values = [plant.value for plant in corpus().plants]
    assert len(values) == len(set(values))


def test_the_same_seed_plants_the_same_corpus_and_another_seed_another() -> None:
    assert corpus(1) == corpus(1)
    assert corpus(1) != corpus(2)


def test_a_scan_counts_each_plant_as_often_as_it_was_planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module, function in ((worker, "build"), (scanning, "load_rulebook")):
        monkeypatch.setattr(module, function, getattr(module, function))  # to have it afterwards as it was
    measure.compile_once()
    made = corpus()
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        counted = measure.scan(made, Dataset("small", Provenance.LICENSED, languages=("en",)), folder, names=False)
        cards = [row for row in counted if row["kind"] == "card"]
        assert [row["counted"] for row in cards] == [row["planted"] for row in cards]


def test_a_window_holds_its_planted_document_whole() -> None:
    made = corpus()
    for planted, filler in zip(made.planted, made.filler, strict=True):
        assert (len(planted[1]) + 1 if planted else 0) + len(filler) + 1 <= WINDOW


@pytest.mark.parametrize("sentences", [TEMPLATES, REMARKS])
def test_templates_put_the_value_last_at_varied_distances_from_the_name(sentences: tuple[str, ...]) -> None:
    assert len(sentences) >= 10
    assert all(sentence.endswith("{value}.") for sentence in sentences)
    distances = {sentence.index("{value}") - sentence.index("{name}") for sentence in sentences}
    assert max(distances) > 4 * min(distances)


def test_the_prefix_and_the_value_make_the_planted_document() -> None:
    for plant in corpus().plants:
        assert plant.prefix(plant.asked) + plant.value + "." == plant.document(plant.asked)
        assert plant.distance > 0


def test_cards_pass_their_check_digit() -> None:
    rng = random.Random(4)
    for _ in range(50):
        digits = BY_NAME["card"].draw(rng).replace(" ", "")
        assert luhn_digit(digits[:-1]) == digits[-1]


def test_the_check_digit_is_that_of_a_published_test_card() -> None:
    assert luhn_digit("411111111111111") == "1"


def test_deduplication_leaves_so_many_of_each_value() -> None:
    made = corpus()
    left = occurrences(deduplicated(made, 2))
    assert left == Counter({plant.value: min(2, plant.occurrences) for plant in made.plants})


def test_redaction_removes_one_kind_and_nothing_else() -> None:
    made = corpus()
    left = occurrences(redacted(made, "card"))
    assert left == Counter({p.value: 0 if p.kind == "card" else p.occurrences for p in made.plants})
    assert any(PLACEHOLDER in row for row in redacted(made, "card").rows())


def test_shards_hold_every_row_once(tmp_path: Path) -> None:
    made = corpus()
    made.write(tmp_path)
    written = [text for file in tmp_path.iterdir() for text in pq.read_table(file)["text"].to_pylist()]
    assert Counter(written) == Counter(made.rows())


def test_background_without_corpora_is_invented_and_as_long_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANNER_CORPORA", str(tmp_path))
    text = background(random.Random(1), 5_000)
    assert len(text) == 5_000
    assert text == background(random.Random(1), 5_000)


def test_exposure_is_all_bits_for_the_likeliest_and_none_for_the_last() -> None:
    assert exposure(1, 255) == 8
    assert exposure(256, 255) == 0


def test_exposure_of_a_value_that_was_never_seen_averages_one_over_ln_two() -> None:
    mean = np.mean([exposure(rank, 4095) for rank in range(1, 4097)])
    assert mean == pytest.approx(1 / math.log(2), abs=0.01)


def test_rank_correlation_sees_order_alone() -> None:
    x = np.arange(20.0)
    assert spearman(x, np.exp(x)) == pytest.approx(1)
    assert spearman(x, -(x**3)) == pytest.approx(-1)


def test_rank_correlation_with_what_does_not_vary_is_none() -> None:
    assert spearman(np.arange(9.0), np.ones(9)) == 0


def test_the_paired_bootstrap_tells_a_better_predictor_from_a_worse_one() -> None:
    rng = np.random.default_rng(3)
    measured = rng.normal(size=150)
    predictors = {"good": measured + 0.2 * rng.normal(size=150), "bad": measured + 3 * rng.normal(size=150)}
    result = bootstrap(predictors, measured, draws=200)
    good, none = result["good"]
    _, gap = result["bad"]
    assert good.low < good.value < good.high
    assert none.value == none.low == none.high == 0
    assert gap.low > 0


def test_a_probit_fit_finds_the_constants_that_made_the_chances() -> None:
    x = np.linspace(-2, 2, 200)
    offset = np.where(x > 0, 0.3, -0.1)
    columns = np.column_stack([np.ones(len(x)), x])
    fitted = probit_fit(columns, np.asarray(ndtr(-0.7 + 1.3 * x + offset)), offset)
    assert fitted == pytest.approx([-0.7, 1.3], abs=0.01)
