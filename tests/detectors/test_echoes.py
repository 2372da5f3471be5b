"""What the rest of a passage says of a name."""

from __future__ import annotations

import random

from scanner.detectors.names.echoes import CUED, echoed, probability
from scanner.detectors.names.evidence import Candidate

PASSAGE = "Ada Nowak wrote. Nowak left Ravenna. Ravenna! Nowak"


def _candidate(entity: str, words: str, first: float, *, at: int = 0, cue: bool = False) -> Candidate:
    start = PASSAGE.index(words, at)
    return Candidate(entity, start, start + len(words), first=first, cue=cue)


def test_the_same_words_elsewhere_speak_for_a_name_and_another_entity_against_it() -> None:
    town, again = _candidate("LOCATION", "Ravenna", 0.8), _candidate("PERSON", "Ravenna", 0.3, at=36)
    here, there = echoed(PASSAGE, [town, again])
    assert (here.same, here.same_other) == (0, 0.3)
    assert (there.same, there.same_other) == (0, 0.8)


def test_a_word_of_a_longer_name_speaks_for_it_both_ways() -> None:
    whole, alone = _candidate("PERSON", "Ada Nowak", 0.7), _candidate("PERSON", "Nowak", 0.4, at=17)
    last = _candidate("PERSON", "Nowak", 0.2, at=45, cue=True)
    first, second, third = echoed(PASSAGE, [whole, alone, last])
    assert (first.shared, first.same) == (CUED, 0)
    assert (second.shared, second.same) == (0.7, CUED)
    assert (third.shared, third.same) == (0.7, 0.4)


def test_what_stands_at_the_same_place_says_nothing() -> None:
    both = [_candidate("LOCATION", "Ravenna", 0.8), _candidate("PERSON", "Ravenna", 0.3)]
    assert all((one.same, one.same_other, one.shared) == (0, 0, 0) for one in echoed(PASSAGE, both))


def test_it_tells_what_comparing_all_pairs_tells() -> None:
    chooser = random.Random(3)
    words = ["Ada", "Nowak", "Ada Nowak", "Ravenna", "Port Ravenna"]
    text = ""
    candidates: list[Candidate] = []
    for _ in range(300):
        word = chooser.choice(words)
        candidates += [
            Candidate(entity, len(text), len(text) + len(word), round(chooser.random(), 3))
            for entity in chooser.sample(("PERSON", "LOCATION", "NRP"), chooser.randint(1, 2))
        ]
        text += word + ". "
    for one in echoed(text, candidates):
        others = [other for other in candidates if other.end <= one.start or one.end <= other.start]
        own = text[one.start : one.end]
        alike = [other for other in others if text[other.start : other.end] == own]
        assert one.same == max((probability(o) for o in alike if o.entity == one.entity), default=0)
        assert one.same_other == max((probability(o) for o in alike if o.entity != one.entity), default=0)
        parts = [
            probability(other)
            for other in others
            for theirs in [text[other.start : other.end].split()]
            if other.entity == one.entity
            and (len(theirs) == 1) != (len(own.split()) == 1)
            and set(theirs) & set(own.split())
        ]
        assert one.shared == max(parts, default=0)
