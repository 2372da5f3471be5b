"""Parameters of our own for a model's network: read from a small file, checked, put in place of the model's.

A file is an `.npz` without pickles. Matrices are whole numbers of eight bits with one factor a row; vectors are halves
of a float. A parameter is named by its place in the network: index in the walk over its layers, layer, parameter.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.errors import BadModel

TRAINED = Path(__file__).parent / "trained"
"""Folder of the files that are part of this package."""

_FACTOR = ".factor"
_LARGEST = 127
Floats = NDArray[np.float32]


def file_sha256(file: Path) -> str:
    """Hex digest of a file of parameters.

    Raises:
        BadModel: it cannot be read.
    """
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        raise BadModel(f"the weights `{file.name}` of models.yaml cannot be read: reinstall the scanner") from None


def read_weights(file: Path) -> dict[str, Floats]:
    """Parameters by name.

    Raises:
        BadModel: the file is none of the form above.
    """
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            return {name: _read(arrays, name) for name in arrays.files if not name.endswith(_FACTOR)}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        raise BadModel(f"the weights `{file.name}` are no file of parameters") from None


def write_weights(file: Path, weights: Mapping[str, Floats]) -> None:
    """Write parameters so that `read_weights` gives them back, rounded."""
    arrays: dict[str, Any] = {}
    for name, value in sorted(weights.items()):
        if value.ndim < 2:
            arrays[name] = value.astype(np.float16)
            continue
        rows = value.reshape(-1, value.shape[-1])
        factor = np.maximum(np.abs(rows).max(axis=1), 1e-12).astype(np.float32) / _LARGEST
        arrays[name] = np.rint(rows / factor[:, None]).astype(np.int8).reshape(value.shape)
        arrays[name + _FACTOR] = factor
    np.savez_compressed(file, **arrays)


def install(ner: Any, weights: Mapping[str, Floats]) -> None:
    """Put parameters in a spaCy pipe, all of them or none.

    Raises:
        BadModel: they are not exactly those of the pipe's network.
    """
    nodes = list(ner.model.walk())
    places = {
        f"{index}.{node.name}.{name}": (node, name)
        for index, node in enumerate(nodes)
        for name in node.param_names
        if node.has_param(name)
    }
    shapes = {name: node.get_param(parameter).shape for name, (node, parameter) in places.items()}
    if shapes != {name: value.shape for name, value in weights.items()}:
        raise BadModel("the weights of models.yaml were made for another network")
    for name, (node, parameter) in places.items():
        node.set_param(parameter, weights[name])


def _read(arrays: Any, name: str) -> Floats:
    value = arrays[name]
    if value.dtype != np.int8:
        return np.asarray(value, np.float32)
    rows = value.reshape(-1, value.shape[-1]).astype(np.float32)
    return np.asarray((rows * arrays[name + _FACTOR][:, None]).reshape(value.shape), np.float32)
