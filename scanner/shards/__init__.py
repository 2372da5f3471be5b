"""Shards: finding Parquet files, splitting them into units, and reading their columns as text."""

from scanner.shards.facts import GroupFacts, ShardFacts, Unit, inspect, units
from scanner.shards.find import Shard, find, meets
from scanner.shards.read import AsksNumbers, Batch, ReadOptions, leaf_bytes, read
from scanner.shards.source import glance

__all__ = [
    "AsksNumbers",
    "Batch",
    "GroupFacts",
    "ReadOptions",
    "Shard",
    "ShardFacts",
    "Unit",
    "find",
    "glance",
    "inspect",
    "leaf_bytes",
    "meets",
    "read",
    "units",
]
