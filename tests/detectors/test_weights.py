"""Weights of our own: what is written is read, what does not fit is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from scanner.detectors.names import ModelSpec, parse_models
from scanner.detectors.names.weights import TRAINED, file_sha256, install, read_weights, write_weights
from scanner.errors import BadModel, BadRules

RULES = Path(__file__).parents[2] / "rules" / "models.yaml"


class Node:
    """A layer of a network with one matrix and one vector."""

    name = "linear"
    param_names = ("W", "b", "absent")

    def __init__(self) -> None:
        self.values = {"W": np.zeros((3, 4), np.float32), "b": np.zeros(3, np.float32)}

    def has_param(self, name: str) -> bool:
        return name in self.values

    def get_param(self, name: str) -> np.ndarray:
        return self.values[name]

    def set_param(self, name: str, value: np.ndarray) -> None:
        self.values[name] = value


class Pipe:
    """What `install` needs of a spaCy pipe: its model's layers."""

    def __init__(self) -> None:
        self.node = Node()
        self.model = self

    def walk(self) -> list[Node]:
        return [self.node]


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {"0.linear.W": draw.normal(size=(3, 4)).astype(np.float32), "0.linear.b": np.ones(3, np.float32)}


@pytest.fixture(scope="module")
def models() -> Mapping[str, ModelSpec]:
    return parse_models(yaml.safe_load(RULES.read_text()), RULES.name)


def test_weights_come_back_within_half_a_step(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    write_weights(tmp_path / "w.npz", weights)
    read = read_weights(tmp_path / "w.npz")
    assert set(read) == set(weights)
    for name, value in weights.items():
        step = np.abs(value).max(axis=-1, keepdims=True) / 127
        assert (np.abs(read[name] - value) <= step / 2 + 1e-6).all()


def test_the_same_weights_give_the_same_bytes(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    write_weights(tmp_path / "one.npz", weights)
    write_weights(tmp_path / "two.npz", dict(reversed(weights.items())))
    assert file_sha256(tmp_path / "one.npz") == file_sha256(tmp_path / "two.npz")


def test_weights_are_put_in_place(weights: dict[str, np.ndarray]) -> None:
    pipe = Pipe()
    install(pipe, weights)
    assert (pipe.node.values["W"] == weights["0.linear.W"]).all()


@pytest.mark.parametrize("change", ["missing", "more", "shape"])
def test_weights_of_another_network_are_refused(weights: dict[str, np.ndarray], change: str) -> None:
    if change == "missing":
        del weights["0.linear.b"]
    elif change == "more":
        weights["1.linear.W"] = weights["0.linear.W"]
    else:
        weights["0.linear.W"] = weights["0.linear.W"].T
    pipe = Pipe()
    with pytest.raises(BadModel, match="another network"):
        install(pipe, weights)
    assert not pipe.node.values["W"].any()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(BadModel, match="no file of parameters"):
        read_weights(tmp_path / "w.npz")


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", vector=np.array([object()]))
    with pytest.raises(BadModel):
        read_weights(tmp_path / "w.npz")


def test_altered_weights_are_refused(
    models: Mapping[str, ModelSpec], tmp_path: Path, weights: dict[str, np.ndarray]
) -> None:
    write_weights(tmp_path / "w.npz", weights)
    spec = replace(models["en"], trained=str(tmp_path / "w.npz"), trained_sha256="0" * 64)
    with pytest.raises(BadModel, match="not those known"):
        spec.load()


def test_absent_weights_say_what_to_do(models: Mapping[str, ModelSpec]) -> None:
    with pytest.raises(BadModel, match="reinstall"):
        replace(models["en"], trained="absent.npz").load()


def test_the_fingerprint_tells_weights_and_tokeniser(
    models: Mapping[str, ModelSpec], tmp_path: Path, weights: dict[str, np.ndarray]
) -> None:
    write_weights(tmp_path / "w.npz", weights)
    bare = replace(models["en"], trained="", tokenizer="")
    own = replace(bare, trained=str(tmp_path / "w.npz"), trained_sha256="")
    prints = {spec.fingerprint() for spec in (bare, own, replace(own, tokenizer="es"))}
    assert len(prints) == 3


def test_every_shipped_file_of_weights_is_in_use(models: Mapping[str, ModelSpec]) -> None:
    assert {file.name for file in TRAINED.glob("*")} == {spec.trained for spec in models.values() if spec.trained}
    for spec in models.values():
        assert not spec.trained or spec.trained_sha256 == file_sha256(TRAINED / spec.trained)


def test_faults_of_weights_are_told() -> None:
    entry = {"package": "x", "labels": {"PER": "PERSON"}, "weights": 1, "weights_sha256": "short"}
    with pytest.raises(BadRules) as caught:
        parse_models({"models": {"en": entry}}, "models.yaml")
    assert len(caught.value.faults) == 2
