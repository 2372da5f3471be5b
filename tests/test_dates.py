"""Dates keep the form that they had."""

from __future__ import annotations

import pytest

from scanner.dates import generalised, shifted


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2024-02-28", "2024-03-01"),
        ("2024/2/28 10:15:00", "2024/3/1 10:15:00"),
        ("02/28/2024", "03/01/2024"),
        ("28/02/2024", "01/03/2024"),
        ("28.02.2024", "01.03.2024"),
        ("28.2.24", "1.3.24"),
        ("20240228", "20240301"),
        ("February 28, 2024", "March 1, 2024"),
        ("FEBRUARY 28 2024", "MARCH 1 2024"),
        ("Feb 28", "Mar 1"),
        ("28 février 2024", "1 mars 2024"),
        ("28 de febrero de 2024", "1 de marzo de 2024"),
        ("28. Februar 2024", "1. März 2024"),
        ("born on 28 February 2024 in spring", "born on 1 March 2024 in spring"),
        ("1999", "2000"),
        ("December 1999", "December 1999"),
    ],
)
def test_a_date_moves_by_two_days_in_its_own_form(text: str, moved: str) -> None:
    assert shifted(text, 2) == moved


@pytest.mark.parametrize("text", ["yesterday", "9:30 am", "", "99-99-9999"])
def test_what_is_no_date_does_not_move(text: str) -> None:
    assert shifted(text, 2) is None


def test_a_date_is_told_by_year_or_month() -> None:
    assert generalised("February 28, 2024", "year") == "2024"
    assert generalised("02/28/2024", "month") == "2024-02"
    assert generalised("in 1987", "month") == "1987"
    assert generalised("yesterday", "year") is None
    assert generalised("Feb 28", "year") is None
