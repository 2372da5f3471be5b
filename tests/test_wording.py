"""Numbers in sentences."""

from __future__ import annotations

import pytest

from scanner.remedies import Action, Kind
from scanner.wording import plural


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1, "1 epoch"),
        (1.0, "1 epoch"),
        (0, "0 epochs"),
        (2, "2 epochs"),
        (0.5, "0.5 epochs"),
        (1e9, "1,000,000,000 epochs"),
    ],
)
def test_one_is_singular_and_all_else_plural(number: float, told: str) -> None:
    assert plural(number, "epoch") == told


def test_a_remedy_of_one_epoch_is_told_in_the_singular() -> None:
    assert Action(Kind.EPOCHS, amount=1.0).title == "train for 1 epoch"
    assert Action(Kind.EPOCHS, amount=3.0).title == "train for 3 epochs"
