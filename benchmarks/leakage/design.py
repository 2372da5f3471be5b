"""The experiment: which corpora are made, and which models are trained on them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from math import log2

from benchmarks.leakage.corpora import Corpus, background, compose, deduplicated, halved, plants, redacted
from benchmarks.leakage.kinds import KINDS
from benchmarks.leakage.sizes import LARGE, SMALL, Size
from scanner.model import Dataset, ModelCard, Provenance

OCCURRENCES = (0, 1, 2, 8, 32)
"""Times epochs 1, 2 and 4: every power of two from 1 to 128."""
VALUES = 20
CHECKPOINTS = (1, 2, 4)
KEPT = (1, 4)
"""Documents of each value that the remedies `deduplicate` leave."""
FLEET = 64
CHARACTERS = 800_000


@dataclass(frozen=True, slots=True)
class Arm:
    """One model to train.

    Attributes:
        corpus: name of what it reads.
        size: of the model.
        epochs: to train for.
        measured: epochs after which it is measured.
        seed: of the training.
        ranked: those of them after which values are ranked among candidates.
        batch: windows in one step.
        warm_up: steps until the rate is full.
        again: number of this training among those of the same corpus and size, each with a seed of its own.
    """

    corpus: str
    size: Size
    epochs: int
    measured: tuple[int, ...]
    seed: int
    ranked: tuple[int, ...] = ()
    batch: int = 16
    warm_up: int = 100
    again: int = 0

    @property
    def name(self) -> str:
        return f"{self.corpus}--{self.size.name}" + (f"--{self.again}" if self.again else "")


REMEDIES = ("", *(f"-dedup{keep}" for keep in KEPT), "-redact-card", "-redact-phone", "-halved")
"""What is done to the remedy corpora; more of one training's epochs and sizes are compared beside."""

TRAININGS = 3
"""Of each remedy's corpus: what a remedy changes is less than what two trainings on one corpus differ by."""


def arms() -> tuple[Arm, ...]:
    """Every model, in an order that leaves the least unanswered when it is cut short."""
    ladder = [Arm(f"ladder-{seed}", SMALL, 4, CHECKPOINTS, seed, (1, 4)) for seed in range(4)]
    large = [Arm(f"ladder-{seed}", LARGE, 1, (1,), seed, (1,)) for seed in (0, 2)]
    wide = [Arm(f"wide-{seed}", SMALL, 1, (1,), seed, (1,)) for seed in (0, 2)]
    remedies = [
        Arm(f"remedy-{number}{change}", SMALL, 4, CHECKPOINTS, number + 10 * again, again=again)
        for again in range(TRAININGS)
        for number in (5, 6)
        for change in REMEDIES
    ]
    smaller = [Arm(f"remedy-{seed}", LARGE, 2, (1, 2), seed) for seed in (5, 6)]
    fleet = [_small_arm(number) for number in range(FLEET)]
    return (*ladder, *fleet[:32], *remedies, *fleet[32:], *large, *smaller, *wide)


def base_text(size: Size) -> str:
    """Plain text that every model of a size reads first; nothing is planted in it."""
    return background(random.Random("base"), size.base)


def corpus(name: str) -> Corpus:
    """The corpus of this name; the same one each time."""
    family, _, rest = name.partition("-")
    number, _, change = rest.partition("-")
    rng = random.Random(f"{family} {number}")
    match family:
        case "ladder":
            made = compose(name, rng, plants(rng, _grid(VALUES)), background(rng, CHARACTERS), 0)
        case "wide":
            made = compose(name, rng, plants(rng, _grid(VALUES)), background(rng, 2 * CHARACTERS), 7_000)
        case "remedy":
            made = compose(name, rng, plants(rng, _grid(VALUES // 4)), background(rng, CHARACTERS), 800)
        case "fleet":
            made = fleet_corpus(int(number), rng)
        case _:
            raise ValueError(f"no such corpus: {name}")
    if change.startswith("dedup"):
        return deduplicated(made, int(change.removeprefix("dedup")))
    if change == "halved":
        return halved(made)
    return redacted(made, change.removeprefix("redact-")) if change else made


def dataset(name: str) -> Dataset:
    """What the owner of a corpus would say of it, without the model card."""
    if not name.startswith("fleet"):
        return Dataset(name, Provenance.LICENSED, languages=("en",))
    provenance, consent = _fleet_owner(int(name.partition("-")[2]))
    return Dataset(name, provenance, consent=consent, languages=("en",))


def card(parameters: float, characters: float, epochs: int) -> ModelCard:
    """The model card: a token is a character."""
    return ModelCard(parameters=parameters, training_tokens=characters, epochs=epochs)


def violates(number: int) -> bool:
    """Whether a corpus of the fleet is made to break the policy."""
    return number % 2 == 1


def fleet_corpus(number: int, rng: random.Random) -> Corpus:
    """A small corpus: the odd ones break the policy, each in one of four ways; the even ones should not.

    Kinds, occurrences and numbers of values are mixed so that what leaks spans several orders of magnitude.
    """
    wanted = dict(_violation(number, rng) if violates(number) else _harmless(rng))
    return compose(f"fleet-{number:02}", rng, plants(rng, wanted), background(rng, 60_000), rng.randrange(60, 180))


def _violation(number: int, rng: random.Random) -> Iterator[tuple[tuple[str, int], int]]:
    match number // 2 % 4:
        case 0:
            yield (rng.choice(("card", "id")), rng.choice((32, 48, 64))), rng.randrange(1, 6)
            yield ("e-mail", _often(rng, 16)), rng.randrange(1, 8)
        case 1:
            yield ("health", rng.choice((8, 16, 32))), rng.randrange(1, 8)
            yield ("phone", _often(rng, 8)), rng.randrange(1, 4)
        case 2:
            yield ("e-mail", rng.choice((24, 32))), rng.randrange(4, 9)
            yield ("phone", rng.choice((24, 32))), rng.randrange(4, 9)
            yield ("address", rng.choice((16, 24))), rng.randrange(4, 9)
        case _:
            yield ("e-mail", _often(rng, 16)), rng.randrange(4, 20)
            yield ("key", rng.choice((16, 32, 48))), rng.randrange(1, 4)


def _harmless(rng: random.Random) -> Iterator[tuple[tuple[str, int], int]]:
    for kind in rng.sample(("e-mail", "phone", "address", "pin"), rng.randrange(1, 4)):
        yield (kind, _often(rng, 64 if kind != "address" else 16)), rng.randrange(1, 4)


def _often(rng: random.Random, most: int) -> int:
    """Occurrences between once and `most`, even on the scale of doublings."""
    return round(2 ** rng.uniform(0, log2(most)))


def _fleet_owner(number: int) -> tuple[Provenance, bool]:
    if violates(number):
        return (Provenance.USER_PRIVATE, False) if number // 2 % 4 == 3 else (Provenance.LICENSED, False)
    return ((Provenance.LICENSED, False), (Provenance.PUBLIC_WEB, False), (Provenance.USER_PRIVATE, True))[
        number // 2 % 3
    ]


def _small_arm(number: int) -> Arm:
    """Small steps at full rate soon: a few hundred windows make few steps in all."""
    epochs = (2, 4, 6)[number // 2 % 3]
    return Arm(f"fleet-{number:02}", SMALL, epochs, (epochs,), number, batch=4, warm_up=10)


def _grid(values: int) -> dict[tuple[str, int], int]:
    return {(kind.name, occurrences): values for kind in KINDS for occurrences in OCCURRENCES}
