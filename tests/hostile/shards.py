"""Shards that are broken or lie, made in code. Each maker writes one file."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

CANARY = "Quixotina-Example-7731"

Make = Callable[[Path], Any]


def table(rows: int = 200) -> pa.Table:
    return pa.table({"text": [f"{CANARY} {row}" for row in range(rows)], "other": [str(row) for row in range(rows)]})


def empty(path: Path) -> None:
    path.write_bytes(b"")


def not_parquet(path: Path) -> None:
    path.write_text(f"{CANARY},1\n" * 100)


def only_magic(path: Path) -> None:
    path.write_bytes(b"PAR1")


def truncated(path: Path) -> None:
    pq.write_table(table(), path)
    path.write_bytes(path.read_bytes()[:-100])


def footer_of_noise(path: Path) -> None:
    pq.write_table(table(), path)
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[-8:-4], "little")
    data[-8 - length : -8] = random.Random(1).randbytes(length)
    path.write_bytes(bytes(data))


def footer_too_long(path: Path) -> None:
    pq.write_table(table(), path)
    data = bytearray(path.read_bytes())
    data[-8:-4] = (0x7FFFFFFF).to_bytes(4, "little")
    path.write_bytes(bytes(data))


class _Kms(pe.KmsClient):  # type: ignore[misc]
    """A key service that wraps nothing: enough to write an encrypted file."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return key_bytes.hex().encode()

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return bytes.fromhex(wrapped_key.decode())


def _encrypted(path: Path, plaintext_footer: bool) -> None:
    factory = pe.CryptoFactory(lambda _: _Kms())
    config = pe.EncryptionConfiguration(footer_key="f", column_keys={"c": ["text"]}, plaintext_footer=plaintext_footer)
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), config)
    with pq.ParquetWriter(path, table().schema, encryption_properties=properties) as writer:
        writer.write_table(table())


def encrypted(path: Path) -> None:
    _encrypted(path, plaintext_footer=False)


def encrypted_column(path: Path) -> None:
    _encrypted(path, plaintext_footer=True)


def _replaced_in_footer(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert old in data[start:]
    assert len(old) == len(new)
    path.write_bytes(data[:start] + data[start:].replace(old, new))


def unknown_codec(path: Path) -> None:
    """The footer names LZO, which Arrow cannot read; field 4 of ColumnMetaData, i32, zigzag."""
    one = pa.table({"text": [CANARY] * 50})
    pq.write_table(one, path, compression="snappy")
    _replaced_in_footer(path, b"\x18\x04text\x15\x02", b"\x18\x04text\x15\x06")


def unknown_codec_beside_others(path: Path) -> None:
    """Of three columns the one in the middle names LZO."""
    one = pa.table({name: [f"{CANARY} {name}"] * 50 for name in ("before", "text", "after")})
    pq.write_table(one, path, compression="snappy")
    _replaced_in_footer(path, b"\x18\x04text\x15\x02", b"\x18\x04text\x15\x06")


def contradicting(path: Path) -> None:
    """A list of structs whose one child has three items where the other has two: its pages are another file's."""
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}

    def column(turns: list[list[dict[str, str]]]) -> tuple[int, bytes]:
        pq.write_table(pa.table({"text": ["one", "two"], "turns": turns}), path, **plain)
        chunk = pq.ParquetFile(path).metadata.row_group(0).column(2)
        start = chunk.data_page_offset
        return start, path.read_bytes()[start : start + chunk.total_compressed_size]

    one = {"a": "x", "b": "y"}
    _, two = column([[], [one, {"a": "x", "b": "yyyy"}]])
    start, three = column([[one], [one, one]])
    assert len(two) == len(three)
    data = path.read_bytes()
    path.write_bytes(data[:start] + two + data[start + len(three) :])


def more_rows_claimed(path: Path) -> None:
    """The footer claims 126 rows where the pages hold 125; zigzag varints of two bytes."""
    pq.write_table(pa.table({"text": [f"{CANARY} {row}" for row in range(125)]}), path, write_statistics=False)
    _replaced_in_footer(path, b"\xfa\x01", b"\xfc\x01")


def broken_page(path: Path) -> int:
    """Two row groups of many pages; a page in the middle of the first is noise. Gives the number of rows."""
    texts = pa.table({"text": [f"{CANARY} {row} {row * 7919 % 10007:x}" * 20 for row in range(6000)]})
    pq.write_table(texts, path, row_group_size=5000, data_page_size=20_000, write_batch_size=50, use_dictionary=False)
    data = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    data[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(bytes(data))
    return 6000


def broken_nested_page(path: Path) -> int:
    """Chats in two row groups; a page of `messages[].content` in the middle of the first is noise. Gives the rows."""
    rows, group_rows = 2000, 1500
    chats = [
        [{"role": f"user{row}", "content": f"{CANARY} {row} {turn} {row * 7919 % 10007:x}" * 5} for turn in range(2)]
        for row in range(rows)
    ]
    table = pa.table(
        {"text": [f"text {row}" for row in range(rows)], "messages": chats, "id": [str(r) for r in range(rows)]}
    )
    pq.write_table(
        table, path, row_group_size=group_rows, data_page_size=20_000, write_batch_size=50, use_dictionary=False
    )
    group = pq.ParquetFile(path).metadata.row_group(0)
    (chunk,) = [group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema.endswith("content")]
    data = bytearray(path.read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    data[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(bytes(data))
    return rows


def flipped(path: Path, seed: int) -> None:
    """A shard with some bytes changed, anywhere but in the magic."""
    noise = random.Random(seed)
    nested = pa.table(
        {
            "text": ["a" * 50] * 300,
            "list": [["b", None]] * 300,
            "map": pa.array([[("k", "v")]] * 300, pa.map_(pa.string(), pa.string())),
        }
    )
    pq.write_table(nested, path, row_group_size=100, use_dictionary=bool(seed % 2))
    data = bytearray(path.read_bytes())
    for _ in range(1 + seed % 5):
        data[noise.randrange(4, len(data) - 8)] = noise.randrange(256)
    path.write_bytes(bytes(data))


def not_utf8(path: Path) -> None:
    """A column that says it is text, with a cell that is none."""
    data = b"fine" + b"\xff\xfe\x80!" + b"also fine"
    offsets = np.array([0, 4, 8, len(data)], np.int32)
    texts = pa.StringArray.from_buffers(3, pa.py_buffer(offsets), pa.py_buffer(data))
    pq.write_table(pa.table({"text": texts}), path)


UNREADABLE: list[Make] = [
    empty,
    not_parquet,
    only_magic,
    truncated,
    footer_of_noise,
    footer_too_long,
    encrypted,
    encrypted_column,
]
LYING: list[Make] = [unknown_codec, more_rows_claimed]
