"""Random access over range requests: what is wanted is read once, ahead and in bounded pieces; nothing else moves.

A reader tells which parts of the file it is going to read (`expect`). If they fit into `HELD_BYTES` together, each
byte of them is fetched once and held until the next parts are told. If they do not, page headers are first looked at
one by one, and the parts are then streamed in blocks (`stream`). A thread fetches one block after the other, those
that are waited for and those that come next, so that the reader works on one while the next is on its way.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from scanner.errors import StoreFailed

Extent = tuple[int, int]
"""First byte and one past the last."""

HELD_BYTES = 64 << 20
BLOCK_BYTES = 8 << 20
AHEAD_BLOCKS = 2
"""Blocks on their way at once, beside those that are held; all of them together are no more than `HELD_BYTES`."""

SMALLEST_BLOCK_BYTES = 16 << 10
TAIL_BYTES = 16 << 10
"""Read at once from the end of the file: most footers fit, and it is little beside the columns of most shards."""

NEAR_BYTES = 64 << 10
WALK_BYTES = 1 << 20
"""Headers that lie nearer to each other than `NEAR_BYTES` are looked at in pieces of this size: a request takes longer
than so many bytes. A column of small pages that cannot be held thus moves twice, all others once."""


class Ranges:
    """Bytes of a file of known size, fetched as they are needed.

    Args:
        size_bytes: of the file.
        fetch: gives the bytes in `[start, stop)`, all of them.
        tail: the last bytes of the file, if they are known.
    """

    def __init__(self, size_bytes: int, fetch: Callable[[int, int], bytes], tail: bytes = b"") -> None:
        self.size_bytes = size_bytes
        self._fetch = fetch
        self._tail = tail
        self._thread = ThreadPoolExecutor(1)
        self._extents: list[Extent] = []
        self._block_bytes = 0
        self._streams = False
        self._held: OrderedDict[Extent, Future[bytes]] = OrderedDict()
        self._coming: deque[Extent] = deque()
        self._walked: tuple[int, bytes] = (0, b"")
        self._walked_to = -NEAR_BYTES

    @property
    def tail(self) -> bytes:
        """The last bytes of the file, as far as they were looked at."""
        return self._tail

    def close(self) -> None:
        """Fetch nothing more."""
        self._thread.shutdown(cancel_futures=True)

    def expect(self, extents: Iterable[Extent], then: Iterable[Extent] = ()) -> None:
        """Tell what is going to be read next; what was held before is let go.

        Args:
            extents: what is read.
            then: what is read after it; fetched ahead as far as both can be held together.
        """
        self._extents, after = _joined(extents, self.size_bytes), _joined(then, self.size_bytes)
        self._walked, self._walked_to = (0, b""), -NEAR_BYTES
        room = HELD_BYTES - _bytes_of(self._extents)
        self._streams, self._block_bytes = False, BLOCK_BYTES if room >= 0 else 0
        known = self._extents + (after if _bytes_of(after) <= room else [])
        self._coming = deque(block for extent in known for block in _cut(extent, BLOCK_BYTES) if room >= 0)
        self._keep(set(self._coming))

    def stream(self, extents: Iterable[Extent]) -> None:
        """Tell what is going to be read from beginning to end, several parts side by side."""
        if self._block_bytes and not self._streams:
            return
        self._extents = _joined(extents, self.size_bytes)
        self._streams = True
        self._keep(set())
        share = HELD_BYTES // (2 * max(len(self._extents), 1))
        self._block_bytes = min(BLOCK_BYTES, max(SMALLEST_BLOCK_BYTES, share))

    def read_at(self, count: int, at: int) -> bytes:
        """At most `count` bytes from `at`, fewer only at the end of the file.

        Raises:
            StoreFailed: the bytes cannot be had.
        """
        stop = min(at + count, self.size_bytes)
        parts = []
        while at < stop:
            start, data = self._piece(at, stop)
            part = data[at - start : stop - start]
            parts.append(part)
            at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _piece(self, at: int, stop: int) -> tuple[int, bytes]:
        """Bytes that hold the one at `at`, and where they start."""
        known = self.size_bytes - len(self._tail)
        if at >= min(known, self.size_bytes - TAIL_BYTES):
            return self._from_tail(at, known)
        extent = self._extent(at)
        if extent is None:
            # Of a footer that is longer than the tail, the rest is kept too: each unit of the shard looks at it.
            data = self._now(at, min(stop, known))
            if at + len(data) == known and self._tail:
                self._tail = data + self._tail
            return at, data
        return self._block(at, extent) if self._block_bytes else self._walk(at, stop, extent)

    def _from_tail(self, at: int, known: int) -> tuple[int, bytes]:
        if at < known:
            start = min(at, max(self.size_bytes - TAIL_BYTES, 0))
            self._tail = self._now(start, known) + self._tail
        return self.size_bytes - len(self._tail), self._tail

    def _extent(self, at: int) -> Extent | None:
        index = bisect_right(self._extents, (at, self.size_bytes + 1)) - 1
        if index >= 0 and at < self._extents[index][1]:
            return self._extents[index]
        return None

    def _block(self, at: int, extent: Extent) -> tuple[int, bytes]:
        start = extent[0] + (at - extent[0]) // self._block_bytes * self._block_bytes
        block = start, min(start + self._block_bytes, extent[1])
        asked = self._asked(block)
        if self._streams:
            self._stream_on(block, extent)
        else:
            self._look_ahead()
        return start, asked.result()

    def _asked(self, block: Extent) -> Future[bytes]:
        if block not in self._held:
            self._held[block] = self._thread.submit(self._fetch, *block)
        return self._held[block]

    def _look_ahead(self) -> None:
        """Ask for blocks that come next, a few at a time."""
        under_way = sum(not one.done() for one in self._held.values())
        while self._coming and under_way < AHEAD_BLOCKS:
            block = self._coming.popleft()
            under_way += block not in self._held
            self._asked(block)

    def _stream_on(self, block: Extent, extent: Extent) -> None:
        """Ask for the part's next block, and let go of those that lie before the one that was read last."""
        self._held.move_to_end(block)
        if block[1] < extent[1]:
            self._asked((block[1], min(block[1] + self._block_bytes, extent[1])))
        most = max(HELD_BYTES // self._block_bytes, 2 * len(self._extents))
        behind = [one for one in self._held if extent[0] <= one[0] < block[0]]
        for one in behind[: max(0, len(self._held) - most)]:
            del self._held[one]

    def _keep(self, blocks: set[Extent]) -> None:
        """Let go of all that is held, or on its way, but these."""
        for block in self._held.keys() - blocks:
            self._held.pop(block).cancel()

    def _now(self, start: int, stop: int) -> bytes:
        return self._thread.submit(self._fetch, start, stop).result()

    def _walk(self, at: int, stop: int, extent: Extent) -> tuple[int, bytes]:
        start, data = self._walked
        if start <= at < start + len(data):
            self._walked_to = stop
            return self._walked
        near = 0 <= at - self._walked_to < NEAR_BYTES
        end = min(at + WALK_BYTES, extent[1]) if near else min(stop, extent[1])
        self._walked_to = stop
        self._walked = at, self._now(at, end)
        return self._walked


class RangeFile(io.RawIOBase):
    """Ranges as a Python file, for `pyarrow.PythonFile`.

    Attributes:
        fault: why a read failed, if one did; Arrow does not pass it on.
    """

    def __init__(self, ranges: Ranges) -> None:
        super().__init__()
        self._ranges = ranges
        self._at = 0
        self.fault: StoreFailed | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Let the next read begin there."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ranges.size_bytes}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes.

        Raises:
            OSError: they cannot be had; `fault` says why.
        """
        count = self._ranges.size_bytes - self._at if size is None or size < 0 else size
        try:
            data = self._ranges.read_at(count, self._at)
        except StoreFailed as error:
            self.fault = error
            raise OSError("the store failed") from None
        self._at += len(data)
        return data


def _bytes_of(extents: Iterable[Extent]) -> int:
    return sum(stop - start for start, stop in extents)


def _cut(extent: Extent, block_bytes: int) -> list[Extent]:
    """The blocks that an extent is fetched in."""
    start, stop = extent
    return [(at, min(at + block_bytes, stop)) for at in range(start, stop, block_bytes)]


def _joined(extents: Iterable[Extent], size_bytes: int) -> list[Extent]:
    """The extents in order, within the file, those that touch or overlap made one."""
    joined: list[Extent] = []
    for start, stop in sorted((max(start, 0), min(stop, size_bytes)) for start, stop in extents):
        if stop <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined
