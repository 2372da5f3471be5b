"""DuckDB over our own Parquet files, out of core: nothing here grows with their rows but temporary files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from scanner.rows import table_of

MEMORY_LIMIT = "1GB"


@contextmanager
def opened(
    scratch: Path | None, *, memory: str = MEMORY_LIMIT, ordered: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory.

    Args:
        scratch: folder for temporary files, made and removed here; None where there are to be none.
        memory: how much it may take, such as 512MB.
        ordered: rows keep their order, on one thread.
    """
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
    settings: dict[str, str | bool | int] = {
        "memory_limit": memory,
        "threads": 1 if ordered else 2,
        "temp_directory": str(scratch or ""),
        "preserve_insertion_order": ordered,
    }
    try:
        with duckdb.connect(":memory:", config={**settings, "autoinstall_known_extensions": False}) as connection:
            # DuckDB would draw a bar on stdout, where the verdict goes, as soon as a query takes two seconds.
            connection.execute("SET enable_progress_bar = false")
            yield connection
    finally:
        if scratch is not None:
            shutil.rmtree(scratch)


@contextmanager
def tables(files: Sequence[Path], schema: pa.Schema, scratch: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in which all files are the view `tables`; an empty one of that schema where there is no file.

    Args:
        files: Parquet files of the schema, in any order.
        schema: theirs.
        scratch: as for `opened`.
    """
    with opened(scratch) as connection:
        view(connection, "tables", files, schema)
        yield connection


def view(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
    """Make all files one view; an empty one of that schema where there is no file."""
    if files:
        connection.read_parquet([str(file) for file in files]).create_view(name)
    else:
        connection.from_arrow(schema.empty_table()).create_view(name)


def fill(connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, rows: Iterable[tuple[Any, ...]]) -> None:
    """Make a small table of rows, each in the order of the schema's fields."""
    connection.from_arrow(table_of(rows, schema)).create(name)
