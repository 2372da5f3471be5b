"""Rule documents as values: parse what `rules/*.yaml` says into a frozen set of rules.

A document is Presidio's recogniser registry, accepted as it is, with keys of ours beside Presidio's:
id, check, examples and the other attributes of `Rule`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal

import regex
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from scanner.entities import Entities
from scanner.errors import BadRules, Fault

PRESIDIO_FLAGS = int(regex.IGNORECASE | regex.MULTILINE | regex.DOTALL)
"""Flags that Presidio compiles a pattern with when its document names none."""

LEAST_CONFIDENCE = 0.3
"""Findings below it are not reported: a weak pattern shows only with a context word or a passed check."""

VERIFIED_SCORE = 0.95
"""Confidence after a passed check, unless the rule says otherwise."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file with the line of each of its nodes.

    Attributes:
        place: name of the file, as faults tell it.
        data: plain mappings, lists, strings and numbers.
        lines: line, counted from 1, of the node at a path of keys and positions.
    """

    place: str
    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def at(self, *path: str | int) -> str:
        """`file:line` of the node at `path`, or of its nearest parent that is there."""
        for length in range(len(path), -1, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return f"{self.place}:{line}"
        return self.place


@dataclass(frozen=True, slots=True)
class Pattern:
    """One regular expression of a rule.

    Attributes:
        name: what it stands for.
        regex: in the dialect of the `regex` module; a group named `value` is the span of the finding;
            one named `rare` is where the screen begins to look, in place of where it would itself.
        score: confidence in [0, 1] of a match alone.
        flags: of the `regex` module.
    """

    name: str
    regex: str
    score: float
    flags: int = PRESIDIO_FLAGS


@dataclass(frozen=True, slots=True)
class Example:
    """A text that a rule must find; `spans` are those marked with «…», empty when none is marked."""

    text: str
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of value is recognised.

    Attributes:
        id: stable name; results hold it.
        title: what people read.
        entity: what a finding is.
        patterns: at least one.
        context: words, lower case, that raise the confidence when one stands near.
        checks: names of validators; one that passes verifies the finding.
        regions: ISO 3166 codes for the `phone` check.
        verified_score: confidence after a passed check.
        unverified_score: confidence after a failed check; None drops the finding.
        requires_context: no finding without a context word near.
        context_score: confidence with a context word near; None for Presidio's rule.
        reject: expressions that the whole span must not match.
        reject_before: expressions that the text before the span must not end with.
        reject_after: expressions that the text after the span must not begin with.
        min_entropy: least Shannon entropy of the span, in bits per character.
        min_distinct: least number of different characters in the span.
        documentation: published example values, or expressions between slashes.
        literals: strings, one of which every match holds.
        severity: note of the rule's author; the weight that counts is the entity's.
        reference: where the form is published.
        examples: texts that must be found.
        negative_examples: texts that must not.
        place: file and line of the rule.
    """

    id: str
    title: str
    entity: str
    patterns: tuple[Pattern, ...]
    context: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    verified_score: float = VERIFIED_SCORE
    unverified_score: float | None = None
    requires_context: bool = False
    context_score: float | None = None
    reject: tuple[str, ...] = ()
    reject_before: tuple[str, ...] = ()
    reject_after: tuple[str, ...] = ()
    min_entropy: float = 0.0
    min_distinct: int = 0
    documentation: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    severity: float | None = None
    reference: str = ""
    examples: tuple[Example, ...] = ()
    negative_examples: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every active rule, sorted by id, and the SHA-256 of the files that they came from."""

    rules: tuple[Rule, ...]
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.rules)

    def only(self, *ids: str) -> RuleSet:
        """The rules with these ids alone."""
        return RuleSet(tuple(rule for rule in self.rules if rule.id in ids), self.sha256)


Predefined = Callable[[str, str], Mapping[str, Any]]
"""Presidio's own recogniser of a class name and a language, as the entry of a document.

Raises LookupError with a sentence for a class that is absent or is not made of patterns.
"""


def parse_rules(
    documents: Iterable[Document],
    entities: Entities,
    known_check: Callable[[str], bool],
    predefined: Predefined,
    sha256: str = "",
) -> RuleSet:
    """Every enabled rule of the documents.

    Args:
        documents: parsed rule files.
        entities: what rules may find.
        known_check: whether a validator of this name exists.
        predefined: gives the entry of a recogniser of Presidio's.
        sha256: of the files.

    Raises:
        BadRules: with every fault of every document.
    """
    faults: list[Fault] = []
    rules: dict[str, Rule] = {}
    for document in documents:
        for rule in _rules_of(document, predefined, faults):
            faults.extend(_faults_of(rule, entities, known_check))
            if rule.id in rules:
                faults.append(Fault(rule.place, f"id `{rule.id}` is taken by the rule at {rules[rule.id].place}"))
            rules[rule.id] = rule
    if faults:
        raise BadRules(faults)
    return RuleSet(tuple(sorted(rules.values(), key=lambda rule: rule.id)), sha256)


Score = Annotated[float, Field(ge=0, le=1)]
Words = tuple[str, ...]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class _PatternEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    regex: Annotated[str, Field(min_length=1, max_length=20_000)]
    score: Score


class _LanguageEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    context: Words | None = None


class _Entry(BaseModel):
    """One entry of `recognizers:`; keys of Presidio's first, ours after."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    class_name: str | None = None
    type: Literal["custom", "predefined"] = "custom"
    enabled: bool = True
    supported_entity: str | None = None
    supported_entities: Words | None = None
    supported_language: str | None = None
    supported_languages: tuple[str | _LanguageEntry, ...] = ()
    patterns: tuple[_PatternEntry, ...] = ()
    deny_list: Words = ()
    deny_list_score: Score = 1.0
    context: Words = ()
    global_regex_flags: int | None = None
    country_code: str | None = None
    score_thresholds: dict[str, float] | None = None
    version: str | None = None

    id: RuleId | None = None
    severity: float | None = None
    check: str | Words = ()
    regions: Words = ()
    verified_score: Score | None = None
    unverified_score: Score | None = None
    requires_context: bool = False
    context_score: Score | None = None
    reject: Words = ()
    reject_before: Words = ()
    reject_after: Words = ()
    min_entropy: Annotated[float, Field(ge=0, le=8)] = 0.0
    min_distinct: Annotated[int, Field(ge=0)] = 0
    documentation: Words = ()
    literals: Words = ()
    reference: str = ""
    examples: Words = ()
    negative_examples: Words = ()


def _rules_of(document: Document, predefined: Predefined, faults: list[Fault]) -> Iterator[Rule]:
    entries = document.data.get("recognizers") if isinstance(document.data, dict) else None
    if not isinstance(entries, list):
        faults.append(Fault(document.at(), "must hold a list `recognizers:`"))
        return
    flags = document.data.get("global_regex_flags", PRESIDIO_FLAGS)
    if isinstance(flags, bool) or not isinstance(flags, int):
        faults.append(Fault(document.at("global_regex_flags"), "`global_regex_flags` must be a whole number"))
        flags = PRESIDIO_FLAGS
    for index, entry in enumerate(entries):
        if (rule := _rule_of(document, index, entry, flags, predefined, faults)) is not None:
            yield rule


def _rule_of(
    document: Document, index: int, raw: Any, flags: int, predefined: Predefined, faults: list[Fault]
) -> Rule | None:
    place = document.at("recognizers", index)
    if isinstance(raw, dict) and raw.get("enabled") is False:
        return None
    try:
        entry = _Entry.model_validate(raw)
        if entry.type == "predefined":
            entry = _with_predefined(entry, predefined)
    except ValidationError as error:
        faults.extend(_told(fault, document, index, raw) for fault in error.errors(include_input=False))
        return None
    except LookupError as error:
        faults.append(Fault(place, f"recogniser `{entry.class_name or entry.name}` {error.args[0]}"))
        return None
    if (entity := _entity(entry)) is None:
        faults.append(Fault(place, f"rule `{_id(entry)}` must name exactly one `supported_entity`"))
        return None
    return _as_rule(entry, entity, flags, place)


def _told(fault: Any, document: Document, index: int, raw: Any) -> Fault:
    """A fault of pydantic's as ours; it names the key and never its value."""
    path = tuple(fault["loc"])
    name = raw.get("id", raw.get("name", index)) if isinstance(raw, dict) else index
    key = ".".join(map(str, path)) or "entry"
    return Fault(document.at("recognizers", index, *path), f"rule `{name}`, `{key}`: {fault['msg']}")


def _with_predefined(entry: _Entry, predefined: Predefined) -> _Entry:
    """The entry with what Presidio's class says under what the document says."""
    base: dict[str, Any] = {}
    context: list[str] = []
    for language in _languages(entry) or ("en",):
        base = dict(predefined(entry.class_name or entry.name, language))
        context += base.get("context", ())
    given = entry.model_dump(exclude_unset=True, exclude={"type"})
    return _Entry.model_validate({**base, **given, "context": [*context, *given.get("context", ())]})


def _languages(entry: _Entry) -> tuple[str, ...]:
    named = (item.language if isinstance(item, _LanguageEntry) else item for item in entry.supported_languages)
    return tuple(named) or ((entry.supported_language,) if entry.supported_language else ())


def _entity(entry: _Entry) -> str | None:
    names = {*(entry.supported_entities or ()), *((entry.supported_entity,) if entry.supported_entity else ())}
    return names.pop() if len(names) == 1 else None


def _as_rule(entry: _Entry, entity: str, flags: int, place: str) -> Rule:
    flags = entry.global_regex_flags if entry.global_regex_flags is not None else flags
    patterns = [Pattern(p.name, p.regex, p.score, flags) for p in entry.patterns]
    if entry.deny_list:
        patterns.append(Pattern("deny_list", _deny_list(entry.deny_list), entry.deny_list_score, flags))
    best = max((pattern.score for pattern in patterns), default=0.0)
    verified = entry.verified_score if entry.verified_score is not None else max(best, VERIFIED_SCORE)
    return Rule(
        id=_id(entry),
        title=entry.name,
        entity=entity,
        patterns=tuple(patterns),
        context=_context(entry),
        checks=(entry.check,) if isinstance(entry.check, str) else entry.check,
        regions=entry.regions,
        verified_score=verified,
        unverified_score=entry.unverified_score,
        requires_context=entry.requires_context,
        context_score=entry.context_score,
        reject=entry.reject,
        reject_before=entry.reject_before,
        reject_after=entry.reject_after,
        min_entropy=entry.min_entropy,
        min_distinct=entry.min_distinct,
        documentation=entry.documentation,
        literals=tuple(literal.lower() for literal in entry.literals),
        severity=entry.severity,
        reference=entry.reference,
        examples=tuple(map(_example, entry.examples)),
        negative_examples=entry.negative_examples,
        place=place,
    )


def _id(entry: _Entry) -> str:
    return entry.id or re.sub(r"[^a-z0-9]+", "_", entry.name.lower()).strip("_") or "unnamed"


def _context(entry: _Entry) -> tuple[str, ...]:
    """Context words of every language, lower case, each once, in the order written."""
    words = [
        *entry.context,
        *(
            word
            for item in entry.supported_languages
            if isinstance(item, _LanguageEntry)
            for word in item.context or ()
        ),
    ]
    return tuple(dict.fromkeys(" ".join(word.lower().split()) for word in words))


def _deny_list(words: Iterable[str]) -> str:
    """Presidio's expression for a list of whole words."""
    return r"(?:^|(?<=\W))(" + "|".join(map(regex.escape, words)) + r")(?:(?=\W)|$)"


def _example(marked: str) -> Example:
    spans: list[tuple[int, int]] = []
    text: list[str] = []
    start = None
    for char in marked:
        if char == "«":
            start = len(text)
        elif char == "»" and start is not None:
            spans.append((start, len(text)))
            start = None
        else:
            text.append(char)
    return Example("".join(text), tuple(spans))


def _faults_of(rule: Rule, entities: Entities, known_check: Callable[[str], bool]) -> Iterable[Fault]:
    if rule.entity not in entities:
        yield Fault(rule.place, f"rule `{rule.id}`: entity `{rule.entity}` is not in entities.yaml")
    if not rule.patterns:
        yield Fault(rule.place, f"rule `{rule.id}`: has neither `patterns` nor a `deny_list`")
    if rule.requires_context and not rule.context:
        yield Fault(rule.place, f"rule `{rule.id}`: `requires_context` needs `context` words")
    for check in rule.checks:
        if not known_check(check):
            yield Fault(rule.place, f"rule `{rule.id}`: no check is named `{check}`")
    for expression, flags, may_be_empty in _expressions(rule):
        if (problem := _problem(expression, flags, may_be_empty)) is not None:
            yield Fault(rule.place, f"rule `{rule.id}`: {problem}")


def _expressions(rule: Rule) -> Iterable[tuple[str, int, bool]]:
    """Each expression of a rule, its flags, and whether it may match the empty text."""
    for pattern in rule.patterns:
        yield pattern.regex, pattern.flags, False
    for expression in (*rule.reject, *rule.reject_before, *rule.reject_after):
        yield expression, PRESIDIO_FLAGS, True
    for value in rule.documentation:
        if is_expression(value):
            yield value[1:-1], PRESIDIO_FLAGS, True


@lru_cache(maxsize=8192)
def compiled(expression: str, flags: int = 0) -> regex.Pattern[str]:
    """The expression, compiled once a process, however often its rule is read, proven and set to work.

    Raises:
        regex.error, ValueError, OverflowError: it is none.
    """
    return regex.compile(expression, flags, cache_pattern=False)


def is_expression(value: str) -> bool:
    """Whether a documentation value is an expression between slashes."""
    return len(value) > 2 and value.startswith("/") and value.endswith("/")


def _problem(expression: str, flags: int, may_be_empty: bool) -> str | None:
    try:
        found = compiled(expression, flags)
    except (regex.error, ValueError, OverflowError) as error:
        return f"an expression does not compile: {error}"
    return None if may_be_empty or not found.fullmatch("") else "a pattern matches the empty text"
