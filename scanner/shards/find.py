"""Finding shards: files, globs, folders and hive partitions become named Parquet files."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from scanner import stores
from scanner.errors import NothingToScan
from scanner.shards import remote
from scanner.shards.naming import MAGIC as MAGIC
from scanner.shards.naming import SUFFIXES, is_hidden
from scanner.shards.naming import Shard as Shard
from scanner.stores import Place, Url


def find(paths: Iterable[str | os.PathLike[str]]) -> list[Shard]:
    """Every shard under the paths and URLs, sorted by name; the same file twice is one shard.

    A path is a file (taken whatever its name), a folder (searched to any depth for `.parquet`, `.parq`, `.pq` and
    for files without a suffix that begin as Parquet does; names that start with `_` or `.` are passed over, as
    Spark's are, unless they are a partition `_key=value`), or a glob (`**` reaches any depth).
    Names do not depend on where the dataset lies: they are relative to the folder given, or to the fixed part of
    the glob. With several folders each name starts with its folder's name; what still collides gets `~2`, `~3`.

    A URL of a store is taken in the same way; one of a web server names a single file.

    Raises:
        NothingToScan: a path is missing, or no path leads to a shard; tells every such path.
        BadUrl: a URL cannot be used.
        StoreFailed: a store cannot tell all that there is.
    """
    given = [os.fspath(path) for path in paths]
    found = [(path, _under(path)) for path in given]
    empty = [path for path, shards in found if not shards]
    if empty or not found:
        raise NothingToScan("\n".join(map(_reason, empty)) or "no path was given")
    several = len(found) > 1
    named = [shard for path, shards in found for shard in (_prefixed(path, shards) if several else shards)]
    return sorted(_distinct(_once(named)))


def meets(path: str, folder: Place) -> bool:
    """Whether what lies in a folder may be found under a path given, or the path leads into what lies in it.

    Args:
        path: file, folder, glob or URL, as `find` takes it.
        folder: on this machine or in a store; need not be there.
    """
    if stores.is_url(path) is not isinstance(folder, Url):
        return False
    fixed = remote.fixed_part(path) if stores.is_url(path) else _root(path)
    root, place = _steps(fixed), _steps(stores.whole(folder))
    if place[: len(root)] != root:
        return root[: len(place)] == place
    asked = path[len(fixed) :].strip("/").split("/") if path != fixed else []
    return all(map(fnmatch.fnmatchcase, place[len(root) :], takewhile(lambda step: step != "**", asked)))


def _root(path: str) -> str:
    """What of a path on this machine has no wildcard, as it was written."""
    if not glob.has_magic(path) or os.path.exists(path):
        return path
    steps = path.split("/")
    return "/".join(takewhile(lambda step: not glob.has_magic(step), steps)) or ("/" if path[:1] == "/" else "")


def _steps(place: str) -> list[str]:
    """Names from the top down to a place, the same for all ways to write it."""
    if not stores.is_url(place):
        return list(Path(place).resolve().parts)
    scheme, _, rest = place.partition("://")
    steps = [step for step in rest.partition("?")[0].split("/") if step]
    # A container may stand before its account, `abfs://container@account/…`, and one store has several schemes.
    return [stores.family(scheme), *(step.partition("@")[0] if not index else step for index, step in enumerate(steps))]


def _under(path: str) -> list[Shard]:
    """Shards of one path given, named relative to it; empty if there are none."""
    if stores.is_url(path):
        return remote.under(path)
    if os.path.isdir(path):
        return list(_walk(Path(path)))
    if os.path.exists(path):
        return [Shard(_text(os.path.basename(os.path.abspath(path))), path)]
    if glob.has_magic(path):
        return _globbed(path)
    return []


def _globbed(pattern: str) -> list[Shard]:
    root = _fixed_part(pattern)
    shards: list[Shard] = []
    for match in sorted(glob.glob(pattern, recursive=True)):
        inner = os.path.relpath(match, root)
        if os.path.isfile(match) and _looks_like_shard(Path(match)):
            shards.append(_shard(Path(root), Path(match)))
        elif os.path.isdir(match):
            shards += [replace(shard, name=f"{_text(inner)}/{shard.name}") for shard in _walk(Path(match))]
    return list({os.path.abspath(shard.path): shard for shard in shards}.values())


def _fixed_part(pattern: str) -> str:
    """The folder above the first path segment that has a wildcard."""
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return str(Path(*parts[:first])) if first else "."


def _walk(root: Path) -> Iterator[Shard]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in folders:
            if (here / name).is_symlink() and _leaves(root, here / name):
                yield _shard(root, here / name)
        for name in sorted(files):
            if not is_hidden(name) and _looks_like_shard(here / name):
                yield _shard(root, here / name)


def _shard(root: Path, path: Path) -> Shard:
    name = _text(path.relative_to(root).as_posix())
    return Shard(name, str(path), outside=path.is_symlink() and _leaves(root, path))


def _leaves(root: Path, path: Path) -> bool:
    return not path.resolve().is_relative_to(root.resolve())


def _looks_like_shard(path: Path) -> bool:
    if path.suffix:
        return path.suffix.lower() in SUFFIXES
    try:
        with path.open("rb") as handle:
            return handle.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _text(name: str) -> str:
    """The name as text; bytes that are not UTF-8 are written with a backslash, in hex."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _prefixed(path: str, shards: Sequence[Shard]) -> list[Shard]:
    """With several roots, a folder's name stands before its shards; a file keeps its own."""
    if stores.is_url(path):
        root = remote.fixed_part(path)
        alone = [shard.path for shard in shards] == [path]
        return list(shards) if alone else [replace(one, name=f"{stores.last_part(root)}/{one.name}") for one in shards]
    root = _fixed_part(path) if not os.path.exists(path) else path
    if not os.path.isdir(root) or root == ".":
        return list(shards)
    prefix = _text(os.path.basename(os.path.abspath(root)))
    return [replace(shard, name=f"{prefix}/{shard.name}") for shard in shards]


def _once(shards: Iterable[Shard]) -> list[Shard]:
    """The first shard of each real file, so that no value counts twice."""
    first: dict[str, Shard] = {}
    for shard in shards:
        first.setdefault(shard.path if stores.is_url(shard.path) else os.path.realpath(shard.path), shard)
    return list(first.values())


def _distinct(shards: Iterable[Shard]) -> Iterator[Shard]:
    seen: Counter[str] = Counter()
    for shard in shards:
        seen[shard.name] += 1
        count = seen[shard.name]
        yield shard if count == 1 else replace(shard, name=f"{shard.name}~{count}")


def _reason(path: str) -> str:
    if stores.is_url(path):
        return f"{stores.masked(path)}: no Parquet file here"
    if os.path.isdir(path):
        return f"{path}: no Parquet file in this folder"
    return f"{path}: {'nothing matches' if glob.has_magic(path) else 'no such file or folder'}"
