"""The one tree of errors, named by what the reader must mend.

    ScannerError                    exit code
    ├── Faults                      2   every fault of one file, told at once
    │   ├── BadDataset              2   dataset.yaml, an option or a SCANNER_ variable
    │   ├── BadPolicy               2   policy.yaml
    │   ├── BadRedaction            2   redaction.yaml, or a remedy that cannot be applied
    │   ├── BadRules                2   a file of rules/
    │   └── BadApproval             2   a reviewer's decision that cannot be recorded
    ├── NothingToScan               2   no shard under the paths given
    ├── BadKey                      2   the fingerprint key is missing, open to others or misplaced
    ├── BadModel                    2   a language model is absent or its weights are not the known ones
    ├── BadEngine                   2   the engine is not installed, or its cluster cannot be used
    ├── BadOutput                   2   the output folder cannot be used
    ├── BadBaseline                 2   no finding, or more than one, is what a baseline names
    ├── BadEvidence                 2   an output folder holds no evidence that can be read
    ├── Incomparable            2   two evidences judge different artefacts
    ├── BadVault                2   a vault is missing, damaged, or under another key
    ├── MixedKeys                   2   counts made with different fingerprint keys
    ├── BadUrl                      2   a URL that cannot be read or written as it stands
    ├── StoreFailed                 2   a store lost, refused or failed; for a shard it becomes an `unscanned` entry
    ├── UnreadableShard             –   becomes an `unscanned` entry, never an end of the run
    └── Locked                      75  another run holds the output folder

No message of this tree ever holds text from a cell: what and where, never the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scanner.model import UnscannedReason


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing to mend: where it stands (`policy.yaml:12`, `--workers`) and what to do."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ScannerError(Exception):
    """Anything that ends a run with a sentence instead of a traceback."""

    exit_code = 2


class Faults(ScannerError):
    """Every fault of one source, in one go.

    Args:
        faults: at least one fault; told in the order given.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[Faults], tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class BadDataset(Faults):
    """The dataset's description or the options given contradict themselves or their types."""


class BadPolicy(Faults):
    """The policy file does not say what it must."""


class BadRedaction(Faults):
    """A redaction does not say what it must, or does not fit the shards or their evidence."""


class BadRules(Faults):
    """A rule does not parse, cannot be bounded, or fails its own examples."""


class BadApproval(Faults):
    """A reviewer's decision says too little, or more than the verdict allows without an override."""


class NothingToScan(ScannerError):
    """The paths given lead to no Parquet shard."""


class BadKey(ScannerError):
    """The fingerprint key cannot be used as it lies."""


class BadModel(ScannerError):
    """A language model is not installed, or is not the one whose checksum is known."""


class BadEngine(ScannerError):
    """The engine asked for is not installed, or its cluster cannot be used."""


class BadOutput(ScannerError):
    """The output folder cannot be written, or belongs to something else."""


class BadBaseline(ScannerError):
    """A finding that is to be accepted, or taken back, is not there or not told apart from others."""


class BadEvidence(ScannerError):
    """The folder named holds no evidence, or evidence of another schema version."""


class Incomparable(ScannerError):
    """Two evidences have no artefact that both judge."""


class BadVault(ScannerError):
    """What was taken out cannot be had back from this vault with this key."""


class MixedKeys(ScannerError):
    """Counts keyed differently cannot be added: the same value would count twice."""


class UnreadableShard(ScannerError):
    """A shard, or a part of it, that cannot be read; the caller records it as unscanned."""

    def __init__(self, reason: UnscannedReason, message: str) -> None:
        self.reason = reason
        super().__init__(message)

    def __reduce__(self) -> tuple[type[UnreadableShard], tuple[UnscannedReason, str]]:
        return type(self), (self.reason, str(self))


class BadUrl(ScannerError):
    """A URL whose scheme is unknown, whose library is not installed, or that is not safe as it stands."""


class StoreFailed(ScannerError):
    """A store that lost an object, refused it or failed too often; a listing or an output cannot do without it.

    Args:
        reason: what a shard is unscanned for.
        place: which object, without anything that may be a credential.
        what: what happened to it.
    """

    def __init__(self, reason: UnscannedReason, place: str, what: str) -> None:
        self.reason, self.place, self.what = reason, place, what
        super().__init__(f"{place}: {what}")

    def __reduce__(self) -> tuple[type[StoreFailed], tuple[UnscannedReason, str, str]]:
        return type(self), (self.reason, self.place, self.what)


class Locked(ScannerError):
    """Another run works in the same output folder."""

    exit_code = 75
