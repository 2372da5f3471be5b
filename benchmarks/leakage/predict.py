"""What the scanner says of a scanned corpus: its cases, chances and verdicts, from its counts and a model card."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.leakage import design
from scanner.merge import merge
from scanner.model import Artefact, ModelCard
from scanner.policy import Verdict, decide
from scanner.risk import Assessment, Card, Case, State, assess
from scanner.risk.exposure import base_level, central_constants
from scanner.rulebook import Rulebook, load_rulebook
from scanner.scan import read_evidence

Floats = npt.NDArray[np.float64]
NEVER = 0.5
"""Occurrences that stand for a value that the scanner did not find."""


@lru_cache(maxsize=1)
def rulebook() -> Rulebook:
    """The rules and the policy as they ship."""
    return load_rulebook(None, None, with_models=False)


@lru_cache(maxsize=128)
def counts(runs: Path, corpus: str) -> dict[str, Any]:
    """The corpus's size, and how often the scanner counted each planted value."""
    found: dict[str, Any] = json.loads((runs / "scans" / f"{corpus}.json").read_text())
    return found


@lru_cache(maxsize=128)
def _state(runs: Path, corpus: str) -> State:
    out = runs / "scans" / corpus / "out"
    evidence = read_evidence(out)
    merged = merge(sorted((out / "values").glob("*.parquet")), out / ".leakage")
    return State(
        histogram=merged.histogram,
        dataset=design.dataset(corpus),
        total_bytes=evidence.coverage.bytes,
        scanned_bytes=evidence.coverage.scanned,
        key_ids=frozenset({evidence.scan.key_id}),
        names_read=sum(evidence.coverage.names.read.values()),
        names_unread=sum(evidence.coverage.names.unread.values()),
    )


def case(runs: Path, corpus: str, card: ModelCard) -> Case:
    """The scanner's case for a model of this card trained on a corpus."""
    state, book = _state(runs, corpus), rulebook()
    told = replace(state, dataset=replace(state.dataset, model_card=card))
    return Case(told, book.entities, book.policy.risk, book.calibration, Artefact.MODEL)


def judged(runs: Path, corpus: str, card: ModelCard) -> tuple[Assessment, Verdict]:
    """Assessment and verdict of that case."""
    asked = case(runs, corpus, card)
    assessment = assess(asked)
    return assessment, decide(assessment, asked, rulebook().policy)


def parts(counted: Floats, card: ModelCard, queries: float) -> tuple[Floats, Floats]:
    """z of RISK_MODEL, In ten lines, 3, taken apart: what b is multiplied by, and what stands beside A.

    The attacker holds the true text before the value, of about the length of reference.
    """
    terms = rulebook().policy.risk.exposure
    known = Card(*(card.parameters, card.training_tokens, card.epochs), None, None, ())  # type: ignore[arg-type]
    constants = central_constants(replace(terms, attacker_prefix=terms.reference_prefix), 1)
    level = base_level(
        constants, replace(terms, attacker_prefix=terms.reference_prefix), known, queries, terms.reference_bits
    )[0]
    dilution = (terms.dilution.low + terms.dilution.high) / 2 * np.log10(known.training_tokens / terms.reference_tokens)
    slope = np.log10(np.maximum(counted, NEVER) * known.epochs) - dilution
    beside = level - terms.level.mean - terms.occurrences.mean * (np.log10(known.epochs) - dilution)
    return slope, np.full(len(counted), beside)


def central(counted: Floats, card: ModelCard, queries: float) -> Floats:
    """z with the shipped constants at their centre."""
    terms = rulebook().policy.risk.exposure
    slope, beside = parts(counted, card, queries)
    return np.asarray(terms.level.mean + terms.occurrences.mean * slope + beside, dtype=np.float64)
