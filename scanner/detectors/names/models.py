"""Which spaCy model reads which language: `models.yaml` as values, and the models it names, loaded and checked."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scanner.detectors.names.evidence import FEATURES, Weights
from scanner.detectors.names.weights import TRAINED, file_sha256, install, read_weights
from scanner.errors import BadModel, BadRules, Fault

_KEYS = {"package", "path", "install", "sha256", "labels", "tokenizer", "weights", "weights_sha256"}

_UPSTREAM = ("tok2vec", "transformer")
"""Pipes that `ner` of some models reads its vectors from; models with a network of their own do without."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of `models.yaml`.

    Attributes:
        language: ISO 639-1 code.
        package: installed Python package that holds the model.
        path: folder of the model within the package; "" for the only one in it.
        install: what a person without it should install.
        sha256: hex digest by `folder_sha256`; "" accepts any bytes.
        labels: entity of each label that counts.
        weights: how evidence counts, by entity; empty leaves the model's own choices as they are.
        tokenizer: ISO 639-1 code whose words spaCy cuts, where that is not the package's own language.
        trained: file in `trained/` with parameters of our own for the model's network; "" for the package's.
        trained_sha256: hex digest of that file; "" accepts any bytes.
    """

    language: str
    package: str
    path: str
    install: str
    sha256: str
    labels: Mapping[str, str]
    weights: Weights = field(default_factory=dict)
    tokenizer: str = ""
    trained: str = ""
    trained_sha256: str = ""

    @property
    def title(self) -> str:
        """The model in a few words: its package, and its own weights with the first digits of their digest."""
        return self.install + (f" + {self.trained} {self.trained_sha256[:8]}".rstrip() if self.trained else "")

    def folder(self) -> Path:
        """Where the model lies.

        Raises:
            BadModel: the package is not installed or holds no such model.
        """
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise BadModel(f"the model for `{self.language}` is not installed: pip install {self.install}")
        root = Path(next(iter(spec.submodule_search_locations)))
        folders = [root / self.path] if self.path else sorted(file.parent for file in root.glob("*/config.cfg"))
        if len(folders) != 1 or not (folders[0] / "config.cfg").is_file():
            raise BadModel(f"package `{self.package}` holds no model folder {self.path or 'of its own'}")
        return folders[0]

    def checked_folder(self) -> Path:
        """Where the model lies, its bytes compared with the known ones.

        Raises:
            BadModel: it is absent, or its bytes are not the known ones.
        """
        folder = self.folder()
        if self.sha256 and folder_sha256(folder) != self.sha256:
            raise BadModel(
                f"the files of `{self.package}` are not those known for `{self.language}`: "
                f"pip install --force-reinstall {self.install}, or correct its sha256 in models.yaml"
            )
        return folder

    def checked_weights(self) -> Path | None:
        """The file of our own parameters, its bytes compared with the known ones; None where there is none.

        Raises:
            BadModel: it is absent, or its bytes are not the known ones.
        """
        if not self.trained:
            return None
        file = TRAINED / self.trained
        if file_sha256(file) != (self.trained_sha256 or file_sha256(file)):
            raise BadModel(f"the weights `{self.trained}` are not those known for `{self.language}`")
        return file

    def fingerprint(self) -> str:
        """Hex digest of everything that is loaded: `sha256` of a package as it is, else over its parts.

        Raises:
            BadModel: a part is absent or altered.
        """
        folder, file = self.checked_folder(), self.checked_weights()
        package = self.sha256 or folder_sha256(folder)
        if file is None:
            return package
        return hashlib.sha256(f"{package} {self.tokenizer} {file_sha256(file)}".encode()).hexdigest()

    def load(self) -> Any:
        """The spaCy pipeline that recognises names and does nothing else.

        Raises:
            BadModel: it is absent, altered, does not load, or has no `ner` pipe.
        """
        folder, file = self.checked_folder(), self.checked_weights()
        try:
            pipeline = _load_recogniser(folder)
            if self.tokenizer:
                pipeline = _with_tokenizer(pipeline, self.tokenizer)
            if file is not None:
                install(pipeline.get_pipe("ner"), read_weights(file))
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise BadModel(f"the model of `{self.package}` does not load: {type(error).__name__}") from error
        return pipeline


def folder_sha256(folder: Path) -> str:
    """Hex digest over the names and bytes of a folder's files, in order of name; compiled Python is left out."""
    digest = hashlib.sha256()
    for file in sorted(_files(folder)):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{content}  {file.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def parse_models(document: Any, place: str) -> Mapping[str, ModelSpec]:
    """Models by language, of a parsed `models.yaml`.

    Raises:
        BadRules: with every fault of the document.
    """
    entries = document.get("models") if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise BadRules([Fault(place, "must hold a mapping `models:` of language codes")])
    faults: list[Fault] = []
    for language, entry in entries.items():
        faults.extend(_faults(entry, f"{place}: models.{language}"))
    evidence = document.get("evidence", {})
    faults.extend(_evidence_faults(evidence, f"{place}: evidence"))
    if faults:
        raise BadRules(faults)
    return {
        str(language): _spec(str(language), entry, _weights(evidence.get(language, {})))
        for language, entry in entries.items()
    }


def _faults(entry: Any, place: str) -> Iterator[Fault]:
    if not isinstance(entry, dict):
        yield Fault(place, "must be a mapping with at least `package` and `labels`")
        return
    for key in sorted(map(str, set(entry) - _KEYS)):
        yield Fault(place, f"unknown key `{key}`; known are {', '.join(sorted(_KEYS))}")
    if not isinstance(entry.get("package"), str):
        yield Fault(place, "`package` must name an installed Python package")
    if not isinstance(entry.get("labels"), dict) or not entry["labels"]:
        yield Fault(place, "`labels` must map the model's labels to entities")
    for key in ("sha256", "weights_sha256"):
        sha256 = entry.get(key, "")
        if not isinstance(sha256, str) or (sha256 and len(sha256) != 64):
            yield Fault(place, f"`{key}` must be 64 hexadecimal digits")
    for key in ("tokenizer", "weights"):
        if not isinstance(entry.get(key, ""), str):
            yield Fault(place, f"`{key}` must be text")


def _evidence_faults(evidence: Any, place: str) -> Iterator[Fault]:
    if not isinstance(evidence, dict):
        yield Fault(place, "must be a mapping of languages")
        return
    for language, entities in evidence.items():
        if not isinstance(entities, dict):
            yield Fault(f"{place}.{language}", "must be a mapping of entities")
            continue
        for entity, entry in entities.items():
            if not _are_weights(entry):
                yield Fault(f"{place}.{language}.{entity}", f"must map some of {', '.join(FEATURES)} to numbers")


def _are_weights(entry: Any) -> bool:
    known = isinstance(entry, dict) and set(entry) <= set(FEATURES)
    return known and all(isinstance(weight, int | float) for weight in entry.values())


def _weights(evidence: Mapping[str, Mapping[str, float]]) -> Weights:
    return {str(entity): tuple(float(entry.get(name, 0)) for name in FEATURES) for entity, entry in evidence.items()}


def _spec(language: str, entry: Mapping[str, Any], weights: Weights) -> ModelSpec:
    return ModelSpec(
        language=language,
        package=entry["package"],
        path=str(entry.get("path", "")),
        install=str(entry.get("install", entry["package"])),
        sha256=str(entry.get("sha256", "")),
        labels={str(label): str(entity) for label, entity in entry["labels"].items()},
        weights=weights,
        tokenizer=str(entry.get("tokenizer", "")),
        trained=str(entry.get("weights", "")),
        trained_sha256=str(entry.get("weights_sha256", "")),
    )


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _load_recogniser(folder: Path) -> Any:
    import spacy
    from spacy.util import load_config

    config = load_config(folder / "config.cfg")
    shared = "Listener" in config["components"]["ner"]["model"].get("tok2vec", {}).get("@architectures", "")
    wanted = ("ner", *_UPSTREAM) if shared else ("ner",)
    with warnings.catch_warnings():
        # A model of spaCy 3.7 runs unchanged on 3.8; W095 only says that the versions differ.
        warnings.filterwarnings("ignore", message=r"\[W095\]")
        return spacy.load(folder, exclude=[name for name in config["nlp"]["pipeline"] if name not in wanted])


def _with_tokenizer(pipeline: Any, language: str) -> Any:
    """The same recogniser behind another language's tokeniser."""
    import spacy

    other = spacy.blank(language)
    other.vocab.vectors = pipeline.vocab.vectors
    other.add_pipe("ner", source=pipeline)
    return other
