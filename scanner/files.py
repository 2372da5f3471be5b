"""The rules folder on disk: find it, read its YAML with line numbers, tell its version."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from scanner.entities import Bundle, Entities, parse_bundles, parse_entities
from scanner.errors import BadRules, Fault, Faults
from scanner.rules import Document

MAX_YAML_BYTES = 4 * 1024 * 1024

DECIDING = frozenset({"policy.yaml", "calibration.yaml"})
"""Files of the folder that say what findings mean."""

_TEXT_TAG = "tag:yaml.org,2002:str"
_PLAIN_TAGS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_PACKAGE = Path(__file__).parent


def packaged_rules() -> Path:
    """The rules that come with the program: inside the wheel, or beside the package in a checkout."""
    inside = _PACKAGE / "_rules"
    return inside if inside.is_dir() else _PACKAGE.parent / "rules"


def rules_file(name: str, rules: Path | None = None) -> Path:
    """The file of this name in the folder `rules`, else the packaged one.

    Raises:
        BadRules: neither folder has it.
    """
    for folder in _folders(rules):
        if (folder / name).is_file():
            return folder / name
    raise BadRules([Fault(name, "is in no rules folder")])


def rule_files(rules: Path | None = None) -> tuple[Path, ...]:
    """Every YAML file of the packaged folder and of `rules`, by name; of two of one name, that of `rules` counts.

    Raises:
        BadRules: `rules` is not a folder, or there is no file.
    """
    if rules is not None and not rules.is_dir():
        raise BadRules([Fault(str(rules), "is not a folder of rules")])
    by_name: dict[str, Path] = {}
    for folder in reversed(_folders(rules)):
        by_name.update((path.name, path) for path in sorted(folder.glob("*.yaml")))
    if not by_name:
        raise BadRules([Fault(str(packaged_rules()), "holds no rules: the program is not installed whole")])
    return tuple(by_name[name] for name in sorted(by_name))


def rule_documents(rules: Path | None = None) -> tuple[Document, ...]:
    """The parsed rule families, by file name.

    Raises:
        BadRules: with the faults of every file that does not parse.
    """
    documents: list[Document] = []
    faults: list[Fault] = []
    for path in rule_files(rules):
        try:
            document = load_yaml(path)
        except BadRules as error:
            faults.extend(error.faults)
            continue
        if _is_family(document):
            documents.append(document)
    if faults:
        raise BadRules(faults)
    return tuple(documents)


def load_entities(rules: Path | None = None) -> Entities:
    """What the folder's `entities.yaml` knows of each entity.

    Raises:
        BadRules: with every fault of the file.
    """
    document = load_yaml(rules_file("entities.yaml", rules))
    return parse_entities(document.data, document.place)


def load_bundles(rules: Path | None = None) -> tuple[Bundle, ...]:
    """The bundles of the folder's `entities.yaml`.

    Raises:
        BadRules: with every fault of the file.
    """
    document = load_yaml(rules_file("entities.yaml", rules))
    return parse_bundles(document.data, document.place, parse_entities(document.data, document.place))


def rules_sha256(rules: Path | None = None) -> str:
    """SHA-256 over names and bytes of the files that decide what is found, in hex.

    Policy and calibration decide what it means, and have a hash of their own: changing them re-reads no shard.
    """
    digest = hashlib.sha256()
    for path in rule_files(rules):
        if path.name in DECIDING:
            continue
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def load_yaml(path: Path, error: type[Faults] = BadRules) -> Document:
    """A YAML file as plain values, with the line of each node.

    Anchors, tags of other types, several documents and files above `MAX_YAML_BYTES` are refused.

    Args:
        path: the file.
        error: what to raise for its faults.

    Raises:
        Faults: of type `error`, with file and line.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_YAML_BYTES + 1)
    except OSError as problem:
        raise error([Fault(str(path), f"cannot be read: {problem.strerror}")]) from None
    if len(content) > MAX_YAML_BYTES:
        raise error([Fault(str(path), f"is larger than {MAX_YAML_BYTES} bytes")])
    return parse_yaml(content, path.name, error)


def load_data(path: Path) -> Any:
    """What a file of the rules folder says.

    Raises:
        BadRules: it cannot be read.
    """
    return load_yaml(path, BadRules).data


def parse_yaml(content: bytes | str, place: str, error: type[Faults] = BadRules) -> Document:
    """`load_yaml` for text at hand; `place` names it in faults.

    Raises:
        Faults: of type `error`, with file and line.
    """
    try:
        _refuse_aliases(content)
        root = yaml.compose(content, Loader=yaml.CSafeLoader)
        lines: dict[tuple[str | int, ...], int] = {}
        data = None if root is None else _construct(root, (), lines)
    except yaml.MarkedYAMLError as problem:
        line = f":{problem.problem_mark.line + 1}" if problem.problem_mark else ""
        raise error([Fault(f"{place}{line}", f"is not YAML that is accepted here: {problem.problem}")]) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise error([Fault(place, "is not YAML that is accepted here")]) from None
    return Document(place, data, lines)


def _is_family(document: Document) -> bool:
    """Whether a file holds recognisers; the program's own settings stand in the same folder, under known names."""
    if isinstance(document.data, dict) and "recognizers" in document.data:
        return True
    return not (packaged_rules() / document.place).is_file()


def _folders(rules: Path | None) -> tuple[Path, ...]:
    return (packaged_rules(),) if rules is None else (rules, packaged_rules())


def _refuse_aliases(content: bytes | str) -> None:
    """Ten lines of YAML with aliases can stand for a billion nodes."""
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are refused", problem_mark=event.start_mark)  # type: ignore[arg-type]


def _construct(node: yaml.Node, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> Any:
    lines[path] = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
        raise yaml.MarkedYAMLError(problem="tags of other types are refused", problem_mark=node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*path, index), lines) for index, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node)
    data: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node)
        if key in data:
            raise yaml.MarkedYAMLError(problem="a key stands twice", problem_mark=key_node.start_mark)
        data[key] = _construct(value_node, (*path, key), lines)
        lines[(*path, key)] = key_node.start_mark.line + 1
    return data


class _Scalars(yaml.SafeLoader):
    """Constructs single nodes; it never reads."""

    def __init__(self) -> None:
        super().__init__("")


def _scalar(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a key must be a plain value", problem_mark=node.start_mark)
    return node.value if node.tag == _TEXT_TAG else _Scalars().construct_object(node)
