"""What a policy fixes for the risk model, as plain values: no constant of the model stands in code.

Parsed by `scanner.policy`; RISK_MODEL's symbol of each constant is named in its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field

from scanner.model import ModelCard, Provenance, Tier


def _number(value: Any) -> Any:
    """Refuse true and false where a number is meant: YAML's `on` would otherwise count as 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
NotNegative = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Chance = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Normal:
    """A constant known up to a normal error."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    mean: Number
    sd: NotNegative


@dataclass(frozen=True, slots=True)
class Range:
    """A constant of which only the ends are known; drawn evenly between them."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    low: NotNegative
    high: NotNegative


@dataclass(frozen=True, slots=True)
class ExposureTerms:
    """Constants of the chance that a value is extracted (RISK_MODEL, Exposure constants).

    Attributes:
        level: A, at one occurrence and the reference size, tokens, prefix and one query.
        occurrences: b, per decade of occurrences × epochs.
        parameters: cN, per decade of model size.
        prefix: cx, per decade of the true prefix, when the attacker holds one.
        queries: cQ, per decade of queries.
        no_prefix: κ, what an attacker without the true prefix loses.
        entropy: cH, what a decade of the value's bits takes away.
        dilution: δ, share of b that a decade of training tokens takes back.
        reference_parameters: N at which `level` holds.
        reference_tokens: D at which `level` holds.
        reference_prefix: tokens of prefix at which `level` holds.
        reference_bits: entropy of a value at which `level` holds.
        least_bits: entropy below which a value is guessed anyway, and no smaller one is easier to extract.
        attacker_prefix: tokens of true prefix that the attacker holds; null for none.
        bits_per_parameter: what a model can hold at most.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    level: Normal
    occurrences: Normal
    parameters: Normal
    prefix: Normal
    queries: Normal
    no_prefix: Normal
    entropy: Normal
    dilution: Range
    reference_parameters: Positive
    reference_tokens: Positive
    reference_prefix: Positive
    reference_bits: Positive
    least_bits: Positive
    attacker_prefix: Positive | None
    bits_per_parameter: Positive


@dataclass(frozen=True, slots=True)
class MissedTerms:
    """How much is expected to have been missed.

    Attributes:
        silent: u, values of one kind that a detector may have missed where it found nothing, by provenance. Entities
            with the same marks, such as the official numbers of several countries, are one kind.
        most_odds: most values missed for each `silent` one; holds the odds (1−ρ)/ρ, whose mean would be infinite for
            a detector that was never measured.
        least_recall: recall below which no posterior goes; the recall of what was never measured.
        unread_per_megabyte: distinct values of each entity of the names stage expected in a megabyte that this
            stage could not read, unless more was found in what it did read.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    silent: Mapping[Provenance, NotNegative]
    most_odds: NotNegative
    least_recall: Annotated[float, BeforeValidator(_number), Field(gt=0, le=1)]
    unread_per_megabyte: NotNegative


@dataclass(frozen=True, slots=True)
class TierTerms:
    """What a release tier means for exposure.

    Attributes:
        leak: l, chance that the artefact becomes public anyway.
        misuse: chance that someone inside the tier attacks.
        queries: Q of each such attacker per target.
        decided_at: quantile of the draws that must be within the limits.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    leak: Chance
    misuse: Chance
    queries: Annotated[float, BeforeValidator(_number), Field(ge=1, allow_inf_nan=False)]
    decided_at: Chance


@dataclass(frozen=True, slots=True)
class LinkageTerms:
    """Factor on the severity of a value by what stands beside it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    alone: NotNegative
    beside_one: NotNegative
    beside_more: NotNegative

    @property
    def factors(self) -> tuple[float, float, float]:
        """By `Linkage`."""
        return (self.alone, self.beside_one, self.beside_more)


@dataclass(frozen=True, slots=True)
class TableTerms:
    """Re-identification by combinations of columns.

    Attributes:
        weight: harm of one person picked out of a table.
        sampled: π, share of the population that the table holds.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    weight: NotNegative
    sampled: Annotated[float, BeforeValidator(_number), Field(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class SamplingTerms:
    """Up to where values are counted one by one.

    Attributes:
        exact_values: rows of value tables up to which every value is kept. A value has a row for each unit and column
            that it stands in, so that there are never more values than rows.
        kept_values: beyond that, most rows of one entity that are kept, about.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    exact_values: Positive
    kept_values: Positive


@dataclass(frozen=True, slots=True)
class CardTerms:
    """The model card's worse case, used where the owner does not say."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    parameters: Positive
    training_tokens: Positive
    epochs: Positive


@dataclass(frozen=True, slots=True)
class Terms:
    """All that the risk model takes from a policy.

    Attributes:
        draws: number of draws over what is uncertain.
        seed: of the draws; the same for every scan, so that two scans differ by their counts alone.
        severity: weights that differ from `entities.yaml`, by entity.
        bundles: weight of entities that stand together, by joined name such as `CREDIT_CARD+CVV`.
        critical_weight: severity from which an entity is critical.
        linkage: factors by what stands beside a value.
        provenance: factor on harm by provenance.
        missed: what the detectors did not see.
        measured_elsewhere_at_most: judgements that other labelled text counts for, in each bin of confidence and in
            recall, beside a review of the dataset itself.
        exposure: constants of extraction.
        tables: re-identification by columns.
        sampling: up to where values are counted one by one.
        tiers: what each tier means.
        model_card: defaults.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    draws: Annotated[int, Field(ge=100, le=20_000)]
    seed: Annotated[int, Field(ge=0)]
    severity: Mapping[str, NotNegative]
    bundles: Mapping[str, NotNegative]
    critical_weight: Positive
    linkage: LinkageTerms
    provenance: Mapping[Provenance, NotNegative]
    missed: MissedTerms
    measured_elsewhere_at_most: NotNegative
    exposure: ExposureTerms
    tables: TableTerms
    sampling: SamplingTerms
    tiers: Mapping[Tier, TierTerms]
    model_card: CardTerms


@dataclass(frozen=True, slots=True)
class Card:
    """A model card without gaps.

    Attributes:
        assumed: names of the fields that the policy's default filled in.
    """

    parameters: float
    training_tokens: float
    epochs: float
    dp_epsilon: float | None
    dp_delta: float | None
    assumed: tuple[str, ...]


def completed(card: ModelCard, terms: CardTerms) -> Card:
    """The owner's model card with the policy's worse case where the owner does not say."""
    assumed = tuple(name for name in ("parameters", "training_tokens", "epochs") if getattr(card, name) is None)
    return Card(
        parameters=terms.parameters if card.parameters is None else card.parameters,
        training_tokens=terms.training_tokens if card.training_tokens is None else card.training_tokens,
        epochs=terms.epochs if card.epochs is None else card.epochs,
        dp_epsilon=card.dp_epsilon,
        dp_delta=card.dp_delta,
        assumed=assumed,
    )
