"""Exposure: the chance that a trained model gives up a value that it saw d times."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from scanner.risk.terms import Card, ExposureTerms, Normal

Floats = npt.NDArray[np.float64]

_MOST_EXPONENT = 700.0
"""e to this is still a float; larger exponents of a privacy budget mean no bound at all."""


@dataclass(frozen=True, slots=True)
class Constants:
    """Draws of the uncertain constants, shape (draws,) each; slopes are never negative, so the axioms hold."""

    level: Floats
    occurrences: Floats
    parameters: Floats
    prefix: Floats
    queries: Floats
    no_prefix: Floats
    dilution: Floats
    entropy: Floats

    def only(self, name: str, central: Constants) -> Constants:
        """The central constants, with the draws of one of them; "" for none."""
        return replace(central, **{name: getattr(self, name)}) if name else central


CONSTANTS = tuple(field.name for field in fields(Constants))

_NORMAL = tuple(name for name in CONSTANTS if name != "dilution")
"""What is known up to a normal error, in the order in which it is drawn; a new one goes to the end, so that the
draws of the others stay what they were."""


def draw_constants(terms: ExposureTerms, draws: int, seed: int) -> Constants:
    """Common random numbers: the same for every dataset, so that differences are the datasets'."""
    rng = np.random.default_rng(seed)
    noise = {name: rng.standard_normal(draws) for name in _NORMAL[:-1]}
    even = rng.random(draws)
    return _constants(terms, {**noise, _NORMAL[-1]: rng.standard_normal(draws)}, even)


def central_constants(terms: ExposureTerms, draws: int) -> Constants:
    """Every constant at its centre, in the shape of the draws."""
    return _constants(terms, {name: np.zeros(draws) for name in _NORMAL}, np.full(draws, 0.5))


def extraction(
    log_occurrences: Floats, constants: Constants, terms: ExposureTerms, card: Card, queries: float, bits: float
) -> Floats:
    """Chance that a value is extracted (RISK_MODEL, In ten lines, 3, with a term for the entropy of the value).

    Args:
        log_occurrences: log10 of the occurrences in one epoch, shape (..., draws) or (..., 1).
        constants: draws.
        terms: the policy's constants.
        card: the model.
        queries: of the attacker per target, at least 1.
        bits: entropy of the value.

    Returns:
        Chances in [0, 1], shape (..., draws).
    """
    level = base_level(constants, terms, card, queries, bits)
    return np.asarray(ndtr(level + constants.occurrences * log_occurrences), dtype=np.float64)


def base_level(constants: Constants, terms: ExposureTerms, card: Card, queries: float, bits: float) -> Floats:
    """Probit of a value that occurs once, shape (draws,)."""
    tokens = np.log10(card.training_tokens / terms.reference_tokens)
    level: Floats = (
        constants.level
        + constants.occurrences * np.log10(card.epochs)
        + constants.parameters * np.log10(card.parameters / terms.reference_parameters)
        - constants.dilution * constants.occurrences * tokens
        - constants.entropy * np.log10(max(bits, terms.least_bits) / terms.reference_bits)
        + constants.queries * np.log10(queries)
        + _attacker(constants, terms)
    )
    return level


def guessing(bits: float, queries: float) -> float:
    """Chance of hitting a value of so many bits by guessing alone."""
    return float(min(1.0, queries * 2.0**-bits))


def private_bound(occurrences: Floats, card: Card, bits: float, queries: float) -> Floats:
    """Most that user-level differential privacy lets through; 1 where the model was not trained with it.

    Args:
        occurrences: of a value over all epochs; each may be another user's (group privacy).
        card: the model, with its privacy budget.
        bits: entropy of the value.
        queries: of the attacker per target.
    """
    if card.dp_epsilon is None:
        return np.ones_like(occurrences)
    lift = np.exp(np.minimum(card.dp_epsilon * occurrences, _MOST_EXPONENT))
    slack = occurrences * (card.dp_delta or 0.0)
    return np.asarray(np.minimum(1.0, lift * queries * 2.0**-bits + slack), dtype=np.float64)


def capacity(terms: ExposureTerms, card: Card, bits: float) -> float:
    """Most values of so many bits that the model can hold."""
    return terms.bits_per_parameter * card.parameters / bits


def _attacker(constants: Constants, terms: ExposureTerms) -> Floats:
    """What the attacker's prefix adds, or its absence takes."""
    if terms.attacker_prefix is None:
        return -constants.no_prefix
    return np.asarray(constants.prefix * np.log10(terms.attacker_prefix / terms.reference_prefix), dtype=np.float64)


def _constants(terms: ExposureTerms, noise: dict[str, Floats], even: Floats) -> Constants:
    def at(name: str) -> Floats:
        normal: Normal = getattr(terms, name)
        return normal.mean + normal.sd * noise[name]

    slopes = {name: np.maximum(at(name), 0.0) for name in _NORMAL[1:]}
    low, high = terms.dilution.low, terms.dilution.high
    return Constants(level=at("level"), dilution=low + (high - low) * even, **slopes)
