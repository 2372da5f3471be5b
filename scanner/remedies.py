"""Remedies: the smallest sets of changes that open a tier, and the inputs at which the decision flips.

Forecasts rest on what a redaction really does: it takes out what was detected, and what was missed stays. They take
two things as they are now, which a scan after the change may find better: the linkage of the values that remain, and
the missed values of a column whose findings are redacted. So a forecast errs towards more risk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import combinations

import numpy as np

from scanner.entities import BUNDLE_JOINT, Entities
from scanner.model import Artefact, ModelCard, Tier
from scanner.policy import Policy, Verdict, reachable
from scanner.risk import Assessment, Calibration, Case, EntityRisk, Measured, assess, reweighed
from scanner.risk.assessment import combine, setting_of, table_risk
from scanner.risk.exposure import Floats
from scanner.risk.harm import NOTHING, counts_by_entity, entity_risk
from scanner.tally import Tally
from scanner.values import QUASI, Histogram
from scanner.wording import plural

MOST_ACTIONS = 12
"""Subsets of so many actions are enumerated: 4,096."""

Recount = Callable[[frozenset[str], frozenset[str]], Histogram]
"""The histogram of the values that stand outside some columns and some shards."""


class Kind(StrEnum):
    """What can be changed."""

    REDACT_ENTITY = "redact_entity"
    REDACT_COLUMN = "redact_column"
    DROP_COLUMN = "drop_column"
    DROP_SHARD = "drop_shard"
    DEDUPLICATE = "deduplicate"
    EPOCHS = "epochs"
    PARAMETERS = "parameters"
    MEASURE_RECALL = "measure_recall"


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change touches, as shares of the dataset in [0, 1]."""

    rows: float = 0.0
    cells: float = 0.0
    characters: float = 0.0

    def __add__(self, other: Touched) -> Touched:
        """Both together, at most; they may touch the same."""
        return Touched(
            min(1.0, self.rows + other.rows),
            min(1.0, self.cells + other.cells),
            min(1.0, self.characters + other.characters),
        )


@dataclass(frozen=True, slots=True)
class Action:
    """One change.

    Attributes:
        kind: what is done.
        target: an entity, a column or a shard; "" for the model.
        amount: occurrences to keep, epochs, parameters or recall; 0 where the kind needs none.
        cost: what it touches.
    """

    kind: Kind
    target: str = ""
    amount: float = 0.0
    cost: Touched = Touched()

    @property
    def title(self) -> str:
        """The change, for people."""
        match self.kind:
            case Kind.REDACT_ENTITY:
                return f"redact every {self.target} that was found"
            case Kind.REDACT_COLUMN:
                return f"redact every finding in the column {self.target}"
            case Kind.DROP_COLUMN:
                return f"drop the column {self.target}"
            case Kind.DROP_SHARD:
                return f"drop the shard {self.target}"
            case Kind.DEDUPLICATE:
                return f"deduplicate until no {self.target or 'value'} occurs more than {self.amount:g}×"
            case Kind.EPOCHS:
                return f"train for {plural(self.amount, 'epoch')}"
            case Kind.PARAMETERS:
                return f"train a model of {self.amount / 1e9:g} billion parameters"
            case Kind.MEASURE_RECALL:
                return f"bring the recall of {self.target} to {self.amount:.0%}, and measure it"


@dataclass(frozen=True, slots=True)
class Options:
    """What could be changed.

    Attributes:
        actions: at most twelve.
        recount: counts without some columns and shards; None when no action needs it.
        labels: labels that a measurement of recall would rest on.
    """

    actions: tuple[Action, ...]
    recount: Recount | None = None
    labels: int = 300


@dataclass(frozen=True, slots=True)
class Change:
    """A minimal set of actions for a tier: none of its proper subsets reaches that tier.

    Attributes:
        tier: the tier that it opens.
        actions: in the order of the options.
        score: draws of a public release's score after the change.
        cost: what it touches at most.
    """

    tier: Tier
    actions: tuple[Action, ...]
    score: Floats
    cost: Touched


def minimal(case: Case, policy: Policy, options: Options) -> tuple[Change, ...]:
    """Every minimal set of actions for each tier more open than today's, exact by enumeration.

    Args:
        case: as it is.
        policy: limits and gates.
        options: at most `MOST_ACTIONS` actions.

    No action raises the risk (axioms A4 and A5), so that all of them together reach the most open tier there is to
    reach, and tiers beyond it are not searched for.

    Returns:
        Changes by tier, the most open first, then by number of actions and by characters touched. A set that is
        minimal for several tiers is told once, for the most open of them.

    Raises:
        ValueError: more actions than can be enumerated.
    """
    if len(options.actions) > MOST_ACTIONS:
        raise ValueError(f"{len(options.actions)} actions; at most {MOST_ACTIONS} are enumerated")
    forecast = _Forecast(case, policy, options)
    now, best = forecast.tier(frozenset()), forecast.tier(frozenset(range(len(options.actions))))
    wanted = [tier for tier in Tier if now.openness < tier.openness <= best.openness]
    told: dict[frozenset[int], Tier] = {}
    for tier in wanted:
        for chosen in _minimal_sets(forecast, len(options.actions), tier):
            told.setdefault(chosen, tier)
    return tuple(sorted((forecast.change(tier, chosen) for chosen, tier in told.items()), key=_order))


def _order(change: Change) -> tuple[int, int, float, list[str]]:
    titles = [action.title for action in change.actions]
    return (-change.tier.openness, len(change.actions), change.cost.characters, titles)


def changed(case: Case, actions: Sequence[Action], options: Options) -> Case:
    """The case as it would be after the actions.

    What is redacted is not deduplicated as well: how much was missed beside it was settled by how often it stood there.
    """
    histogram, gone = _recounted(case, actions, options)
    redacted = {action.target for action in actions if action.kind is Kind.REDACT_ENTITY}
    kept, removed = _redacted(histogram, redacted)
    for action in actions:
        if action.kind is Kind.DEDUPLICATE:
            kept = _deduplicated(kept, action)
    after = _retrained(case, actions, options.labels)
    gone = Histogram.of(gone.cells() + removed.cells()) if len(removed) else gone
    return replace(after, state=replace(after.state, histogram=kept, gone=gone))


def candidates(
    case: Case,
    assessment: Assessment,
    tally: Tally,
    *,
    columns: bool = False,
    shards: Mapping[str, Tally] | None = None,
) -> tuple[Action, ...]:
    """Actions worth trying, at most twelve: those that touch what weighs most or what gates look at.

    Args:
        case: as it is.
        assessment: of the case.
        tally: for what each action touches.
        columns: whether columns can be recounted, and so dropped or redacted.
        shards: what each shard held, where shards can be recounted, and so dropped.
    """
    actions = [*_redactions(case, assessment, tally), *_retraining(case), *_measurements(case, assessment)]
    actions += _deduplications(assessment, tally)
    actions += _columns(tally) if columns else ()
    actions += _shards(case, tally, shards or {})
    return tuple(actions[:MOST_ACTIONS])


def flips(
    assessment: Assessment, case: Case, policy: Policy, verdict: Verdict
) -> Iterator[tuple[str, float, float | None]]:
    """(input, its value now, the nearest value at which the tier changes or None), for each input and direction.

    Values are good to a hundredth; the range tried is a factor of `_FAR` either way.
    """
    for name, now, at in _inputs(assessment, case, policy):
        for direction, far in (("up", _FAR), ("down", 1.0 / _FAR)):
            edge = _flip(at, verdict.tier, far)
            yield f"{name}, {direction}", now, None if edge is None else now * edge


_FAR = 1e4
_STEPS = 10
_REDACTIONS = 6
_GOOD_RECALL = 0.99


class _Forecast:
    """Assessments of subsets of actions; each entity's leak is computed once for each way in which it is touched."""

    def __init__(self, case: Case, policy: Policy, options: Options) -> None:
        self._case = case
        self._policy = policy
        self._options = replace(options, recount=cache(options.recount) if options.recount else None)
        found = counts_by_entity(case.state.histogram, case.state.gone, case.terms)
        self._names = sorted(found.keys() | case.entities.keys())
        self._leaks: dict[tuple[str, tuple[Action, ...]], EntityRisk] = {}
        self._tiers: dict[frozenset[int], Tier] = {}

    def tier(self, chosen: frozenset[int]) -> Tier:
        """The tier after the chosen actions."""
        if chosen not in self._tiers:
            actions = self._actions(chosen)
            case = _retrained(self._case, actions, self._options.labels)
            self._tiers[chosen] = reachable(self._assess(actions, case), case, self._policy)
        return self._tiers[chosen]

    def change(self, tier: Tier, chosen: frozenset[int]) -> Change:
        """The chosen actions as a change for a tier."""
        actions = self._actions(chosen)
        assessment = self._assess(actions, _retrained(self._case, actions, self._options.labels))
        cost = sum((action.cost for action in actions), Touched())
        return Change(tier, actions, assessment.public.score, cost)

    def _actions(self, chosen: frozenset[int]) -> tuple[Action, ...]:
        return tuple(self._options.actions[index] for index in sorted(chosen))

    def _assess(self, actions: tuple[Action, ...], case: Case) -> Assessment:
        setting = setting_of(case)
        keys = {name: tuple(action for action in actions if _touches(action, name)) for name in self._names}
        lacking = [name for name, touching in keys.items() if (name, touching) not in self._leaks]
        if lacking:
            state = changed(self._case, actions, self._options).state
            counts = counts_by_entity(state.histogram, state.gone, case.terms)
            for name in lacking:
                risk = entity_risk(name, counts.get(name, NOTHING), setting, case.queries)
                self._leaks[name, keys[name]] = risk
        risks = {name: self._leaks[name, touching] for name, touching in keys.items()}
        return combine(case, risks, tuple(table_risk(table, setting, case.queries) for table in case.state.tables))


def _touches(action: Action, entity: str) -> bool:
    """Whether an entity's leak can change by an action."""
    if action.kind in (Kind.REDACT_ENTITY, Kind.MEASURE_RECALL, Kind.DEDUPLICATE) and action.target:
        return action.target in entity.split(BUNDLE_JOINT)
    return True


def _minimal_sets(forecast: _Forecast, actions: int, tier: Tier) -> Iterator[frozenset[int]]:
    """Sets that reach a tier and of which no proper subset does, smaller ones first."""
    found: list[frozenset[int]] = []
    for size in range(1, actions + 1):
        for chosen in map(frozenset, combinations(range(actions), size)):
            if any(smaller <= chosen for smaller in found):
                continue
            if forecast.tier(chosen).openness >= tier.openness:
                found.append(chosen)
                yield chosen


def _recounted(case: Case, actions: Sequence[Action], options: Options) -> tuple[Histogram, Histogram]:
    """Values left outside dropped columns and shards, and values that only redacted columns held."""
    dropped = _targets(actions, Kind.DROP_COLUMN)
    shards = _targets(actions, Kind.DROP_SHARD)
    redacted = _targets(actions, Kind.REDACT_COLUMN)
    if options.recount is None or not (dropped or shards or redacted):
        return case.state.histogram, case.state.gone
    there = options.recount(dropped, shards)
    if not redacted:
        return there, case.state.gone
    left = options.recount(dropped | redacted, shards)
    return left, Histogram.of(case.state.gone.cells() + _fewer(there, left))


def _fewer(before: Histogram, after: Histogram) -> list[tuple[str, int, int, int, int]]:
    """Cells of which there are fewer afterwards, with how many fewer."""
    left = {cell[:4]: cell[4] for cell in after.cells()}
    return [(*cell[:4], cell[4] - left.get(cell[:4], 0)) for cell in before.cells() if cell[4] > left.get(cell[:4], 0)]


def _targets(actions: Iterable[Action], kind: Kind) -> frozenset[str]:
    return frozenset(action.target for action in actions if action.kind is kind)


def _redacted(histogram: Histogram, entities: set[str]) -> tuple[Histogram, Histogram]:
    """What stays and what goes when entities are redacted; a bundle goes with any of its members."""
    if not entities:
        return histogram, Histogram.of([])
    going = np.array([bool(entities.intersection(str(name).split(BUNDLE_JOINT))) for name in histogram.entity], bool)
    return _rows(histogram, ~going), _rows(histogram, going)


def _rows(histogram: Histogram, which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Histogram:
    return Histogram(
        entity=histogram.entity[which],
        linkage=histogram.linkage[which],
        confidence_bin=histogram.confidence_bin[which],
        occurrences=histogram.occurrences[which],
        distinct=histogram.distinct[which],
    )


def _deduplicated(histogram: Histogram, action: Action) -> Histogram:
    """No value of the target more often than the amount; quasi-identifier groups stay as they are."""
    most = int(action.amount)
    return Histogram.of(
        [
            (entity, linkage, confidence, min(d, most) if _counted_down(entity, action.target) else d, distinct)
            for entity, linkage, confidence, d, distinct in histogram.cells()
        ]
    )


def _counted_down(entity: str, target: str) -> bool:
    return entity != QUASI and (not target or target in entity.split(BUNDLE_JOINT))


def _retrained(case: Case, actions: Sequence[Action], labels: int) -> Case:
    """The case with another model and other measurements, its counts as they are."""
    state = case.state
    dataset = replace(state.dataset, model_card=_card(state.dataset.model_card, actions))
    calibration = measured(case.calibration, actions, labels)
    return replace(case, state=replace(state, dataset=dataset), calibration=calibration)


def _card(card: ModelCard, actions: Sequence[Action]) -> ModelCard:
    for action in actions:
        if action.kind is Kind.EPOCHS:
            card = replace(card, epochs=action.amount)
        if action.kind is Kind.PARAMETERS:
            card = replace(card, parameters=action.amount)
    return card


def measured(calibration: Calibration, actions: Sequence[Action], labels: int) -> Calibration:
    """The calibration with the recalls that actions want, shown on so many labels.

    A precision that is unknown is taken for perfect.
    """
    entities: dict[str, Measured] = dict(calibration.entities)
    for action in actions:
        if action.kind is Kind.MEASURE_RECALL:
            hits = round(action.amount * labels)
            known = calibration.of(action.target)
            bins = known.precision if known and known.judged else ((0, 0), (0, 0), (0, 0), (0, 0), (labels, 0))
            entities[action.target] = Measured(bins, hits, labels - hits)
    return replace(calibration, entities=entities)


def _redactions(case: Case, assessment: Assessment, tally: Tally) -> list[Action]:
    """Redaction of each found entity that is critical or among the heaviest."""
    harm = {name: float(risk.leaks[assessment.queries].harm.mean()) for name, risk in assessment.entities.items()}
    found = [name for name, risk in assessment.entities.items() if risk.distinct and BUNDLE_JOINT not in name]
    heaviest = sorted(found, key=lambda name: (not assessment.entities[name].critical, -harm[name], name))
    return [
        Action(Kind.REDACT_ENTITY, name, cost=_touched(tally, entity=name))
        for name in heaviest[:_REDACTIONS]
        if assessment.entities[name].critical or harm[name] > 0
    ]


def _retraining(case: Case) -> list[Action]:
    """One epoch, and the next smaller common size, where the artefact is a model."""
    if case.artefact is not Artefact.MODEL:
        return []
    epochs = [Action(Kind.EPOCHS, amount=1.0)] if case.card.epochs > 1 else []
    smaller = [size for size in (1e9, 7e9, 70e9, 4e11) if size < case.card.parameters / 2]
    return epochs + ([Action(Kind.PARAMETERS, amount=smaller[-1])] if smaller else [])


def _measurements(case: Case, assessment: Assessment) -> list[Action]:
    """A demonstrated recall for the two critical entities of which most would be missed."""
    critical = [risk for risk in assessment.entities.values() if risk.critical and case.terms.missed.silent]
    by_missed = sorted(critical, key=lambda risk: (-float(np.median(risk.missed)), risk.entity))
    return [Action(Kind.MEASURE_RECALL, risk.entity, _GOOD_RECALL) for risk in by_missed[:2] if risk.missed.any()]


def _deduplications(assessment: Assessment, tally: Tally) -> list[Action]:
    """One occurrence of each value, if any occurs more often."""
    repeated = [risk for risk in assessment.entities.values() if risk.max_occurrences > 1]
    if not repeated:
        return []
    names = {risk.entity for risk in repeated}
    rows = sum(count.rows for (entity, _), count in tally.findings.items() if entity in names)
    share = min(1.0, rows / tally.rows) if tally.rows else 0.0
    return [Action(Kind.DEDUPLICATE, amount=1.0, cost=Touched(rows=share, cells=share, characters=share))]


def _columns(tally: Tally) -> list[Action]:
    """Redaction and removal of the column with most findings, where there are several columns."""
    if len(tally.columns) < 2:
        return []
    found: dict[str, int] = {}
    for (_, column), count in tally.findings.items():
        found[column] = found.get(column, 0) + count.count
    if not found:
        return []
    column = max(sorted(found), key=found.__getitem__)
    return [
        Action(Kind.REDACT_COLUMN, column, cost=_touched(tally, column=column)),
        Action(Kind.DROP_COLUMN, column, cost=_whole_column(tally, column)),
    ]


def _shards(case: Case, tally: Tally, shards: Mapping[str, Tally]) -> list[Action]:
    """Removal of the shard whose findings weigh most, where there are several shards."""
    weights = {name: weight_of(shard, case.entities) for name, shard in shards.items()}
    if len(shards) < 2 or not any(weights.values()):
        return []
    name = max(sorted(weights), key=weights.__getitem__)
    return [Action(Kind.DROP_SHARD, name, cost=_whole_shard(tally, shards[name]))]


def weight_of(tally: Tally, entities: Entities) -> float:
    """What the findings of a part weigh together, each by its entity."""
    return sum(
        count.count * entities[entity].weight for (entity, _), count in tally.findings.items() if entity in entities
    )


def _whole_shard(tally: Tally, shard: Tally) -> Touched:
    def columns(of: Tally, name: str) -> int:
        return sum(getattr(count, name) for count in of.columns.values())

    return Touched(
        rows=_share(shard.rows, tally.rows),
        cells=_share(columns(shard, "cells"), columns(tally, "cells")),
        characters=_share(columns(shard, "characters"), columns(tally, "characters")),
    )


def _touched(tally: Tally, *, entity: str = "", column: str = "") -> Touched:
    """Share of rows, cells and characters with the findings of an entity or a column; rows and cells at most."""
    counts = [
        count for (name, place), count in tally.findings.items() if entity in ("", name) and column in ("", place)
    ]
    return Touched(
        rows=_share(sum(count.rows for count in counts), tally.rows),
        cells=_share(sum(count.count for count in counts), sum(c.cells for c in tally.columns.values())),
        characters=_share(sum(c.characters for c in counts), sum(c.characters for c in tally.columns.values())),
    )


def _whole_column(tally: Tally, column: str) -> Touched:
    whole = tally.columns[column]
    return Touched(
        rows=_share(whole.cells, tally.rows),
        cells=_share(whole.cells, sum(count.cells for count in tally.columns.values())),
        characters=_share(whole.characters, sum(count.characters for count in tally.columns.values())),
    )


def _share(part: int, whole: int) -> float:
    return min(1.0, part / whole) if whole else 0.0


def _inputs(assessment: Assessment, case: Case, policy: Policy) -> Iterator[tuple[str, float, Callable[[float], Tier]]]:
    """Each input with its value now and the tier with it multiplied by a factor."""
    card = case.card

    def with_card(name: str, value: float) -> Callable[[float], Tier]:
        def at(factor: float) -> Tier:
            dataset = case.state.dataset
            other = replace(dataset.model_card, **{name: value * factor})
            changed = replace(case, state=replace(case.state, dataset=replace(dataset, model_card=other)))
            return reachable(assess(changed), changed, policy)

        return at

    if case.artefact is Artefact.MODEL:
        yield "parameters", card.parameters, with_card("parameters", card.parameters)
        yield "epochs", card.epochs, with_card("epochs", card.epochs)
        yield "training tokens", card.training_tokens, with_card("training_tokens", card.training_tokens)
    yield "severity weights", 1.0, lambda factor: reachable(reweighed(assessment, factor), case, policy)


def _flip(tier_at: Callable[[float], Tier], now: Tier, far: float) -> float | None:
    """The factor nearest to 1 at which the tier is another, between 1 and `far`; None where there is none."""
    if tier_at(far) is now:
        return None
    same, other = 0.0, float(np.log(far))
    for _ in range(_STEPS):
        middle = (same + other) / 2.0
        if tier_at(float(np.exp(middle))) is now:
            same = middle
        else:
            other = middle
    return float(np.exp(other))
