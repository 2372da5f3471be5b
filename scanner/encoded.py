"""Snippets: text that stands percent-, HTML- or base64-encoded in a cell, decoded among what stands beside it.

`jane%40example.com`, `&#106;ane&#64;example.com` and `amFuZUBleGFtcGxlLmNvbQ==` are one address. So is one in
full-width letters, or with a character between its letters that nobody sees: such letters are read as ASCII (as NFKC
has them, Unicode Standard Annex 15), such characters are left out. Where any of these may begin is told from the bytes
of a whole column at once, so that cells without one cost next to nothing; `slow_snippets` finds the same from the text
of one cell.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from scanner.fingerprints import UNSEEN, without_unseen
from scanner.views import COPIED, Part, View, joined

DEPTH = 3
"""Encodings within encodings that are looked into; each layer is no longer than the one around it."""

REACH = 256
"""Code points of the cell on either side of what is decoded: what a rule may look at beside a match."""

LEAST_BASE64 = 14
"""Characters of base64 that may be an identifier: ten bytes, such as `a@bc.de.fg`."""

TELLING_REACH = 48
"""Code points on either side of a character that is left out or narrowed in which something must tell of an identifier:
most soft hyphens and full-width letters stand in prose, which is not worth a second reading."""

_CHUNK = 1 << 20
_PEEKED = 12
_LONGEST_ENTITY = 34
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BASE64 = re.compile(
    r"""(?: [A-Za-z0-9+/]{60} (?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{12}|[A-Za-z0-9+/]{16})? \r?\n ){1,100}
            [A-Za-z0-9+/]{2,76} ={0,2}
      | [A-Za-z0-9+/_-]{14,} ={0,2}""",
    re.VERBOSE,
)
"""Lines of base64 as mail has them, a hundred at a time (each may be a candidate that is no text after all), or one
run."""
_WRITTEN_ALIKE = re.compile(r"&(?:amp|lt|gt|quot|apos|#0*3[49]|#0*38|#0*6[02]|#[xX]0*2[267]|#[xX]0*3[cCeE]);")
"""Entities that mark-up cannot do without: they hide nothing, unless another encoding follows."""
_AFTER_AMPERSAND = re.compile(r"#?[A-Za-z0-9]{1,32};|[0-9A-Fa-f]{2}")
_LATIN = r"[ -~\u00a1-\u00ac\u00ae-\u024f]"
_NARROWABLE = r"[\uff0b\uff0d-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a]"
"""Full-width letters, digits and `+-./@_`; other punctuation counts after a Latin letter only, and a bracket before a
digit, as Chinese and Japanese are full of it."""
_UNSEEN = re.compile(rf"(?:(?<={_LATIN})|(?<={_NARROWABLE}))[{UNSEEN}]++(?={_LATIN}|{_NARROWABLE}|\s|\Z)")
"""Not between the parts of an emoji or the letters of a script that writes with joiners, such as Persian or Hindi."""
_FULL_WIDTH = re.compile(
    rf"(?:{_NARROWABLE}|\uff08(?=[0-9\uff10-\uff19])|(?<={_LATIN})[\uff01-\uff5e\u3000])[\uff01-\uff5e\u3000]*+"
)
_NARROWED = {0x3000: " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_BESIDE = re.compile(rf"[!-~{UNSEEN}]")
_TELLING = re.compile(r"[\d@\uff20]|[/\uff0f]{2}|\w[.\uff0e]\w|\bdot\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_HEX = np.zeros(256, bool)
_HEX[np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)] = True
_ENTITY_BEGINS = np.zeros(256, bool)
_ENTITY_BEGINS[np.frombuffer(b"#abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)] = True
_SEXTET = np.full(256, 64, np.uint8)
for _value, _char in enumerate(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):
    _SEXTET[_char] = _value
_SEXTET[ord("-")], _SEXTET[ord("_")] = 62, 63
_IS_BASE64 = _SEXTET < 64
_BASE64_TABLE = _IS_BASE64.tobytes()
_AFTER_LATIN, _ANYWHERE = 1, 2
_KINDS = np.zeros(1 << 16, np.uint8)
"""By code point, where unseen and full-width characters count."""
_KINDS[[*map(ord, UNSEEN), *_NARROWED]] = _AFTER_LATIN
_KINDS[[code for code in _NARROWED if code == 0xFF08 or re.match(_NARROWABLE, chr(code))]] = _ANYWHERE
_PLAIN = np.zeros(256, bool)
_PLAIN[0x20:0x7F] = _PLAIN[[9, 10, 13]] = True


@dataclass(frozen=True, slots=True)
class Snippet:
    """Decoded text of a cell.

    Attributes:
        cell: index of the cell.
        views: of the innermost encoding first, each leading into the text of the next, the last into the cell.
        whole: code points [first, last] of the innermost text between which it is the whole of what stands there;
            beyond lies a cut.
    """

    cell: int
    views: tuple[View, ...]
    whole: tuple[int, int]

    @property
    def text(self) -> str:
        """What to search."""
        return self.views[0].text

    def shows(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` was encoded, at least in part, and is not cut."""
        return self.whole[0] <= start and end <= self.whole[1] and self.views[0].decodes(start, end)

    def to_cell(self, start: int, end: int) -> tuple[int, int]:
        """The code points of the cell that `text[start:end]` came from; what is encoded is taken whole."""
        for view in self.views:
            start, end = view.to_cell(start, end)
        return start, end


def snippets(values: pa.LargeStringArray) -> list[Snippet]:
    """What stands encoded in each value, decoded once, in the order of the values."""
    return [snippet for cell, places in _candidates(values) for snippet in _of_cell(values, cell, places)]


def within(outer: Sequence[Snippet]) -> list[Snippet]:
    """What stands encoded in the texts of snippets."""
    inner = snippets(pa.array([snippet.text for snippet in outer], pa.large_string()))
    return [
        Snippet(outer[one.cell].cell, one.views + outer[one.cell].views, _both(one, outer[one.cell])) for one in inner
    ]


def slow_snippets(text: str) -> list[Snippet]:
    """What `snippets` gives for one value, from its text alone. For tests."""
    places = [
        place
        for place in range(len(text))
        if _PERCENT.match(text, place)
        or _UNSEEN.match(text, place)
        or _FULL_WIDTH.match(text, place)
        or _ENTITY.match(text, place)
        or (_BASE64.match(text, place) and not (place and text[place - 1] in _ALPHABET))
    ]
    return list(_snippets(0, text, places))


_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


def _candidates(values: pa.LargeStringArray) -> Iterator[tuple[int, list[int]]]:
    """Cells in which an encoding may begin, and at which bytes of theirs, ascending."""
    if not len(values):
        return
    _, offsets_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64, len(values) + 1, values.offset * 8)
    if offsets[0] == offsets[-1]:
        return
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    starts = offsets - offsets[0]
    places = np.concatenate(list(_places(data, starts)))
    cells = np.searchsorted(starts, places, side="right") - 1
    for run in np.split(np.arange(len(places)), np.flatnonzero(np.diff(cells)) + 1):
        if len(run):
            cell = int(cells[run[0]])
            yield cell, (places[run] - starts[cell]).tolist()


def _places(
    data: np.ndarray[tuple[int], np.dtype[np.uint8]], starts: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Bytes at which an encoding may begin, ascending, chunk by chunk: what stays in the processor's cache is quick."""
    for low in range(0, len(data), _CHUNK):
        piece = data[low : low + _CHUNK + LEAST_BASE64 - 1]
        size = min(_CHUNK, len(data) - low)
        first, last = np.searchsorted(starts, [low, low + size])
        borders = starts[first:last] - low
        follows = bool(low and _IS_BASE64[data[low - 1]])
        found = np.concatenate(
            [
                _percents(piece),
                _ampersands(piece),
                _base64(piece, borders, follows),
                _look_alikes(data, low, low + size),
            ]
        )
        yield np.sort(found[found < size]) + low


def _percents(piece: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    places = np.flatnonzero(piece[:-2] == ord("%"))
    return np.compress(_HEX[piece[places + 1]] & _HEX[piece[places + 2]], places)


def _ampersands(piece: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where an entity may begin; its semicolon may lie beyond the piece."""
    places = np.flatnonzero(piece[:-2] == ord("&"))
    places = np.compress(_ENTITY_BEGINS[piece[places + 1]], places)
    ahead = places[:, None] + np.arange(1, _LONGEST_ENTITY)
    ended = (piece[np.minimum(ahead, len(piece) - 1)] == ord(";")).any(axis=1)
    return np.compress(ended | (ahead[:, -1] >= len(piece)), places)


def _look_alikes(
    data: np.ndarray[tuple[int], np.dtype[np.uint8]], low: int, high: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where unseen or full-width characters may begin from byte `low` to `high`, counted from `low`.

    What stands before decides for most: they count after a Latin or full-width character, whichever cell holds it.
    """
    piece = data[low:high]
    if piece.max() < 0x80:
        return np.zeros(0, np.int64)
    leads = (piece == 0xC2) | (piece == 0xE2) | (piece == 0xE3) | (piece == 0xEF)
    places = np.flatnonzero(leads) + low
    kinds = _KINDS[_code_points(data, places)]
    places, kinds = np.compress(kinds > 0, places), np.compress(kinds > 0, kinds)
    before, second, third = (data[np.maximum(places - step, 0)] for step in (1, 2, 3))
    latin = (before < 0x80) | ((second >= 0xC2) & (second <= 0xC9))
    full_width = (third == 0xEF) & ((second == 0xBC) | (second == 0xBD))
    return np.compress((kinds == _ANYWHERE) | latin | full_width, places) - low


def _code_points(
    data: np.ndarray[tuple[int], np.dtype[np.uint8]], places: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """The characters of three bytes, or two from 0xC2, that begin at some bytes."""
    first, second, third = (data[np.minimum(places + step, len(data) - 1)].astype(np.uint16) for step in range(3))
    low = second & 0x3F
    return np.where(first == 0xC2, 0x80 | low, (first & 0xF) << 12 | low << 6 | third & 0x3F)


def _base64(
    piece: np.ndarray[tuple[int], np.dtype[np.uint8]],
    borders: np.ndarray[tuple[int], np.dtype[np.int64]],
    follows: bool,
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where runs of base64 characters begin whose first nine bytes are text.

    Args:
        piece: the bytes.
        borders: where cells begin among them.
        follows: whether the byte before is of base64 too, so that a run goes on.
    """
    inside = np.frombuffer(piece.tobytes().translate(_BASE64_TABLE), bool)
    runs = inside
    width = 1
    for step in (1, 2, 4, 6):  # 1 + 1 + 2 + 4 + 6 = LEAST_BASE64
        runs = runs[:-step] & runs[step:]
        width += step
    assert width == LEAST_BASE64, "the steps add up"
    if not len(runs):
        return np.zeros(0, np.int64)
    fresh = runs.copy()
    fresh[1:] &= ~inside[: len(runs) - 1]
    fresh[0] &= not follows
    at_border = borders[borders < len(runs)]
    fresh[at_border] = runs[at_border]
    begins = np.flatnonzero(fresh)
    return begins[_is_text(piece, begins)]


def _is_text(
    piece: np.ndarray[tuple[int], np.dtype[np.uint8]], begins: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the first nine bytes that stand there as base64 may be UTF-8 without control characters."""
    sextets = _SEXTET[piece[begins[:, None] + np.arange(_PEEKED)]].astype(np.uint32).reshape(-1, _PEEKED // 4, 4)
    words = sextets[:, :, 0] << 18 | sextets[:, :, 1] << 12 | sextets[:, :, 2] << 6 | sextets[:, :, 3]
    decoded = np.stack([words >> 16, words >> 8 & 0xFF, words & 0xFF], axis=2).reshape(-1, 3 * _PEEKED // 4)
    trailing = (decoded & 0xC0) == 0x80
    leading = (decoded >= 0xC2) & (decoded <= 0xF4)
    fits = _PLAIN[decoded] | trailing | leading
    begun = ~trailing[:, 1:] | leading[:, :-1] | trailing[:, :-1]
    gone_on = ~leading[:, :-1] | trailing[:, 1:]
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        fits.all(axis=1) & ~trailing[:, 0] & begun.all(axis=1) & gone_on.all(axis=1)
    )
    return result


def _of_cell(values: pa.LargeStringArray, cell: int, places: Sequence[int]) -> Iterator[Snippet]:
    raw = bytes(values[cell].as_buffer())
    text = raw.decode("utf-8", "replace")
    if len(text) != len(raw):
        begun = np.cumsum((np.frombuffer(raw, np.uint8) & 0xC0) != 0x80)
        places = (begun[list(places)] - 1).tolist()
    return _snippets(cell, text, places)


def _snippets(cell: int, text: str, places: Iterable[int]) -> Iterator[Snippet]:
    """Decoded text around the encodings that begin at some code points of a cell; near ones share a snippet."""
    near: list[_Token] = []
    for token in _tokens(text, places):
        if near and token.start - near[-1].end > 2 * REACH:
            yield from _snippet(cell, text, near)
            near = []
        near.append(token)
    yield from _snippet(cell, text, near)


@dataclass(frozen=True, slots=True)
class _Token:
    """Code points of a cell that are encoded, what they stand for, and whether they hide anything: if `may_hide`, then
    where something near tells of an identifier.
    """

    start: int
    end: int
    parts: tuple[Part, ...]
    hides: bool = True
    may_hide: bool = False


def _snippet(cell: int, text: str, tokens: Sequence[_Token]) -> Iterator[Snippet]:
    if not any(token.hides for token in tokens) and not _tells(text, tokens):
        return
    first, last = max(0, tokens[0].start - REACH), min(len(text), tokens[-1].end + REACH)
    view = joined(_mixed(text, tokens, first, last))
    cut = (1 if first else 0, len(view.text) - (1 if last < len(text) else 0))
    yield Snippet(cell, (view,), cut)


def _mixed(text: str, tokens: Sequence[_Token], first: int, last: int) -> Iterator[Part]:
    """The text from `first` to `last` with its tokens decoded."""
    at = first
    for token in tokens:
        if at < token.start:
            yield Part(text[at : token.start], 3 * at, COPIED)
        yield from token.parts
        at = token.end
    if at < last:
        yield Part(text[at:last], 3 * at, COPIED)


def _tokens(text: str, places: Iterable[int]) -> Iterator[_Token]:
    taken = 0
    for place in places:
        if place >= taken and (token := _token(text, place)) is not None:
            taken = token.end
            yield token


def _token(text: str, place: int) -> _Token | None:
    match text[place]:
        case "%":
            return _percent_token(text, place)
        case "&":
            return _entity_token(text, place)
        case char if char in UNSEEN:
            return _unseen_token(text, place)
        case char if ord(char) in _NARROWED:
            return _full_width_token(text, place)
        case _:
            return _base64_token(text, place)


def _percent_token(text: str, place: int) -> _Token | None:
    match = _PERCENT.match(text, place)
    if match is None:
        return None
    raw = bytes.fromhex(match.group().replace("%", ""))
    parts = []
    for char, size in _characters(raw):
        parts.append(Part(char, 3 * place, 9 * size))
        place += 3 * size
    return _Token(match.start(), match.end(), tuple(parts))


def _characters(raw: bytes) -> Iterator[tuple[str, int]]:
    """Characters and their size in bytes; what is not UTF-8 is taken for Latin 1."""
    try:
        for char in raw.decode():
            yield char, len(char.encode())
    except UnicodeDecodeError:
        for byte in raw:
            yield chr(byte), 1


def _entity_token(text: str, place: int) -> _Token | None:
    match = _ENTITY.match(text, place)
    if match is None:
        return None
    char = html.unescape(match.group())
    if len(char) != 1:
        return None
    hides = _WRITTEN_ALIKE.fullmatch(match.group()) is None or (
        char in "&%" and _AFTER_AMPERSAND.match(text, match.end()) is not None
    )
    return _Token(place, match.end(), (Part(char, 3 * place, 3 * len(match.group())),), hides)


def _unseen_token(text: str, place: int) -> _Token | None:
    match = _UNSEEN.match(text, place)
    return _Token(place, match.end(), (), hides=False, may_hide=True) if match else None


def _full_width_token(text: str, place: int) -> _Token | None:
    match = _FULL_WIDTH.match(text, place)
    if match is None:
        return None
    narrowed = match.group().translate(_NARROWED)
    beside = text[max(0, place - 1) : place] + text[match.end() : match.end() + 1]
    digits_alone = narrowed.isdigit() and not _BESIDE.search(beside)  # patterns read these digits as they are
    parts = (Part(narrowed, 3 * place, COPIED, rewritten=True),)
    return _Token(place, match.end(), parts, hides=False, may_hide=not digits_alone)


def _tells(text: str, tokens: Sequence[_Token]) -> bool:
    """Whether something near the tokens that may hide an identifier tells of one."""
    places = [place for token in tokens if token.may_hide for place in (token.start, token.end)]
    if not places:
        return False
    near = text[max(0, places[0] - TELLING_REACH) : places[-1] + TELLING_REACH]
    return _TELLING.search(without_unseen(near)) is not None


def _base64_token(text: str, place: int) -> _Token | None:
    match = _BASE64.match(text, place)
    if match is None:
        return None
    lines = match.group().splitlines(keepends=True)
    try:
        decoded = _from_base64("".join(line.strip() for line in lines))
    except ValueError:
        return None
    if _CONTROL.search(decoded):
        return None
    starts, at, before = [], place, 0
    for line in lines:
        starts.append((before, 3 * at - 4 * before))
        at += len(line)
        before += len(line.strip().rstrip("=")) * 3 // 4
    return _Token(place, match.end(), tuple(_base64_parts(decoded, starts)))


def _from_base64(chars: str) -> str:
    """The text that stands as base64, of either alphabet, with or without padding.

    Raises:
        ValueError: it is none, or no text.
    """
    bare = chars.rstrip("=")
    if ("-" in bare or "_" in bare) and ("+" in bare or "/" in bare):
        raise ValueError("mixes two alphabets")
    raw = binascii.a2b_base64(bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4))
    return raw.decode()


def _base64_parts(decoded: str, lines: Sequence[tuple[int, int]]) -> Iterator[Part]:
    """Runs of decoded text; `lines` tells for each line its first byte and where byte 0 would stand, in thirds."""
    size, line = 0, 0
    for run in _even_runs(decoded, [first for first, _ in lines[1:]]):
        while line + 1 < len(lines) and size >= lines[line + 1][0]:
            line += 1
        width = len(run.encode()) // len(run)
        yield Part(run, lines[line][1] + 4 * size, 4 * width)
        size += len(run) * width


def _even_runs(decoded: str, breaks: Sequence[int]) -> Iterator[str]:
    """The text cut wherever a character takes another number of bytes than the one before, or a line begins."""
    borders = {0, len(decoded)}
    size = 0
    others = [(match.start(), len(match.group().encode())) for match in _NOT_ASCII.finditer(decoded)]
    at = 0
    ends = iter(breaks)
    end = next(ends, None)
    for place, width in [*others, (len(decoded), 1)]:
        while end is not None and size + (place - at) >= end:
            borders.add(at + max(0, end - size))
            end = next(ends, None)
        borders |= {place, min(place + 1, len(decoded))}
        size += place - at + width
        at = place + 1
    for low, high in pairwise(sorted(borders)):
        yield decoded[low:high]


def _both(inner: Snippet, outer: Snippet) -> tuple[int, int]:
    """Where the inner text is whole: where its own is, and does not reach a cut of the outer one."""
    view = inner.views[0]
    low, high = inner.whole
    while low < high and view.to_cell(low, low + 1)[0] < outer.whole[0]:
        low += 1
    while low < high and view.to_cell(high - 1, high)[1] > outer.whole[1]:
        high -= 1
    return low, high
