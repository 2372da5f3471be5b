"""What the scanner says of a scanned corpus: its cases, chances and verdicts, from its counts and a model card."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.leakage import design
from benchmarks.leakage.kinds import BY_NAME, KINDS
from scanner.merge import merge
from scanner.model import CONFIDENCE_EDGES, Artefact, ModelCard
from scanner.output import read_evidence
from scanner.risk import Card, Case, Measured, State
from scanner.risk.exposure import base_level, central_constants
from scanner.rulebook import Rulebook, load_rulebook

Floats = npt.NDArray[np.float64]
NOT_JUDGED = ((0, 0),) * len(CONFIDENCE_EDGES)
NEVER = 0.5
"""Occurrences that stand for a value that the scanner did not find."""


@lru_cache(maxsize=1)
def rulebook() -> Rulebook:
    """The rules and the policy as they ship, but for the entropy of what is planted.

    Values kept for tests come from smaller ranges than real ones (a telephone number of 15 bits, not 30), and who
    plants canaries knows how they were drawn.
    """
    shipped = load_rulebook(None, None, with_models=False)
    known = dict(shipped.entities)
    for kind in KINDS:
        known[kind.entity] = replace(known[kind.entity], bits=kind.bits)
    return replace(shipped, detectables=replace(shipped.detectables, entities=known))


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


def all_found(case: Case) -> Case:
    """The case as if the detectors missed nothing: what is left is the risk of what was found."""
    never_misses = {
        name: replace(case.calibration.entities.get(name, Measured(NOT_JUDGED, 0, 0)), hits=10**9, misses=0)
        for name in case.entities
    }
    silent = dict.fromkeys(case.terms.missed.silent, 0.0)
    terms = replace(case.terms, missed=replace(case.terms.missed, silent=silent))
    return replace(case, terms=terms, calibration=replace(case.calibration, entities=never_misses))


@dataclass(frozen=True, slots=True)
class Fit:
    """Constants of z that an organisation fits on canaries of its own; the others stay the policy's.

    Attributes:
        level: A.
        occurrences: b.
        entropy: cH.
    """

    level: float
    occurrences: float
    entropy: float


def shipped() -> Fit:
    """The policy's own, at their centre."""
    terms = rulebook().policy.risk.exposure
    return Fit(terms.level.mean, terms.occurrences.mean, terms.entropy.mean)


@dataclass(frozen=True, slots=True)
class Parts:
    """z of each value taken apart: level + occurrences · slope − entropy · bits + beside.

    Attributes:
        slope: log10 of occurrences × epochs, less what dilution takes back.
        bits: log10 of the value's entropy over that of reference.
        beside: what every other constant adds.
    """

    slope: Floats
    bits: Floats
    beside: Floats

    def z(self, fit: Fit) -> Floats:
        """z by these constants."""
        return fit.level + fit.occurrences * self.slope - fit.entropy * self.bits + self.beside

    @property
    def columns(self) -> Floats:
        """What a fit multiplies: level, occurrences and entropy, shape (n, 3)."""
        return np.column_stack([np.ones(len(self.slope)), self.slope, -self.bits])


def parts(counted: Floats, kinds: npt.NDArray[np.str_], card: ModelCard, queries: float) -> Parts:
    """z of RISK_MODEL, In ten lines, 3, with its term for entropy, taken apart.

    The attacker holds the true text before the value, of about the length of reference.
    """
    terms = rulebook().policy.risk.exposure
    held = replace(terms, attacker_prefix=terms.reference_prefix)
    known = Card(*(card.parameters, card.training_tokens, card.epochs), None, None, ())  # type: ignore[arg-type]
    level = base_level(central_constants(held, 1), held, known, queries, held.reference_bits)[0]
    dilution = (terms.dilution.low + terms.dilution.high) / 2 * np.log10(known.training_tokens / terms.reference_tokens)
    slope = np.log10(np.maximum(counted, NEVER) * known.epochs) - dilution
    beside = level - terms.level.mean - terms.occurrences.mean * (np.log10(known.epochs) - dilution)
    bits = np.log10([BY_NAME[kind].bits / terms.reference_bits for kind in kinds])
    return Parts(slope, bits, np.full(len(counted), beside))
