"""What a shard is called, and what is taken for one by its name."""

from __future__ import annotations

from dataclasses import dataclass

SUFFIXES = (".parquet", ".parq", ".pq")
MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """One Parquet file.

    Attributes:
        name: posix path relative to the root it was found under; what evidence calls it.
        path: where it lies now: on this machine, or a URL, which may hold credentials and is never shown.
        outside: it leads out of the root, as some symbolic links and names in stores do; it is named but not read.
    """

    name: str
    path: str
    outside: bool = False


def is_taken(name: str) -> bool:
    """Whether a Parquet file of this name, below a folder that is searched, is taken for a shard."""
    *folders, file = name.split("/")
    plain = "." not in file.lstrip(".") or file.lower().endswith(SUFFIXES)
    return plain and not any(map(is_hidden, (*folders, file)))


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is passed over, as Spark's are, unless it is a partition `_key=value`."""
    return name.startswith((".", "_")) and "=" not in name
