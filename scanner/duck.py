"""DuckDB over our own Parquet files, out of core: nothing here grows with their rows but temporary files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

MEMORY_LIMIT = "1GB"


@contextmanager
def opened(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory.

    Args:
        scratch: folder for temporary files, made and removed here.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    settings = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 2,
        "temp_directory": str(scratch),
        "preserve_insertion_order": False,
    }
    try:
        with duckdb.connect(":memory:", config={**settings, "autoinstall_known_extensions": False}) as connection:
            # DuckDB would draw a bar on stdout, where the verdict goes, as soon as a query takes two seconds.
            connection.execute("SET enable_progress_bar = false")
            yield connection
    finally:
        shutil.rmtree(scratch)


@contextmanager
def tables(files: Sequence[Path], schema: pa.Schema, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in which all files are the view `tables`; an empty one of that schema where there is no file.

    Args:
        files: Parquet files of the schema, in any order.
        schema: theirs.
        scratch: folder for temporary files, made and removed here.
    """
    with opened(scratch) as connection:
        if files:
            connection.read_parquet([str(file) for file in files]).create_view("tables")
        else:
            connection.from_arrow(schema.empty_table()).create_view("tables")
        yield connection
