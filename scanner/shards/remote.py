"""Finding shards in stores: one object, the objects below a folder, or those that a glob matches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

from scanner import stores
from scanner.errors import StoreFailed
from scanner.model import UnscannedReason
from scanner.shards.naming import MAGIC, SUFFIXES, Shard, is_hidden

_MAGIC_CHARACTERS = re.compile(r"[*?\[]")


def under(url: str) -> list[Shard]:
    """Shards of one URL given, named relative to it as local ones are; empty if there are none.

    Only what the names need is held, however many objects a listing has.

    Raises:
        BadUrl: the URL cannot be used.
        StoreFailed: it cannot be told what there is: a listing that breaks off is not a shorter one.
    """
    scheme = stores.scheme_of(url)
    if scheme not in stores.WEB and _MAGIC_CHARACTERS.search(url):
        return list(_globbed(url))
    is_folder = stores.is_folder(url)
    if is_folder is None:
        return []
    if not is_folder:
        name = stores.last_part(url)
        return [Shard(name, url, outside=_climbs(name))]
    return list(_walked(url))


def fixed_part(url: str) -> str:
    """The folder above the first part of the URL that has a wildcard; the URL itself if none has."""
    scheme, _, rest = url.partition("://")
    parts = rest.split("/")
    kept = next((parts[:index] for index, part in enumerate(parts) if _MAGIC_CHARACTERS.search(part)), parts)
    return f"{scheme}://{'/'.join(kept)}"


def _walked(folder: str) -> Iterator[Shard]:
    for path in stores.listing(folder):
        if _is_taken(folder, path, path.split("/")):
            yield _shard(folder, path)


def _is_taken(folder: str, path: str, below: list[str]) -> bool:
    """Whether the object is a shard: `below` are the parts of its path that are not to be hidden ones."""
    if _climbs(path):
        return path.lower().endswith(SUFFIXES)
    return not any(map(is_hidden, below)) and _looks_like_shard(folder, path)


def _globbed(url: str) -> Iterator[Shard]:
    """Objects that the pattern matches, and all shards below folders that it matches."""
    folder = fixed_part(url)
    pattern = url[len(folder) :].lstrip("/")
    matches = re.compile(_translated(pattern))
    starting = _MAGIC_CHARACTERS.split(pattern, maxsplit=1)[0]
    for path in stores.listing(folder, starting):
        parts = path.split("/")
        depths = (depth for depth in range(1, len(parts) + 1) if matches.fullmatch("/".join(parts[:depth])))
        depth = next(depths, None)
        if depth is not None and _is_taken(folder, path, parts[depth:]):
            yield _shard(folder, path)


def _translated(pattern: str) -> str:
    """The glob as an expression: `**` any depth, `*` and `?` within one part and not its leading dot, `[…]` a set."""
    parts = pattern.split("/")
    found = ""
    for index, part in enumerate(parts):
        last = index + 1 == len(parts)
        if part == "**":
            found += r"(?:(?!\.)[^/]+/)*" + (r"(?!\.)[^/]+" if last else "")
            continue
        pieces = re.findall(r"\[!?\]?[^\]]*\]|.", part, re.DOTALL)
        dot = r"(?!\.)" if part[:1] in ("*", "?", "[") else ""
        found += dot + "".join(map(_piece, pieces)) + ("" if last else "/")
    return f"(?s:{found})"


def _piece(piece: str) -> str:
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) > 1:
        inner = piece[1:-1].replace("\\", r"\\")
        return f"[^{inner[1:]}/]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(piece)


def _shard(folder: str, path: str) -> Shard:
    return Shard(path, f"{folder.rstrip('/')}/{path}", outside=_climbs(path))


def _climbs(path: str) -> bool:
    """Whether the name, taken as a path of this machine, would lead out of a folder; stores allow such names."""
    return path.startswith("/") or not {".", ".."}.isdisjoint(path.split("/")) or "\\" in path or "\0" in path


def _looks_like_shard(folder: str, path: str) -> bool:
    name = path.rpartition("/")[2]
    if "." in name.lstrip("."):
        return name.lower().endswith(SUFFIXES)
    try:
        with closing(stores.open_object(f"{folder.rstrip('/')}/{path}")) as found:
            return found.fetch(0, min(len(MAGIC), found.size_bytes)) == MAGIC
    except StoreFailed as error:
        if error.reason is UnscannedReason.CHANGED:
            return True
        raise
