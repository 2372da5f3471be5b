"""What the rest of a passage says of a name: the same words seen elsewhere, or one of them alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanner.detectors.names.evidence import Candidate

CUED = 0.9
"""Probability that a candidate lends to others at least, where a word beside it says that it is a name."""

_EDGES = " .,;:!?'\"’“”()"


def echoed(passage: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with what others in the passage say of them; takes time linear in their number.

    Args:
        passage: the text.
        candidates: by position, none of one entity overlapping.
    """
    words = [_words(passage[one.start : one.end]) for one in candidates]
    alike: dict[tuple[str, ...], dict[str, list[Candidate]]] = defaultdict(dict)
    sharing: dict[tuple[str, str, bool], float] = defaultdict(float)
    for one, own in zip(candidates, words, strict=True):
        alike[own].setdefault(one.entity, []).append(one)
        for word in set(own):
            key = (one.entity, word, len(own) == 1)
            sharing[key] = max(sharing[key], probability(one))
    for group in alike.values():
        for same in group.values():
            same.sort(key=probability, reverse=True)
    return [
        replace(
            one,
            same=_best(one, alike[own][one.entity]),
            same_other=max(
                (_best(one, same) for entity, same in alike[own].items() if entity != one.entity), default=0.0
            ),
            shared=max((sharing.get((one.entity, word, len(own) > 1), 0.0) for word in own), default=0.0),
        )
        for one, own in zip(candidates, words, strict=True)
    ]


def probability(candidate: Candidate) -> float:
    """How likely the model holds a candidate, whichever way it read the text; a cue counts as `CUED`."""
    return max(candidate.first, candidate.again, CUED if candidate.cue else 0.0)


def _best(one: Candidate, likeliest_first: Iterable[Candidate]) -> float:
    """Probability of the likeliest candidate that does not overlap, 0 where there is none."""
    return next(
        (probability(other) for other in likeliest_first if other.end <= one.start or one.end <= other.start), 0.0
    )


def _words(span: str) -> tuple[str, ...]:
    return tuple(word.strip(_EDGES).lower() for word in span.split())
