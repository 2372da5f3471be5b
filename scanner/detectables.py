"""What finding goes by: the part of the rulebook that every worker reads, without what deciding takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scanner.confidence import Curves, parse_curves
from scanner.detectors.columns import ColumnRules, parse_columns
from scanner.detectors.names import ModelSpec, parse_models
from scanner.detectors.patterns import load_rules
from scanner.entities import Bundle, Entities
from scanner.files import load_bundles, load_data, load_entities, load_yaml, rules_file, rules_sha256
from scanner.rules import RuleSet


@dataclass(frozen=True, slots=True)
class Detectables:
    """What a worker needs of the rules folder.

    Attributes:
        rules: how values are recognised.
        entities: what is known of each entity.
        bundles: combinations that are counted.
        columns: how whole columns are judged.
        models: language models by language; empty where the names stage does not run.
        curves: what the confidence of each rule is worth.
    """

    rules: RuleSet
    entities: Entities
    bundles: tuple[Bundle, ...]
    columns: ColumnRules
    models: Mapping[str, ModelSpec]
    curves: Curves


def load_detectables(rules: Path | None, *, with_models: bool, prove: bool) -> Detectables:
    """What finding goes by; with `prove`, every rule's examples and worst case are run.

    A process reads the same bytes once, and proves them once.

    Raises:
        BadRules: with every fault.
    """
    sha256 = rules_sha256(rules)
    for proven in (True, prove):
        if (held := _held.get((rules, sha256, with_models, proven))) is not None:
            return held
    made = _load(rules, with_models=with_models, prove=prove)
    if made.rules.sha256 == sha256:
        _hold((rules, sha256, with_models, prove), made)
    return made


MOST_HELD = 4
"""Rules folders that a process keeps read."""

_Key = tuple[Path | None, str, bool, bool]
_held: dict[_Key, Detectables] = {}


def _hold(key: _Key, made: Detectables) -> None:
    """Keep what was read, in place of what was read first."""
    while len(_held) >= MOST_HELD:
        _held.pop(next(iter(_held)), None)
    _held[key] = made


def _load(rules: Path | None, *, with_models: bool, prove: bool) -> Detectables:
    entities = load_entities(rules)
    models_file, curves_file = rules_file("models.yaml", rules), rules_file("confidence.yaml", rules)
    return Detectables(
        rules=load_rules(rules, entities, prove),
        entities=entities,
        bundles=load_bundles(rules),
        columns=parse_columns(load_yaml(rules_file("columns.yaml", rules)), entities, prove),
        curves=parse_curves(load_data(curves_file), curves_file.name),
        models=parse_models(load_data(models_file), models_file.name) if with_models else {},
    )
