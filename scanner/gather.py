"""Gathering: what a scan counted, in its ledger and output folder, becomes `Scanned`, ready to be judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from scanner.assemble import Scanned
from scanner.baseline import Reviewed, in_force, rekeyed, reviewed
from scanner.evidence import ScanPart, ShardPart
from scanner.ledger import Ledger
from scanner.locations import Locations, locate
from scanner.merge import Merged, merge, recount
from scanner.model import Dataset, ShardStatus
from scanner.output import SCRATCH, read_gone, span_files, value_tables
from scanner.plan import file_stem
from scanner.remedies import weight_of
from scanner.risk import Left
from scanner.rulebook import Rulebook
from scanner.tally import Running, Tally, total
from scanner.values import Histogram

HEAVIEST = 100
"""Shards whose own tallies a run holds in memory."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A scan whose units are counted, and what is known of it without a look at them.

    Attributes:
        out: output folder.
        ledger: of the folder.
        rulebook: entities and policy to count by.
        dataset: its owner's statements.
        scan: which program reads it, and when; its plan names the units.
        shards: sorted by path; whether a shard was read in part, the units tell.
    """

    out: Path
    ledger: Ledger
    rulebook: Rulebook
    dataset: Dataset
    scan: ScanPart
    shards: tuple[ShardPart, ...]


def accepted(counted: Counted, now: str) -> Reviewed:
    """Reviewed findings that are in force; to be asked for when every unit has its spans.

    Under another key than before, a value is known again by its place, which only the new spans tell.
    """
    ledger, names = counted.ledger, {one.sha256: one.path for one in counted.shards}
    renewed = rekeyed(counted.out, ledger.acceptances(), counted.scan.key_id, names)
    if renewed:
        ledger.withdraw(old for old, _ in renewed)
        ledger.accept(new for _, new in renewed)
    return reviewed(counted.out, in_force(ledger.acceptances(), now))


def gather(counted: Counted, accepted: Reviewed, names_left: Left, linked: Collection[Path] = ()) -> Scanned:
    """Everything that is judged; where findings stand is told apart, by `located`.

    Args:
        counted: the scan.
        accepted: findings that count for nothing.
        names_left: what the names stage left since more could not change the verdict.
        linked: value tables whose values may be linked as strongly as can be.
    """
    stems = {file_stem(part.path, part.sha256): part.path for part in counted.shards}
    tally, by_shard = _tallied(counted, stems)
    merged = _merged(counted, accepted, linked)
    return Scanned(
        dataset=counted.dataset,
        scan=counted.scan,
        shards=_read_in_part(counted.shards, {entry.shard for entry in tally.unscanned}),
        tally=tally,
        merged=merged,
        recount=_recount(counted, stems, accepted, merged.rates),
        gone=read_gone(counted.out),
        by_shard=by_shard,
        names_left=names_left,
    )


def located(out: Path) -> Locations:
    """Where the findings of a scan stand."""
    return locate(span_files(out), out / SCRATCH)


def allowed(rulebook: Rulebook) -> set[tuple[str, str]]:
    """The (entity, column) pairs that the policy counts for nothing."""
    return {(entry.entity, entry.column) for entry in rulebook.policy.allow}


def _merged(counted: Counted, accepted: Reviewed, linked: Collection[Path]) -> Merged:
    """Occurrences of each value over all units."""
    out, terms = counted.out, counted.rulebook.policy.risk.sampling
    return merge(value_tables(out), out / SCRATCH, allowed(counted.rulebook), accepted.values, linked, terms)


def _tallied(counted: Counted, stems: Mapping[str, str]) -> tuple[Tally, dict[str, Tally]]:
    """The sum over all units, and the tallies of the shards that weigh most, by path.

    Units are read one by one: all tallies of a hundred thousand shards would not fit.
    """
    running, entities = Running(), counted.rulebook.entities

    def weighed() -> Iterator[tuple[float, str, Tally]]:
        each = counted.ledger.each_tally(counted.scan.plan_sha256)
        for stem, units in groupby(each, key=lambda unit: unit[0].rpartition("-")[0]):
            shard = total(tally for _, tally in units)
            running.add(shard)
            if stem in stems:
                yield -weight_of(shard, entities), stems[stem], shard

    heaviest = nsmallest(HEAVIEST, weighed(), key=itemgetter(0, 1))
    return running.total, {path: tally for _, path, tally in heaviest}


def _read_in_part(shards: tuple[ShardPart, ...], partial: Collection[str]) -> tuple[ShardPart, ...]:
    """The shards, those of these names that were read at all as read in part."""
    return tuple(
        part.model_copy(update={"status": ShardStatus.PARTIAL})
        if part.path in partial and part.status is ShardStatus.SCANNED
        else part
        for part in shards
    )


def _recount(
    counted: Counted, stems: Mapping[str, str], accepted: Reviewed, rates: Mapping[str, float]
) -> Callable[[frozenset[str], frozenset[str]], Histogram]:
    """Counts over what is left without some columns and some shards."""
    out, pairs = counted.out, allowed(counted.rulebook)
    by_path = {path: stem for stem, path in stems.items()}

    def recounted(columns: frozenset[str], shards_out: frozenset[str]) -> Histogram:
        gone = tuple(by_path[path] for path in shards_out)
        files = [file for file in value_tables(out) if not file.name.startswith(gone)]
        return recount(files, out / SCRATCH, pairs, columns, accepted.values, rates)

    return recounted
