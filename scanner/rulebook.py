"""The rulebook: rules, entities, models, calibration and policy, read and checked together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from scanner.detectables import Detectables, load_detectables
from scanner.detectors.names import parse_models
from scanner.entities import Entities
from scanner.errors import BadPolicy, Fault, Faults
from scanner.files import load_data, load_yaml, rules_file, rules_sha256
from scanner.policy import Policy, parse_policy
from scanner.risk import Calibration, parse_calibration
from scanner.rules import RuleSet

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All that a scan goes by.

    Attributes:
        detectables: what finding goes by.
        calibration: measured precision and recall.
        policy: what deciding goes by.
        policy_sha256: of the policy's and the calibration's bytes.
        models_sha256: by language.
    """

    detectables: Detectables
    calibration: Calibration
    policy: Policy
    policy_sha256: str
    models_sha256: Mapping[str, str]

    @property
    def rules(self) -> RuleSet:
        """How values are recognised."""
        return self.detectables.rules

    @property
    def rules_sha256(self) -> str:
        """Of the files that say how values are recognised."""
        return self.detectables.rules.sha256

    @property
    def entities(self) -> Entities:
        """What is known of each entity."""
        return self.detectables.entities


class BadRulebook(Faults):
    """Faults of several files of the rulebook."""


def load_rulebook(
    rules: Path | None,
    policy: Path | None,
    *,
    with_models: bool,
    prove: bool = True,
    calibration: Path | None = None,
) -> Rulebook:
    """Read everything, run every rule's examples, check the models' weights.

    Args:
        rules: folder whose files go over the packaged ones; None for those alone.
        policy: policy file; None for `policy.yaml` of the rules folder.
        with_models: whether the names stage will run.
        prove: whether the rules' examples are run; a verdict on what was scanned before does without.
        calibration: measured precision and recall; None for `calibration.yaml` of the rules folder.

    Raises:
        Faults: with every fault of every file.
        BadModel: a language model is missing or not the known one.
    """
    policy_file, calibration_file = _decision_files(rules, policy, calibration)
    faults: list[Fault] = []
    detectables = _try(lambda: load_detectables(rules, with_models=with_models, prove=prove), faults)
    measured = _try(lambda: parse_calibration(load_data(calibration_file), calibration_file.name), faults)
    parsed = _try(lambda: _policy(policy_file), faults)
    if detectables is None or measured is None or parsed is None:
        raise BadRulebook(faults)
    return Rulebook(
        detectables=detectables,
        calibration=measured,
        policy=parsed,
        policy_sha256=_sha256(policy_file, calibration_file),
        models_sha256={language: spec.fingerprint() for language, spec in detectables.models.items()},
    )


@dataclass(frozen=True, slots=True)
class Hashes:
    """What names a rulebook, without reading what it says; the same as the fields of `Rulebook` of these names."""

    rules_sha256: str
    policy_sha256: str
    models_sha256: Mapping[str, str]


def load_hashes(rules: Path | None, policy: Path | None, *, with_models: bool) -> Hashes:
    """The hashes that `load_rulebook` would give, of files that may still be wrong.

    Raises:
        Faults: a file is not there, or `models.yaml` cannot be read.
        BadModel: a language model is missing or not the known one.
    """
    models_file = rules_file("models.yaml", rules)
    models = parse_models(load_data(models_file), models_file.name) if with_models else {}
    return Hashes(
        rules_sha256(rules),
        policy_sha256(rules, policy),
        {language: spec.fingerprint() for language, spec in models.items()},
    )


def policy_sha256(rules: Path | None, policy: Path | None, calibration: Path | None = None) -> str:
    """`Rulebook.policy_sha256` of the files alone, which are not checked.

    Raises:
        BadPolicy: one of them cannot be read.
    """
    files = _decision_files(rules, policy, calibration)
    try:
        return _sha256(*files)
    except OSError as error:
        raise BadPolicy([Fault(str(error.filename), f"cannot be read: {error.strerror}")]) from error


def _decision_files(rules: Path | None, policy: Path | None, calibration: Path | None = None) -> tuple[Path, Path]:
    """The policy and the calibration: what the verdict hangs on beside the counts."""
    return policy or rules_file("policy.yaml", rules), calibration or rules_file("calibration.yaml", rules)


def _policy(file: Path) -> Policy:
    document = load_yaml(file, BadPolicy)
    return parse_policy(document.data, document.place, document.lines)


def _try(load: Callable[[], T], faults: list[Fault]) -> T | None:
    """What `load` gives, or None with its faults collected."""
    try:
        return load()
    except Faults as error:
        faults.extend(error.faults)
        return None


def _sha256(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
