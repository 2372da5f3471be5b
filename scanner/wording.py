"""Numbers in sentences, the same in titles, gates and reports."""

from __future__ import annotations


def count(number: float) -> str:
    """Whole numbers with thousands apart, others with up to three digits: `12,040`, `0.5`."""
    return f"{number:,.0f}" if number == int(number) else f"{number:.3g}"


def plural(number: float, noun: str) -> str:
    """`1 shard`, `2 shards`, `0.5 epochs`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"
