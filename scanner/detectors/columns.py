"""Columns: what a whole column holds, told by its header and by what its values have in common.

A phone number stored as a number, a birth date stored as a date, or `Maria` alone in a cell named `first_name` escapes
patterns and language models; the column gives it away. `rules/columns.yaml` holds the kinds.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scanner.detectors import checks
from scanner.entities import Entities
from scanner.errors import BadRules, Fault
from scanner.model import Finding, Found, Leaf
from scanner.rules import Document

ValueType = Literal["text", "number", "moment"]
Generalise = Literal["folded", "alphanumeric", "day", "number", "initial"]

SAMPLE = 256
"""Cells that a column is judged by."""

LEAST_NAMED = 0.1
"""Share of the sample that must have the form where the header says the kind and its rule tells no other share."""

FEWEST_BY_VALUES = 20
"""Different values that a sample must have for the values alone to make the kind."""

UNNAMED_CONFIDENCE = 0.85
"""Most that a finding is worth in a column that only its values give away."""

LARGE_NUMBER = 1e9
"""Columns of numbers that stay below it hold no card number, so they are not read for their values."""

MAX_CHECKED = 5_000
"""Different values of a batch that are checked one by one; the form alone counts for the others."""

SENSITIVE = frozenset({"health", "article_9", "minor"})
"""Marks of entities that make their columns sensitive beside quasi-identifiers."""

_LONGEST_RUN = 6
_JOINT = "\x1f"


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One entry of `columns.yaml`, where each key is explained.

    `names` and `whole_names` stand as `_key` writes them; `form` matches a whole cell, once the characters of `strip`
    are taken out of it.
    """

    id: str
    form: str
    confidence: float
    names: frozenset[str]
    whole_names: frozenset[str]
    types: frozenset[ValueType]
    entity: str | None = None
    checks: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    strip: str = ""
    verified: float = 0.95
    unverified: float | None = None
    least: float = LEAST_NAMED
    by_values: float | None = None
    quasi: str | None = None
    generalise: Generalise = "folded"
    documentation: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()
    sensitive: bool = False
    """Whether its entity is what nobody should learn of a person who is known to be in the table."""


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """Every kind of column, in the order that they are tried, and the words that rule a header out."""

    rules: tuple[ColumnRule, ...] = ()
    about: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """What a column holds.

    Attributes:
        rule: the kind; None for a column that is only text, numbers or dates.
        named: the header says so, and not the values alone.
    """

    rule: ColumnRule | None = None
    named: bool = False

    @property
    def entity(self) -> str | None:
        """What each cell of the form is, if it is something by itself."""
        return self.rule.entity if self.rule else None

    @property
    def quasi(self) -> str | None:
        """Which quasi-identifier the column is, if it is one."""
        return self.rule.quasi if self.rule else None


@dataclass(frozen=True, slots=True)
class QuasiGroups:
    """Rows that share their quasi-identifiers.

    Attributes:
        columns: their paths, sorted and joined by `+`.
        tuples: each tuple of generalised values, as one text, with its number of rows; sorted. Holds text of cells:
            it is to be fingerprinted and never written.
        sensitive: (column, pairs of a tuple and a sensitive value that a row with it holds) of each sensitive column;
            rows without a sensitive value are left out.
    """

    columns: str
    tuples: tuple[tuple[str, int], ...] = field(repr=False)
    sensitive: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(default=(), repr=False)


class Rows(Protocol):
    """A batch of consecutive rows as leaf columns."""

    @property
    def first_row(self) -> int:
        """Row of the first, within the shard."""

    @property
    def rows(self) -> int:
        """How many."""

    @property
    def leaves(self) -> Sequence[Leaf]:
        """Their values."""


class Columns:
    """Judges columns by a set of rules."""

    def __init__(self, rules: ColumnRules) -> None:
        self._rules = rules
        self._named: dict[str, tuple[ColumnRule, ...]] = {}

    def asks(self, column: str, native: str, largest: float | None) -> bool:
        """Whether a column of numbers, dates or times should be read as text.

        Args:
            column: leaf path.
            native: name of its Arrow type.
            largest: largest absolute value, where the footer tells it.
        """
        kind = value_type(native)
        if any(kind in rule.types for rule in self._rules_for(column)):
            return True
        large = native in ("int64", "uint64") and (largest is None or largest >= LARGE_NUMBER)
        return large and not self._is_counted(column) and any(self._by_values(kind))

    def judge(self, leaf: Leaf) -> ColumnKind:
        """What the column holds, by its header and a sample of its values.

        A rule whose name fits is tried first, in the order of the file; then those that values alone can prove.
        """
        kind = value_type(leaf.native)
        named = [rule for rule in self._rules_for(leaf.column) if kind in rule.types]
        by_values = [] if kind == "text" or self._is_counted(leaf.column) else list(self._by_values(kind))
        if not (named or by_values) or not len(leaf.values):
            return ColumnKind()
        sample = _sample(leaf.values)
        for rule in named:
            if _share(rule, sample) >= rule.least:
                return ColumnKind(rule, named=True)
        if pc.count_distinct(sample).as_py() >= FEWEST_BY_VALUES:
            for rule in by_values:
                if _share(rule, sample) >= (rule.by_values or 1.0):
                    return ColumnKind(rule)
        return ColumnKind()

    def find(self, leaf: Leaf, kind: ColumnKind) -> Found:
        """A finding over each cell that has the form of the column's kind, blanks at its ends left out."""
        rule = kind.rule
        if rule is None or rule.entity is None:
            return {}
        bare = _bare(rule, leaf.values)
        has_form = np.flatnonzero(_matches(rule, bare))
        cells = pa.array(has_form)
        texts, bare_texts = leaf.values.take(cells).to_pylist(), bare.take(cells).to_pylist()
        verdicts = _verdicts(rule, bare_texts)
        # Equal cells share their finding: a column of names repeats itself.
        by_text = {
            text: _finding(kind, rule, rule.entity, text, verdict)
            for text, verdict in dict(zip(texts, verdicts, strict=True)).items()
        }
        found = zip(has_form.tolist(), (by_text[text] for text in texts), strict=True)
        return {index: [finding] for index, finding in found if finding is not None}

    def quasi_groups(self, batch: Rows) -> QuasiGroups | None:
        """Rows counted by their quasi-identifiers; None unless at least two top-level columns are such.

        A row without a value counts as having the empty one.
        """
        judged = [(leaf, self.judge(leaf).rule) for leaf in batch.leaves if _is_flat(leaf)]
        quasi = [(leaf, rule) for leaf, rule in judged if rule is not None and rule.quasi is not None]
        if len(quasi) < 2:
            return None
        quasi.sort(key=lambda pair: pair[0].column)
        columns = [(leaf.column, _in_rows(_generalised(rule, leaf), leaf, batch)) for leaf, rule in quasi]
        names = [f"q{index}" for index in range(len(columns))]
        table = pa.table([values for _, values in columns], names=names)
        counted = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
        counts = counted["count_all"].to_pylist()
        tuples = sorted(zip(_keys_of(counted, names), counts, strict=True))
        sensitive = (
            (_plain(leaf.column), _pairs(table, names, _in_rows(_generalised(rule, leaf), leaf, batch)))
            for leaf, rule in sorted(judged, key=lambda pair: pair[0].column)
            if rule is not None and rule.sensitive and rule.quasi is None
        )
        return QuasiGroups("+".join(_plain(column) for column, _ in columns), tuple(tuples), tuple(sensitive))

    def _rules_for(self, column: str) -> tuple[ColumnRule, ...]:
        """Rules that the header names, in order."""
        if column not in self._named:
            words = header_words(column)
            whole, runs = "".join(words), _runs(words, self._rules.about)
            fit = (rule for rule in self._rules.rules if rule.names & runs or whole in rule.whole_names)
            self._named[column] = tuple(fit)
        return self._named[column]

    def _by_values(self, kind: ValueType) -> Iterator[ColumnRule]:
        return (rule for rule in self._rules.rules if rule.by_values is not None and kind in rule.types)

    def _is_counted(self, column: str) -> bool:
        """Whether the header says that its numbers count, order or measure something."""
        return not self._rules.never.isdisjoint(header_words(column))


def parse_columns(document: Document, entities: Entities, prove: bool = True) -> ColumnRules:
    """The kinds of columns of a parsed `columns.yaml`; with `prove`, every rule's own examples are tried.

    Raises:
        BadRules: with every fault of the document.
    """
    try:
        parsed = _File.model_validate(document.data)
    except ValidationError as error:
        raise BadRules(
            Fault(document.at(*fault["loc"]), f"`{'.'.join(map(str, fault['loc']))}`: {fault['msg']}")
            for fault in error.errors(include_input=False, include_url=False)
        ) from None
    faults = [
        Fault(document.at("columns", index), f"rule `{entry.id}` {message}")
        for index, entry in enumerate(parsed.columns)
        for message in _faults(entry, entities, {other.id for other in parsed.columns[:index]})
    ]
    if faults:
        raise BadRules(faults)
    made = tuple(_rule(entry, entities) for entry in parsed.columns)
    found = ColumnRules(made, _keys(parsed.about), _keys(parsed.never))
    unproven = _unproven(found) if prove else ()
    if faults := [Fault(document.at("columns", index), message) for index, message in unproven]:
        raise BadRules(faults)
    return found


def value_type(native: str) -> ValueType:
    """What values of the Arrow type of this name are stored as."""
    if native.startswith(("date", "timestamp")):
        return "moment"
    return "number" if native.startswith(("int", "uint", "float", "double", "halffloat", "decimal")) else "text"


@cache
def header_words(column: str) -> tuple[str, ...]:
    """Words of the last part of a leaf path, folded: `user.homePhone_2[]` gives home, phone, 2."""
    path = column
    while path.endswith("[]"):
        path = path[:-2]
    quoted = re.search(r'"(?:[^"\\]|\\.)*"$', path)
    name = json.loads(quoted.group()) if quoted else path.rsplit(".", 1)[-1]
    parts = re.findall(r"[^\W\d_]+|\d+", _without_accents(re.sub(r"#\d+$", "", name)))
    words = (word for part in parts for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", part))
    return tuple(word.casefold() for word in words)


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _key(name: str) -> str:
    """A header as one folded word, so that `birth date` and `birthDate` are the same."""
    return "".join(re.findall(r"[^\W_]+", _without_accents(name))).casefold()


def _keys(names: Sequence[str]) -> frozenset[str]:
    return frozenset(map(_key, names))


def _runs(words: tuple[str, ...], about: frozenset[str]) -> frozenset[str]:
    """Every run of consecutive words, joined, also without the ending of a plural.

    Where the last word tells something about the value (`email_verified`), only runs that hold it count.
    """
    spans = [
        (start, stop)
        for start in range(len(words))
        for stop in range(start + 1, min(start + _LONGEST_RUN, len(words)) + 1)
    ]
    if len(words) > 1 and words[-1] in about:
        spans = [(start, stop) for start, stop in spans if stop == len(words)]
    joined = {"".join(words[start:stop]) for start, stop in spans}
    plurals = {run[: -len(ending)] for run in joined for ending in ("s", "es") if run.endswith(ending) and len(run) > 4}
    return frozenset(joined | plurals)


def _sample(values: pa.LargeStringArray) -> pa.LargeStringArray:
    """Up to `SAMPLE` values, evenly spread."""
    if len(values) <= SAMPLE:
        return values
    return values.take(pa.array(np.linspace(0, len(values) - 1, SAMPLE).astype(np.int64)))


def _share(rule: ColumnRule, sample: pa.LargeStringArray) -> float:
    """Share of the sample that has the form and does not fail the checks."""
    bare = _bare(rule, sample)
    fitting = bare.filter(pa.array(_matches(rule, bare))).to_pylist()
    if rule.checks and (rule.by_values is not None or rule.unverified is None):
        return sum(verdict is True for verdict in _verdicts(rule, fitting)) / len(sample)
    return len(fitting) / len(sample)


def _bare(rule: ColumnRule, values: pa.LargeStringArray) -> pa.LargeStringArray:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.replace_substring_regex(trimmed, f"[{re.escape(rule.strip)}]", "") if rule.strip else trimmed


def _matches(rule: ColumnRule, bare: pa.LargeStringArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = pc.match_substring_regex(bare, rf"\A(?:{rule.form})\z")
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _verdicts(rule: ColumnRule, texts: Sequence[str]) -> list[bool | None]:
    """What the checks say of each text: one that passes is enough; None where there is none, or too many values."""
    if not rule.checks:
        return [None] * len(texts)
    known: dict[str, bool] = {}
    for text in texts:
        if text not in known and len(known) < MAX_CHECKED:
            known[text] = any(checks.passes(name, text, rule.regions) for name in rule.checks)
    return [known.get(text) for text in texts]


def _finding(kind: ColumnKind, rule: ColumnRule, entity: str, text: str, verdict: bool | None) -> Finding | None:
    confidence = {True: rule.verified, False: rule.unverified, None: rule.confidence}[verdict]
    if confidence is None:
        return None
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    confidence = confidence if kind.named else min(confidence, UNNAMED_CONFIDENCE)
    found = Finding(entity, start, end, confidence, rule.id, verified=verdict is True)
    return found.as_documentation() if _is_documentation(rule, text) else found


def _is_documentation(rule: ColumnRule, text: str) -> bool:
    if not rule.documentation:
        return False
    exact, expressions = _documentation(rule)
    bare = text.strip().translate({ord(char): None for char in rule.strip})
    return bare in exact or any(expression.search(bare) for expression in expressions)


@cache
def _documentation(rule: ColumnRule) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Published values of the rule, and expressions for more of them."""
    expressions = [example[1:-1] for example in rule.documentation if example.startswith("/")]
    compiled = tuple(re.compile(expression, re.IGNORECASE) for expression in expressions)
    return frozenset(rule.documentation), compiled


def _is_flat(leaf: Leaf) -> bool:
    """Whether the column stands at the top level, with one value a row."""
    return leaf.column.startswith('"') or not {".", "["} & set(leaf.column)


def _generalised(rule: ColumnRule, leaf: Leaf) -> pa.LargeStringArray:
    """Values written so that those that say the same are equal."""
    values = pc.utf8_lower(pc.utf8_trim_whitespace(leaf.values))
    match rule.generalise:
        case "folded":
            return pc.replace_substring_regex(values, r"\s+", " ")
        case "alphanumeric":
            return pc.replace_substring_regex(values, r"[^\pL\pN]+", "")
        case "day":
            return pc.replace_substring_regex(values, r"^(\d{4})-(\d\d)-(\d\d).*$", r"\1\2\3")
        case "number":
            return pc.replace_substring_regex(values, r"\.0*$", "")
        case "initial":
            return pc.utf8_slice_codeunits(values, 0, 1)


def _in_rows(values: pa.LargeStringArray, leaf: Leaf, batch: Rows) -> pa.LargeStringArray:
    """One value for each row of the batch; the empty text where the leaf has none."""
    place = np.full(batch.rows, -1, np.int64)
    place[leaf.rows - batch.first_row] = np.arange(len(values))
    return pc.fill_null(values.take(pa.array(place, mask=place < 0)), "")


Share = Annotated[float, Field(ge=0, le=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    form: Annotated[str, Field(min_length=1)]
    confidence: Share
    names: tuple[str, ...] = ()
    whole_names: tuple[str, ...] = ()
    types: tuple[ValueType, ...] = ("text", "number", "moment")
    entity: str | None = None
    checks: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    strip: str = ""
    verified: Share = 0.95
    unverified: Share | None = None
    least: Share = LEAST_NAMED
    by_values: Share | None = None
    quasi: str | None = None
    generalise: Generalise = "folded"
    documentation: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    negative_examples: tuple[str, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[_Entry, ...]
    about: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def _plain(column: str) -> str:
    """A column's path as part of a table's name, in which `+` and `>` join paths."""
    return column.replace("+", " ").replace(">", " ")


def _keys_of(table: pa.Table, names: Sequence[str]) -> list[str]:
    """The tuple of each row, as one text."""
    return [_JOINT.join(key) for key in zip(*(table[name].to_pylist() for name in names), strict=True)]


def _pairs(table: pa.Table, names: Sequence[str], values: pa.LargeStringArray) -> tuple[tuple[str, str], ...]:
    """Each tuple with each sensitive value that stands beside it, sorted."""
    beside = table.append_column("sensitive", values).filter(pc.not_equal(values, ""))
    pairs = beside.group_by([*names, "sensitive"], use_threads=False).aggregate([])
    return tuple(sorted(zip(_keys_of(pairs, names), pairs["sensitive"].to_pylist(), strict=True)))


def _rule(entry: _Entry, entities: Entities) -> ColumnRule:
    given: Mapping[str, Any] = dict(entry)
    sets = {"names": _keys(entry.names), "whole_names": _keys(entry.whole_names), "types": frozenset(entry.types)}
    marks = entities[entry.entity].special if entry.entity is not None else frozenset()
    return ColumnRule(**{**given, **sets}, sensitive=bool(marks & SENSITIVE))


def _faults(entry: _Entry, entities: Entities, taken: set[str]) -> Iterator[str]:
    if entry.id in taken:
        yield "has an id that an earlier rule has"
    if entry.entity is None and entry.quasi is None:
        yield "must name an `entity` or a kind of `quasi`-identifier"
    if entry.entity is not None and entry.entity not in entities:
        yield f"finds `{entry.entity}`, which entities.yaml does not know"
    if not entry.names and not entry.whole_names and entry.by_values is None:
        yield "needs `names`, `whole_names` or `by_values`"
    if entry.by_values is not None and not entry.checks:
        yield "is judged `by_values` and so needs `checks`"
    yield from (f"names the unknown check `{name}`" for name in entry.checks if not checks.known(name))
    try:
        pc.match_substring_regex(pa.array([""], pa.large_string()), entry.form)
    except pa.ArrowInvalid:
        yield "has a `form` that is no regular expression of RE2"
    for example in entry.examples + entry.negative_examples:
        if example.count(" | ") != 1:
            yield "has an example that is not written `header | cell`"


def _unproven(rules: ColumnRules) -> Iterator[tuple[int, str]]:
    """Rules whose own examples come out otherwise, by their place."""
    columns = Columns(rules)
    for index, rule in enumerate(rules.rules):
        for wanted, examples in ((True, rule.examples), (False, rule.negative_examples)):
            for number, example in enumerate(examples, 1):
                if _proves(columns, rule, example) is not wanted:
                    which = "example" if wanted else "negative example"
                    yield index, f"rule `{rule.id}` {'misses' if wanted else 'matches'} its {which} {number}"


def _proves(columns: Columns, rule: ColumnRule, example: str) -> bool:
    """Whether a column of just this cell, stored as any of the rule's types, is of the rule's kind."""
    header, cell = example.split(" | ")
    return any(columns.judge(_one_cell(header, cell, kind)).rule == rule for kind in rule.types)


def _one_cell(header: str, cell: str, kind: ValueType) -> Leaf:
    native = {"text": "string", "number": "int64", "moment": "date32[day]"}[kind]
    return Leaf(header, pa.array([cell], pa.large_string()), np.zeros(1, np.int64), np.zeros(1, np.int32), native)
