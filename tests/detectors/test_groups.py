"""Words for nations, religions and politics, and what is found in languages without a model."""

from __future__ import annotations

import pytest

from scanner.detectors.names import Names
from scanner.detectors.names.groups import groups
from scanner.model import Finding


def words(text: str) -> list[str]:
    return [text[group.start : group.end] for group in groups(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Swedish and ecuadorean guests met two Poles.", ["Swedish", "ecuadorean", "Poles"]),
        ("My neighbour is a devout Muslim, her husband is Jewish.", ["Muslim", "Jewish"]),
        ("une ressortissante norvégienne et des Kurdes irakiens", ["norvégienne", "Kurdes", "irakiens"]),
        ("ciudadana peruana de padres españoles y católicos", ["peruana", "españoles", "católicos"]),
        ("eine türkische Ärztin, zwei Ukrainerinnen", ["türkische", "Ukrainerinnen"]),
        ("een Poolse loodgieter en drie Duitsers", ["Poolse", "Duitsers"]),
        ("un cittadino tunisino e due svizzere", ["tunisino", "svizzere"]),
    ],
)
def test_a_word_for_a_group_counts_in_its_forms(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "polish the shoes before you go to the pool, it is a fine day",
        "China, Indonesia, Serbia, Norway and Argentina",
        "a conservative estimate, a liberal dose, an evangelical tone",
        "see american.example.com or write to irish@example.com",
        "a pole, the poles of a magnet and a swiss roll",
    ],
)
def test_words_of_every_day_and_places_do_not_count(text: str) -> None:
    assert words(text) == []


def test_a_language_without_a_model_keeps_dates_and_groups_and_counts_as_unread() -> None:
    text = "El 12 de marzo de 1997 la demandante, de nacionalidad peruana, llegó a la ciudad."
    result = Names({}).find_texts(["", text], ("es",))
    assert result.found == {
        1: [Finding("DATE_TIME", 3, 22, 0.95, "names.date"), Finding("NRP", 54, 61, 0.75, "names.group")]
    }
    assert result.unread_bytes == {"es": len(text.encode())}
