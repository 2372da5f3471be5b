"""The names stage: what it finds, that it is spaCy's own network, and that only the cell decides."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.detectors.names import ModelSpec, Names, parse_models
from scanner.detectors.names.cues import from_capital, without_title
from scanner.detectors.names.dates import written
from scanner.detectors.names.evidence import Candidate, confidence, is_code
from scanner.detectors.names.lexicon import (
    FOLDER,
    folded,
    is_given_name,
    is_listed_name,
    is_place,
    is_small,
    is_surname,
    is_term,
)
from scanner.detectors.names.network import LEAST_CHANCE
from scanner.detectors.names.passages import LONG, LONGEST_WORD, split
from scanner.detectors.names.polish import candidates, polished
from scanner.detectors.names.reader import KEPT_WORDS, FastReader, PlainReader, Span
from scanner.errors import BadModel, BadRules
from scanner.model import Leaf

RULES = Path(__file__).parents[2] / "rules" / "models.yaml"

TEXTS = [
    "Dear Maria Lindqvist,\nthank you for the parcel. I moved to Lisbon on 14 March 2021.\nRegards,\nTom Becker",
    "Nothing to see here, only words about soup and rain.",
    "Yesterday Prime Minister Anna Weber met Swedish farmers near Lake Garda and flew back to Berlin.",
    'From: "Keller, Ruth" <ruth.keller@example.com>',
    "my name is peter jackson and i live in chicago",
]


@pytest.fixture(scope="module")
def models() -> Mapping[str, ModelSpec]:
    return parse_models(yaml.safe_load(RULES.read_text()), RULES.name)


@pytest.fixture(scope="module")
def names(models: Mapping[str, ModelSpec]) -> Names:
    return Names(models)


def check_found(names: Names, text: str, *wanted: tuple[str, str], language: str = "en") -> None:
    found = {(finding.entity, text[finding.start : finding.end]) for finding in names.find_text(text, language)}
    assert set(wanted) <= found


def check_clean(names: Names, text: str, entity: str, language: str = "en") -> None:
    assert not [finding for finding in names.find_text(text, language) if finding.entity == entity]


def test_people_places_and_dates_are_found_and_trimmed(names: Names) -> None:
    check_found(
        names,
        "Mrs. Helen Carter's house in Toronto was sold on 3 May 2019.",
        ("PERSON", "Helen Carter"),
        ("LOCATION", "Toronto"),
        ("DATE_TIME", "3 May 2019"),
    )


def test_french_is_read_by_the_french_model(names: Names) -> None:
    text = "Bonjour, Mme Claire Fontaine habite à Toulouse depuis le 5 juin 1998."
    wanted = ("PERSON", "Claire Fontaine"), ("LOCATION", "Toulouse"), ("DATE_TIME", "5 juin 1998")
    check_found(names, text, *wanted, language="fr")


def test_spanish_is_read_by_a_model_of_our_own(names: Names) -> None:
    text = "Hola, me llamo Lucía Fernández y vivo en Zaragoza desde el 5 de junio de 1998."
    wanted = ("PERSON", "Lucía Fernández"), ("LOCATION", "Zaragoza"), ("DATE_TIME", "5 de junio de 1998")
    check_found(names, text, *wanted, language="es")


def test_names_in_lower_case_and_in_capitals_are_found(names: Names) -> None:
    check_found(names, "my name is peter jackson and i live in chicago", ("PERSON", "peter jackson"))
    check_found(names, "PLEASE CALL JENNIFER COLLINS TODAY", ("PERSON", "JENNIFER COLLINS"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dear Zorblat,\nit is ready.", "Zorblat"),
        ("See you then.\nThanks,\nQuexly", "Quexly"),
        ("Vroomba Tixel | vroomba.tixel@example.com | 1", "Vroomba Tixel"),
    ],
)
def test_words_beside_a_name_show_it_is_one(names: Names, text: str, name: str) -> None:
    check_found(names, text, ("PERSON", name))


@pytest.mark.parametrize(
    ("span", "name"),
    [
        ("llamo Lucía Fernández", "Lucía Fernández"),
        ("de la Cruz", "de la Cruz"),
        ("soy de la Cruz", "de la Cruz"),
        ("peter jackson", "peter jackson"),
        ("by samantha Fox", "samantha Fox"),
        ("will Fox", "Fox"),
    ],
)
def test_a_name_opens_with_its_first_capital_or_a_particle(span: str, name: str) -> None:
    assert span[from_capital(span, 0, len(span)) :] == name


@pytest.mark.parametrize(("span", "name"), [("Aunt Toni", "Toni"), ("Dr. Lindqvist", "Lindqvist"), ("Mr. T", "Mr. T")])
def test_a_title_is_no_part_of_a_name_but_of_an_initial(span: str, name: str) -> None:
    assert span[without_title(span, 0, len(span)) :] == name


def test_a_span_that_the_lists_know_otherwise_is_weighed_as_both(models: Mapping[str, ModelSpec]) -> None:
    text = "I took a tip from Carrie and looked at Miramar"
    seen = [Span(18, 24, "GPE", 0.6), Span(39, 46, "PERSON", 0.7)]
    found = candidates(text, seen, [], models["en"])
    assert [(one.entity, text[one.start : one.end], one.first, one.other) for one in found] == [
        ("LOCATION", "Carrie", 0.6, 0.0),
        ("PERSON", "Carrie", 0.0, 0.6),
        ("LOCATION", "Miramar", 0.0, 0.7),
        ("PERSON", "Miramar", 0.7, 0.0),
    ]
    kept = list(polished(text, seen, [], models["en"]))
    assert all(one.end <= other.start for one, other in pairwise(kept))


def test_the_word_lists_are_sorted_and_folded() -> None:
    for file in FOLDER.glob("*.txt"):
        words = file.read_text(encoding="utf-8").splitlines()
        assert words == sorted({folded(word) for word in words}), file.name


def test_the_word_lists_tell_names_from_words() -> None:
    assert is_given_name("Laura")
    assert is_surname("Lopez")
    assert is_place("Antigua And Barbuda")
    assert is_small("Laughter")
    assert not any(map(is_small, ("Laura", "London", "")))
    assert not any(map(is_given_name, ("", "Excerpt")))
    assert all(map(is_term, ("Content-Length", "HTTPServer", "max_item", "getServer")))
    assert not any(map(is_term, ("", "Laura", "Laura Server", "Éric")))


@pytest.mark.parametrize("number", ["699 956 915", "0688 872 49 99", "4532 0151 1283 0366"])
def test_numbers_are_no_places(names: Names, number: str) -> None:
    check_clean(names, f"I would like to stop receiving messages to {number}", "LOCATION")


def test_what_somebody_says_is_no_place(models: Mapping[str, ModelSpec]) -> None:
    for said in ("Maybe if you post the question again", "Does anyone know where I can eat"):
        assert not candidates(said, [Span(0, len(said), "FAC", 0.9)], [], models["en"])
    for place in ("Will County", "12 Rue Si Je Veux, 75020 Paris", "Our Lady of the Rocks Street"):
        assert candidates(place, [Span(0, len(place), "FAC", 0.9)], [], models["en"])


def test_each_line_is_a_name_of_its_own(names: Names) -> None:
    text = "Participants:\nLaura Bennett\nMichael Turner\n"
    check_found(names, text, ("PERSON", "Laura Bennett"), ("PERSON", "Michael Turner"))


def test_durations_are_no_dates(names: Names) -> None:
    check_clean(names, "It took two years, with weekly calls every few months.", "DATE_TIME")


def test_source_code_holds_no_people(names: Names) -> None:
    code = (
        "export class KeyObject extends Base {\n  const parseJwk = await importKey(alg, octKey);\n  return Verify;\n}\n"
    )
    check_clean(names, code * 5, "PERSON")


def test_a_word_that_heads_a_sentence_is_no_group_of_people(names: Names) -> None:
    text = (
        "A force that acts for an instant halves its acceleration. Kinetic energy grows with the square of the speed."
    )
    check_clean(names, text, "NRP")


@pytest.mark.parametrize(
    ("other", "most"), [("24sec Mark", 0.5), ("Kibana 2.5", 0.5), ("9 Soapstone Chilling Cubes", 0.9), ("Step 2", 0.9)]
)
def test_a_number_with_neither_street_nor_town_beside_it_speaks_against_a_place(
    models: Mapping[str, ModelSpec], other: str, most: float
) -> None:
    def told(span: str) -> float:
        text = f"What we saw was {span}, and that was all."
        start = text.index(span)
        return confidence(text, Candidate("LOCATION", start, start + len(span), first=0.5), models["en"].weights)

    assert told(other) < most * told("24 Elm Street")
    assert told(other) < most * told("24 Aachen")


def test_in_source_code_a_name_that_no_list_knows_must_be_nearly_sure(names: Names) -> None:
    header = (
        '{{\n    "header": [\n        {{\n            name: "{}",\n            "value": [1, 2]\n        }}\n    ]\n}}\n'
    )
    for name in ("Content-Length", "Zorblat Server"):
        check_clean(names, header.format(name) * 3, "PERSON")
    check_found(names, header.format("Laura Bennett") * 3, ("PERSON", "Laura Bennett"))
    assert is_listed_name("Laura Zorblat")
    assert not is_listed_name("Content-Length")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-14 09:26:53,118 WARN [cart] Kafka broker may be down",
        "[ERROR] kubelet: Failed to pull image",
        "Mar 14 09:26:53 web-3 nginx[48]: Started worker",
        '203.0.113.7 - - [14/Mar/2026:09:26:53 +0000] "GET / HTTP/1.1" 200 5',
        "    at org.example.Cart.total(Cart.java:48)",
        "const parsed = await importKey(alg);",
        "import os\nfrom pathlib import Path",
        '{\n  "name": "Content-Length",\n' + 60 * " " + '"value": 4\n}\n',
        "          " * 12 + "name: {\n" + "          " * 12 + "value: [4]}\n",
    ],
)
def test_code_and_logs_are_told_by_their_lines_too(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "Let us meet in the morning, said Laura (who knows why).",
        "Name: Laura Bennett; Phone: 202-555-0143",
        "Hi team,\n\nthe parcels arrived (all three).\n\nRegards,\nLaura\n",
        "2026-03-14 09:26 <laura> did you see the film? :(",
        "",
    ],
)
def test_prose_and_records_are_no_code(text: str) -> None:
    assert not is_code(text)


def test_what_programs_call_things_is_no_person(names: Names) -> None:
    entry = (
        '{{\n    "headers": [\n        {{\n            "name": "{}",\n            "value": [4]\n        }}\n    ]\n}}\n'
    )
    check_clean(names, entry.format("Server") * 3, "PERSON")
    check_clean(names, "2026-03-14 09:26:53 INFO org.apache.kafka.clients.Fetcher started", "PERSON")
    check_clean(names, "0xffffffffffffffff", "LOCATION")
    check_found(names, entry.format("Laura Bennett") * 3, ("PERSON", "Laura Bennett"))


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("due 2021-03-14T09:26:53Z today", "2021-03-14T09:26:53Z"),
        ("due 3/14/2021.", "3/14/2021"),
        ("due March 14th, 2021", "March 14th, 2021"),
        ("le 1er mars 2004 à Paris", "1er mars 2004"),
        ("am 14. Oktober 2019 in Bonn", "14. Oktober 2019"),
        ("el 3 de agosto de 2020", "3 de agosto de 2020"),
        ("born in 1987 and", "1987"),
        ("see you Thursday", "Thursday"),
        ("valid until 05/2021,", "05/2021"),
        ("as of May-2021", "May-2021"),
    ],
)
def test_dates_are_told_by_their_form(text: str, date: str) -> None:
    assert date in [text[found.start : found.end] for found in written(text)]


@pytest.mark.parametrize("text", ["version 1.2.13", "3 out of 5", "call 201-555-0142", "room 1402", "99/99/2020"])
def test_other_numbers_are_no_dates(text: str) -> None:
    assert not list(written(text))


@pytest.mark.parametrize("language", ["en", "es", "fr"])
def test_the_fast_network_sees_what_spacy_sees(models: Mapping[str, ModelSpec], language: str, corpora: Path) -> None:
    name = {"en": "uner_ewt_dev", "es": "meddocan_dev", "fr": "echr_fr_manual"}[language]
    texts = pq.read_table(corpora / "labelled" / f"{name}.parquet")["text"].to_pylist()
    passages = [text[span.start : span.end] for text in texts[:40] for span in split(text)][:150]
    fast, plain = FastReader(models[language].load()), PlainReader(models[language].load())
    for seen, wanted in zip(fast.read(passages), plain.read(passages), strict=True):
        assert [replace(span, probability=1.0) for span in seen] == wanted


def test_a_likely_entity_is_seen_whatever_the_network_would_rather_see_there(models: Mapping[str, ModelSpec]) -> None:
    own, weighed = (
        FastReader(models["en"].load()),
        FastReader(models["en"].load(), {"GPE": "LOCATION", "LOC": "LOCATION"}),
    )
    texts = [
        *TEXTS,
        "The State Department Paris hands were left out.",
        "Austin and Jordan came, Madison and Paris left.",
    ]
    hidden = 0
    for chosen, seen in zip(own.read(texts), weighed.read(texts), strict=True):
        places = {(one.start, one.end): one.probability for one in seen if one.label in ("GPE", "LOC")}
        assert [one for one in seen if one.label not in ("GPE", "LOC")] == [
            one for one in chosen if one.label not in ("GPE", "LOC")
        ]
        assert all(chance >= LEAST_CHANCE for chance in places.values())
        for one in chosen:
            if one.label in ("GPE", "LOC"):
                assert places[one.start, one.end] >= one.probability
        hidden += len(places) - sum(one.label in ("GPE", "LOC") for one in chosen)
    assert hidden > 0


def test_a_cell_gives_the_same_findings_whatever_stands_beside_it(models: Mapping[str, ModelSpec]) -> None:
    alone = {text: Names(models).find_texts([text]).found.get(0, []) for text in TEXTS[:2]}
    names, order = Names(models), random.Random(4)
    for _ in range(3):
        shuffled = order.sample(TEXTS * 3, k=12)
        found = names.find_texts(shuffled).found
        again = names.find_texts(shuffled).found
        assert found == again
        names.forget()
        for cell, text in enumerate(shuffled):
            assert text not in alone or found.get(cell, []) == alone[text]


def test_probabilities_do_not_depend_on_the_batch_to_the_last_bit(models: Mapping[str, ModelSpec]) -> None:
    fast = FastReader(models["en"].load())
    alone = [next(fast.read([text])) for text in TEXTS]
    assert list(fast.read(TEXTS)) == alone
    assert list(fast.read(TEXTS[::-1]))[::-1] == alone


def test_the_vocabulary_stops_growing(models: Mapping[str, ModelSpec]) -> None:
    pipeline = models["en"].load()
    fast, letters = FastReader(pipeline), random.Random(1)
    strange = ["".join(letters.choices("abcdefgh", k=9)) for _ in range(KEPT_WORDS + 20_000)]
    passages = [" ".join(strange[start : start + 100]) for start in range(0, len(strange), 100)]
    list(fast.read(passages[: KEPT_WORDS // 100 + 64]))
    before = len(pipeline.vocab.strings)
    list(fast.read(passages[KEPT_WORDS // 100 + 64 :]))
    assert len(pipeline.vocab.strings) == before


def test_offsets_count_code_points(names: Names) -> None:
    text = "😀😀 é́ Helen Carter lives in Toronto. " * 40
    for finding in names.find_text(text):
        assert text[finding.start : finding.end] in {"Helen Carter", "Toronto"}


def test_bytes_read_and_unread_add_up_to_the_cells(names: Names) -> None:
    values = [*TEXTS, "Ich heiße Jürgen und wohne seit vielen Jahren mit meiner Familie in Köln.", "x" * 5000]
    leaf = Leaf("text", pa.array(values, pa.large_string()), np.arange(len(values)), np.zeros(len(values), np.int32))
    result = names.find(leaf)
    total = sum(result.read_bytes.values()) + sum(result.unread_bytes.values())
    assert total == sum(len(value.encode()) for value in values)
    assert result.unread_bytes == {"de": 76, "und": 5000}


def test_a_declared_language_column_decides_who_reads(names: Names) -> None:
    result = names.find_texts(["Helen Carter", "Helen Carter"], column=["de", "en-GB"])
    assert list(result.found) == [1]
    assert result.unread_bytes == {"de": 12}


@given(st.text(alphabet=st.sampled_from("ab. \n\tX😀"), max_size=3000))
@settings(max_examples=50)
def test_passages_cover_a_text_and_are_bounded(text: str) -> None:
    passages = list(split(text))
    assert "".join(text[passage.start : passage.end] for passage in passages) == text
    assert all(passage.end - passage.start <= LONG for passage in passages if passage.readable)


def test_a_run_without_spaces_is_not_read() -> None:
    passages = list(split("before " + "x" * (LONGEST_WORD + 1) + " after"))
    assert [passage.readable for passage in passages] == [True, False, True]


def test_an_absent_model_says_what_to_install(models: Mapping[str, ModelSpec]) -> None:
    with pytest.raises(BadModel, match="pip install no-such-model==1"):
        Names({"en": replace(models["en"], package="no_such_model", install="no-such-model==1")})


def test_a_model_with_other_bytes_is_refused(models: Mapping[str, ModelSpec]) -> None:
    with pytest.raises(BadModel, match="not those known"):
        replace(models["en"], sha256="0" * 64).load()


def test_all_faults_of_the_models_file_are_told_at_once() -> None:
    document = {"models": {"en": {"labels": {}}, "de": {"package": "x", "labels": {"PER": "PERSON"}, "colour": 1}}}
    with pytest.raises(BadRules) as caught:
        parse_models(document, "models.yaml")
    assert len(caught.value.faults) == 3
