"""An invented labelled set for the entities that no labelled set at hand has, built from templates and a seed.

    python -m benchmarks.invented OUT.parquet [--development]

The sentences were written for this file, apart from the rules and their examples, as people and systems write:
with and without labels, in several languages, some in ways that no rule knows. Others hold what looks like an entity
and is none. Numbers are random, with right check digits where the kind has them. Every second template is held out:
rules were mended with the misses of the others (`--development`) alone. A figure measured here says less than one
measured on found text, and `rules/calibration.yaml` names the set beside every figure that rests on it.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import stdnum.luhn
import stdnum.verhoeff
from stdnum.be import nn as belgian
from stdnum.br import cpf
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import nif

SEED = 20240501
COPIES = 8
"""Texts made of each template, each with other values."""

REMARKS = frozenset({"HEALTH", "MINOR", "ARTICLE_9"})
REMARK_COPIES = 3
"""Fewer of a remark, whose words are the template's own: copies would feign certainty."""

NAME = "invented"
"""Name of the set in label maps and calibrations."""

FIRST = """Ada Bruno Chloe Dario Elif Farid Greta Hugo Ines Jonas Katya Luca Mira Noah Olga Pablo Rosa Sami Tess
    Yusuf""".split()
LAST = (
    "Abel Borg Costa Dahl Evans Ferri Grau Holm Ivanov Jansen Kowal Lopes Moreau Novak Okafor Petrov Roth Silva".split()
)

Random = random.Random


def _digits(draw: Random, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


def _letters(draw: Random, count: int) -> str:
    return "".join(draw.choices("ABCDEFGHJKLMNPRSTVWXYZ", k=count))


def _hex(draw: Random, count: int) -> str:
    return "".join(draw.choices("0123456789abcdef", k=count))


def _grouped(text: str, *sizes: int, by: str = " ") -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return by.join(parts)


def _until(valid: Callable[[str], bool], make: Callable[[], str]) -> str:
    return next(value for value in iter(make, None) if valid(value))


def _nino(draw: Random) -> str:
    return (
        f"{draw.choice('ABCEGHJKLMPRSTWXYZ')}{draw.choice('ABCEGHJKLMPRSTWXYZ')}{_digits(draw, 6)}{draw.choice('ABCD')}"
    )


def _nir(draw: Random) -> str:
    head = (
        f"{draw.choice('12')}{draw.randint(50, 99)}{draw.randint(1, 12):02}{draw.randint(1, 95):02}{_digits(draw, 6)}"
    )
    return head + f"{97 - int(head) % 97:02}"


def _idnr(draw: Random) -> str:
    return _until(idnr.is_valid, lambda: str(draw.randint(1, 9)) + _digits(draw, 10))


def _dni(draw: Random) -> str:
    number = _digits(draw, 8)
    return number + dni.calc_check_digit(number)


def _codice(draw: Random) -> str:
    day = draw.randint(1, 28) + draw.choice((0, 40))
    head = f"{_letters(draw, 6)}{draw.randint(40, 99)}{draw.choice('ABCDEHLMPRST')}{day:02}{draw.choice('ABCDEFGH')}"
    head += f"{draw.randint(100, 899)}"
    return head + codicefiscale.calc_check_digit(head)


def _bsn(draw: Random) -> str:
    return _until(bsn.is_valid, lambda: _digits(draw, 9))


def _pesel(draw: Random) -> str:
    head = f"{draw.randint(40, 99)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}{_digits(draw, 4)}"
    return head + pesel.calc_check_digit(head)


def _nif(draw: Random) -> str:
    head = draw.choice("12") + _digits(draw, 7)
    return head + nif.calc_check_digit(head)


def _sin(draw: Random) -> str:
    head = draw.choice("12345679") + _digits(draw, 7)
    return _grouped(head + stdnum.luhn.calc_check_digit(head), 3, 3, 3, by=draw.choice(" -"))


def _cpf(draw: Random) -> str:
    value = _until(cpf.is_valid, lambda: _cpf_of(_digits(draw, 9)))
    return f"{_grouped(value[:9], 3, 3, 3, by='.')}-{value[9:]}"


def _cpf_of(head: str) -> str:
    first = sum((10 - place) * int(digit) for place, digit in enumerate(head)) * 10 % 11 % 10
    second = sum((11 - place) * int(digit) for place, digit in enumerate(f"{head}{first}")) * 10 % 11 % 10
    return f"{head}{first}{second}"


def _aadhaar(draw: Random) -> str:
    head = draw.choice("23456789") + _digits(draw, 10)
    return _grouped(head + stdnum.verhoeff.calc_check_digit(head), 4, 4, 4)


def _pan(draw: Random) -> str:
    return f"{_letters(draw, 3)}P{_letters(draw, 1)}{draw.randint(1000, 9999)}{_letters(draw, 1)}"


def _rijks(draw: Random) -> str:
    def made() -> str:
        head = f"{draw.randint(40, 99)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}{draw.randint(1, 997):03}"
        return head + f"{97 - int(head) % 97:02}"

    value = _until(belgian.is_valid, made)
    return f"{value[:2]}.{value[2:4]}.{value[4:6]}-{value[6:9]}.{value[9:]}"


def _personnummer(draw: Random) -> str:
    head = f"{draw.randint(40, 99)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}{_digits(draw, 3)}"
    return f"19{head[:6]}-{head[6:]}{stdnum.luhn.calc_check_digit(head)}"


def _fodsel(draw: Random) -> str:
    def made() -> str:
        head = f"{draw.randint(1, 28):02}{draw.randint(1, 12):02}{draw.randint(54, 99)}{draw.randint(0, 499):03}"
        return head + _digits(draw, 2)

    return _until(fodselsnummer.is_valid, made)


def _ahv(draw: Random) -> str:
    head = "756" + _digits(draw, 9)
    check = (10 - sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(head)) % 10) % 10
    return f"{head[:3]}.{head[3:7]}.{head[7:11]}.{head[11:]}{check}"


def _passport(draw: Random) -> str:
    return draw.choice((_digits(draw, 9), _letters(draw, 1) + _digits(draw, 8), _letters(draw, 2) + _digits(draw, 7)))


def _nhs(draw: Random) -> str:
    return _grouped(_until(nhs.is_valid, lambda: draw.choice("4679") + _digits(draw, 9)), 3, 3, 4)


def _mac(draw: Random) -> str:
    return draw.choice(":-").join(_hex(draw, 2) for _ in range(6))


def _imei(draw: Random) -> str:
    head = "35" + _digits(draw, 12)
    return head + stdnum.luhn.calc_check_digit(head)


def _uuid(draw: Random) -> str:
    return _grouped(_hex(draw, 32), 8, 4, 4, 4, 12, by="-")


def _vin(draw: Random) -> str:
    return (
        "".join(draw.choices("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", k=9))
        + draw.choice("ABCDEFGH")
        + "A"
        + _digits(draw, 6)
    )


def _plate(draw: Random) -> str:
    forms = (
        f"{_letters(draw, 2)}{_digits(draw, 2)} {_letters(draw, 3)}",
        f"{_letters(draw, 2)}-{_digits(draw, 3)}-{_letters(draw, 2)}",
        f"{draw.randint(1, 9)}{_letters(draw, 3)}{_digits(draw, 3)}",
        f"{_letters(draw, 1)}-{_letters(draw, 2)} {_digits(draw, 4)}",
    )
    return draw.choice(forms)


def _handle(draw: Random) -> str:
    first, last = draw.choice(FIRST).lower(), draw.choice(LAST).lower()
    return draw.choice(
        (f"{first}_{last}", f"{first}{last}{draw.randint(1, 99)}", f"x{last}x", f"the_{first}_{draw.randint(7, 99)}")
    )


def _latitude(draw: Random) -> str:
    return f"{draw.uniform(-60, 70):.{draw.randint(4, 7)}f}"


def _longitude(draw: Random) -> str:
    return f"{draw.uniform(-179, 179):.{draw.randint(4, 7)}f}"


def _eth(draw: Random) -> str:
    return "0x" + _hex(draw, 40)


def _day(draw: Random) -> str:
    day, month, year = draw.randint(1, 28), draw.randint(1, 12), draw.randint(1940, 2012)
    name = "January February March April May June July August September October November December".split()[month - 1]
    forms = (
        f"{day:02}/{month:02}/{year}",
        f"{year}-{month:02}-{day:02}",
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
    )
    return draw.choice(forms)


ILLNESSES = (
    "epilepsy|ulcerative colitis|bipolar disorder|breast cancer|type 1 diabetes|multiple sclerosis|HIV|hepatitis C|"
    "endometriosis|severe depression|sickle cell disease|early-onset dementia|kidney failure|an eating disorder|"
    "schizophrenia|Hodgkin lymphoma|lupus|panic disorder|chronic fatigue syndrome|gestational diabetes"
).split("|")
MEDICINES = (
    "insulin|lithium|sertraline|methotrexate|tamoxifen|clozapine|levetiracetam|prednisone|warfarin|buprenorphine".split(
        "|"
    )
)

KINDS: Mapping[str, Callable[[Random], str]] = {
    "first": lambda draw: draw.choice(FIRST),
    "last": lambda draw: draw.choice(LAST),
    "day": _day,
    "n": lambda draw: str(draw.randint(2, 60)),
    "age": lambda draw: str(draw.randint(3, 17)),
    "adult": lambda draw: str(draw.randint(19, 70)),
    "ill": lambda draw: draw.choice(ILLNESSES),
    "drug": lambda draw: draw.choice(MEDICINES),
    "nino": _nino,
    "nir": _nir,
    "idnr": _idnr,
    "dni": _dni,
    "codice": _codice,
    "bsn": _bsn,
    "pesel": _pesel,
    "nif": _nif,
    "sin": _sin,
    "cpf": _cpf,
    "aadhaar": _aadhaar,
    "pan": _pan,
    "rijks": _rijks,
    "personnummer": _personnummer,
    "fodsel": _fodsel,
    "ahv": _ahv,
    "passport": _passport,
    "nhs": _nhs,
    "mac": _mac,
    "imei": _imei,
    "uuid": _uuid,
    "vin": _vin,
    "plate": _plate,
    "handle": _handle,
    "lat": _latitude,
    "lon": _longitude,
    "eth": _eth,
    "d3": lambda draw: _digits(draw, 3),
    "d4": lambda draw: _digits(draw, 4),
    "d6": lambda draw: _grouped(_digits(draw, 6), 2, 2, 2, by="-"),
    "d8": lambda draw: str(draw.randint(1, 9)) + _digits(draw, 7),
    "d10": lambda draw: str(draw.randint(1, 9)) + _digits(draw, 9),
    "d12": lambda draw: str(draw.randint(1, 9)) + _digits(draw, 11),
    "l2": lambda draw: _letters(draw, 2),
    "hex32": lambda draw: _hex(draw, 32),
}
"""Makers of values, by the name that templates use between braces."""


def texts(development: bool = False, seed: int = SEED) -> Iterator[tuple[str, str, list[tuple[int, int, str]]]]:
    """Language, text and labelled spans (start, end, entity) of each text, the same for the same seed.

    Args:
        development: the templates that rules may be mended with; else those that are held out.
        seed: of the values.
    """
    draw = Random(seed)
    for (language, entity), templates in TEMPLATES.items():
        for template in _half(templates, development):
            for _ in range(REMARK_COPIES if entity in REMARKS else COPIES):
                text, spans = _filled(template, draw)
                yield language, text, [(start, end, entity) for start, end in spans]
    for language, templates in NEGATIVES.items():
        for template in _half(templates, development):
            for _ in range(COPIES):
                yield language, _filled(template, draw)[0], []


def _half(templates: str, development: bool) -> list[str]:
    """Every second line, from the first for development, from the second for what is held out."""
    return [line.strip() for line in templates.strip().splitlines()][0 if development else 1 :: 2]


def _filled(template: str, draw: Random) -> tuple[str, list[tuple[int, int]]]:
    """A template with its values, and what stands between its marks «»."""
    filled = re.sub(r"\{(\w+)\}", lambda match: KINDS[match.group(1)](draw), template).replace("\\n", "\n")
    parts = re.split("([«»])", filled)
    text, spans, start = "", [], 0
    for part in parts:
        if part == "«":
            start = len(text)
        elif part == "»":
            spans.append((start, len(text)))
        else:
            text += part
    return text, spans


def write(path: Path, development: bool = False) -> None:
    """The set as Parquet, in the form that `scanner evaluate` reads."""
    rows = [
        {
            "doc_id": f"{NAME}-{index}",
            "text": text,
            "language": language,
            "spans": [{"start": start, "end": end, "label": label} for start, end, label in spans],
        }
        for index, (language, text, spans) in enumerate(texts(development))
    ]
    span = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string())])
    schema = pa.schema(
        [("doc_id", pa.string()), ("text", pa.string()), ("language", pa.string()), ("spans", pa.list_(span))]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), path)


TEMPLATES: Mapping[tuple[str, str], str] = {
    ("en", "GOVERNMENT_ID"): """
        Payroll needs your NI number, mine is «{nino}» if that helps.
        National Insurance No: «{nino}»
        {first} {last}, NINO «{nino}», started on {day}
        The claimant's national insurance number ({first} {last}) was given as «{nino}».
        My SIN is «{sin}», please update the T4
        social insurance number «{sin}» on file for {first}
        Aadhaar no. «{aadhaar}» linked to mobile
        Please find my aadhaar card attached: «{aadhaar}»
        PAN card: «{pan}»
        KYC details: name {first} {last}, PAN «{pan}», city Pune
        passport number «{passport}» expires {day}
        Passport No.: «{passport}»
        I lost my passport («{passport}») at the airport
        Traveller {first} {last}, document type passport, document number «{passport}»
        her Irish passport is «{passport}»
        """,
    ("fr", "GOVERNMENT_ID"): """
        Numéro de sécurité sociale : «{nir}»
        Mon numéro de sécu est le «{nir}», merci de corriger le dossier.
        NIR du salarié «{nir}»
        Passeport n° «{passport}»
        """,
    ("es", "GOVERNMENT_ID"): """
        con DNI «{dni}» y domicilio en la calle Mayor
        D. {first} {last}, titular del documento nacional de identidad «{dni}», comparece
        NIF: «{dni}»
        Pasaporte «{passport}»
        """,
    ("de", "GOVERNMENT_ID"): """
        Steuer-ID: «{idnr}»
        Meine Steueridentifikationsnummer lautet «{idnr}».
        IdNr. «{idnr}», Finanzamt Köln
        AHV-Nummer «{ahv}»
        Reisepassnummer: «{passport}»
        """,
    ("it", "GOVERNMENT_ID"): """
        Codice fiscale «{codice}»
        {first} {last}, nato a Bari, C.F. «{codice}», residente a Roma
        il paziente {last} («{codice}») viene ricoverato
        """,
    ("nl", "GOVERNMENT_ID"): """
        Mijn BSN is «{bsn}».
        burgerservicenummer «{bsn}» van de aanvrager
        rijksregisternummer «{rijks}»
        """,
    ("pt", "GOVERNMENT_ID"): """
        Contribuinte n.º «{nif}»
        o meu NIF é o «{nif}», obrigado
        CPF: «{cpf}»
        portador do CPF nº «{cpf}», residente em Recife
        """,
    ("pl", "GOVERNMENT_ID"): """
        PESEL: «{pesel}»
        {first} {last}, numer PESEL «{pesel}», zamieszkały w Łodzi
        """,
    ("sv", "GOVERNMENT_ID"): """
        Personnummer: «{personnummer}»
        Mitt personnummer är «{personnummer}».
        """,
    ("no", "GOVERNMENT_ID"): """
        Fødselsnummer «{fodsel}»
        """,
    ("en", "MEDICAL_ID"): """
        NHS number «{nhs}», seen in clinic on {day}
        NHS No: «{nhs}»
        Pt {first} {last} (NHS «{nhs}») attended A&E.
        MRN «{d8}» admitted {day}
        Hospital number: «{l2}{d8}»
        Patient ID «{d8}» - repeat bloods
        medical record number «{d8}»
        his health insurance member ID is «{l2}{d8}»
        policy number «{l2}{d10}» with the health insurer
        discharge letter, hosp no «{d8}»
        """,
    ("en", "USERNAME"): """
        my insta is «{handle}», follow back
        DM me on Telegram «@{handle}»
        shoutout to «@{handle}» for the tip
        find me on twitch.tv/«{handle}»
        username: «{handle}»
        log in as «{handle}» and reset it
        https://www.reddit.com/user/«{handle}»
        Discord: «{handle}#{d4}»
        great thread by «@{handle}» today
        github.com/«{handle}»
        Steam name «{handle}»
        """,
    ("en", "CVV"): """
        card ending 4242, expiry 04/27, cvv «{d3}»
        CVC: «{d3}»
        the security code on the back is «{d3}»
        exp 11/26 cvv2 «{d3}» zip 90210
        and the three digits on the back are «{d3}»
        "cvc": "«{d3}»"
        Amex, CID «{d4}»
        CVV code {first} gave: «{d3}»
        Security code: «{d3}»
        card verification number «{d3}»
        """,
    ("en", "BANK_ACCOUNT"): """
        Account number: «{d10}», name {first} {last}
        please wire it to acct no «{d8}»
        sort code «{d6}», account «{d8}»
        Sort Code: «{d6}»\\nAccount Number: «{d8}»
        my checking account is «{d12}»
        routing number «0{d8}» account number «{d10}»
        direct deposit into savings account «{d10}»
        bank account no. «{d8}»
        A/C No: «{d12}» IFSC given separately
        Our account at the credit union is «{d10}»
        BSB «062-{d3}» account number «{d8}»
        """,
    ("en", "COORDINATES"): """
        we camped at «{lat}, {lon}» last night
        GPS position «{lat},{lon}»
        lat «{lat}» lon «{lon}»
        "latitude": «{lat}, "longitude": {lon}»
        last seen at coordinates («{lat}, {lon}»)
        https://maps.example.com/?q=«{lat},{lon}»
        pin: «{lat}, {lon}», my house is the blue one
        meet at 48°51'29"N 2°17'40"E or rather «48°51'30"N 2°17'{n}"E»
        POINT(«{lon} {lat}»)
        location={"lat":«{lat},"lng":{lon}»}
        """,
    ("en", "MAC_ADDRESS"): """
        wlan0 link/ether «{mac}» brd
        MAC: «{mac}»
        DHCPACK to «{mac}» via eth1
        my laptop shows up as «{mac}» on the router
        device {first}-phone ({last}) «{mac}» joined
        Physical Address. . . : «{mac}»
        arp: 192.0.2.{n} is at «{mac}»
        block «{mac}» in the hotspot settings
        """,
    ("en", "DEVICE_ID"): """
        IMEI «{imei}»
        My phone was stolen, imei number is «{imei}».
        android_id=«{hex32}»
        device_id: «{uuid}»
        IDFA «{uuid}»
        Serial number «C02{l2}{d8}»
        advertising id «{uuid}» opted out
        the handset with IMEI: «{imei}» was blocked
        S/N: «{l2}{d10}»
        """,
    ("en", "VEHICLE_ID"): """
        VIN «{vin}»
        Vehicle identification number: «{vin}»
        chassis no. «{vin}», colour blue
        My number plate is «{plate}», silver Golf.
        a white van, registration «{plate}», hit my car
        Licence plate: «{plate}»
        reg «{plate}» parked across the drive
        the car's plates read «{plate}»
        License plate number «{plate}»
        """,
    ("en", "CRYPTO"): """
        send ETH to «{eth}»
        my wallet: «{eth}»
        tipped by «{eth}» on Tuesday
        Deposit address «{eth}» (ERC-20 only)
        from «{eth}» 0.4 ether
        contract owner «{eth}»
        whale alert: «{eth}» moved funds
        paid to «{eth}» in USDC
        """,
    ("en", "LICENCE_NUMBER"): """
        driver's license number «{l2}{d8}»
        Driving licence no: «{l2}{d8}»
        NPI «1{d8}0» of the provider
        GMC no «{d8}»
        licence number «{l2}{d8}» issued in {day}
        his driver licence «{l2}{d8}» was suspended
        DL# «{d8}»
        medical license no. «{l2}{d6}»
        """,
    ("en", "DATE_OF_BIRTH"): """
        DOB {first}: «{day}»
        Date of birth: «{day}»
        born «{day}» in Leeds
        {first} {last} (born «{day}») applied
        b. «{day}», lives with parents
        my birthday is «{day}»
        Birth date «{day}», sex F
        patient dob «{day}»
        """,
    ("en", "HEALTH"): """
        I «found out I have {ill}» two weeks ago and I am scared.
        {first} «was diagnosed with {ill}» when she was {adult}.
        my sister «has {ill}» and can't work anymore
        Since the accident he «has been living with {ill}».
        Doctors told me that I «have {ill}».
        {first} {last} «suffers from {ill}» and needs a seat near the door.
        I «take {drug} for my {ill}» every morning
        my ex «is on {drug}» again
        We lost my uncle, he «died of {ill}» last spring.
        she «is six months pregnant» and hasn't told her boss
        I «had a miscarriage» in {day} and nobody knows
        My son «was hospitalised for {ill}».
        patient «presents with {ill}», started on {drug}
        PMH: «{ill}», on {drug}
        Mr {last} «is HIV positive» according to the letter
        I «went through chemo» twice
        my psychiatrist «put me on {drug}»
        my {adult} year old brother «attempted suicide» last year
        he «is an alcoholic» and won't admit it
        They «removed a tumour from my colon».
        I «tested positive for {ill}» on Monday
        {first} told us her mother «is in hospice with {ill}»
        my partner «is recovering from {ill}»
        I'm «bipolar and off my meds»
        """,
    ("fr", "HEALTH"): """
        On «m'a diagnostiqué un diabète» l'an dernier.
        Ma mère «souffre d'un cancer du sein».
        je «suis enceinte» de quatre mois
        Mon frère «est séropositif» et personne ne le sait
        {first} «prend des antidépresseurs» depuis mars
        """,
    ("es", "HEALTH"): """
        A mi padre «le detectaron un cáncer de colon».
        «tengo diabetes» desde los doce años
        mi hermana «padece esquizofrenia» y vive conmigo
        «estoy embarazada» de cinco meses
        {first} «toma litio» por su trastorno
        """,
    ("de", "HEALTH"): """
        Meine Mutter «hat Brustkrebs» und braucht Hilfe.
        ich «leide an Depressionen» seit der Trennung
        Bei ihm «wurde Multiple Sklerose festgestellt».
        sie «ist im fünften Monat schwanger»
        {first} «nimmt Lithium» gegen seine Krankheit
        """,
    ("en", "MINOR"): """
        my daughter is «{age}» and wants an account
        I'm «{age} years old», can I still join?
        our «{age}-year-old son» loves this game
        {first}, «age {age}», goes to the primary school on the corner
        my little brother («{age}») broke it
        I turn «{age}» next week!!
        She's only «{age}» and already on TikTok
        as a «{age} yo girl» I get weird messages
        my son who is in «third grade» drew this
        the victim, a «{age}-year-old girl», lives in Ghent
        i am a «{age} year old boy» from ohio
        My kid just turned «{age}».
        hi im {first} and im «{age}» from leeds
        {first} is «{age} years old» and in my class
        my cousin, «{age}», has the same phone
        she was «{age}» when it happened, I was older
        our daughter {first} turns «{age}» next month, needs braces
        my nephew is «{age}» and plays the drums
        as a mum of a «{age}-year-old» I worry
        we have a «{age} year old daughter» and a dog
        my «{age}yo» keeps waking up at night
        Patient is a «{age}-year-old boy» with a cough.
        A «{age} year-old girl» was brought in by her mother.
        my kids are «{age}» and nine
        {first}, my son, will be «{age}» in June
        I'm in «8th grade» and my teacher hates me
        i'm a «{age}-year-old student» and need advice
        their twins, «aged {age}», go there too
        """,
    ("fr", "MINOR"): """
        ma fille a «{age} ans» et adore les chevaux
        j'ai «{age} ans» et je suis au collège
        mon fils de «{age} ans» est harcelé
        """,
    ("es", "MINOR"): """
        mi hijo tiene «{age} años» y no duerme
        tengo «{age} años» y voy al instituto
        """,
    ("de", "MINOR"): """
        meine Tochter ist «{age} Jahre alt» und spielt Geige
        ich bin «{age}» und gehe in die achte Klasse
        unser «{age}-jähriger Sohn» ist krank
        """,
    ("en", "ARTICLE_9"): """
        I'm «gay» and my parents don't know
        {first} «came out as trans» at work
        As a «practising Muslim» I don't drink.
        My colleague {first} «is a Jehovah's Witness».
        I «vote Labour» and always have
        she «converted to Islam» before the wedding
        we are «Orthodox Jews» so not on Saturdays
        I «am a member of the Communist Party»
        he «is a union rep» at the depot
        my wife and I are both women, we're «lesbians»
        I «identify as non-binary»
        I'm a «devout Catholic», mass every Sunday
        {first} {last} «is an active member of the Green Party»
        I was «raised Hindu» but don't practise
        my boss found out I'm «bisexual»
        I'm «of Roma origin» and hide it
        my husband «is Jewish», I'm not
        she «is a lesbian» and lives with her wife
        {first} «is an atheist» in a very religious family
        I «joined the Socialist Party» in May
        my parents «are Hindu» and strict about it
        I «am transgender» and start hormones soon
        our shop steward says he «votes for the Conservatives»
        I go to the mosque every Friday because I'm a «Muslim»
        he told me he «is attracted to men»
        I'm a «closeted gay man» of forty
        as a «Sikh» I wear a turban at work
        my dad «was a member of the National Front»
        """,
    ("fr", "ARTICLE_9"): """
        je suis «homosexuel» et mes parents l'ignorent
        elle est «musulmane» pratiquante
        je «suis adhérent au Parti socialiste»
        """,
    ("es", "ARTICLE_9"): """
        soy «lesbiana» y en mi pueblo nadie lo sabe
        mi vecino «es testigo de Jehová»
        """,
    ("de", "ARTICLE_9"): """
        ich bin «schwul» und nicht geoutet
        {first} «ist Mitglied der Linken»
        er ist «gläubiger Muslim»
        """,
}
"""Templates by language and entity, one a line; what stands between «» is what is to be found."""

NEGATIVES: Mapping[str, str] = {
    "en": """
        order number {d10} shipped on Monday
        Part no. {l2}{d8}, quantity {n}
        invoice {d8} is overdue since {day}
        The build {d10} failed after {n} minutes.
        ISBN 978{d10}
        tracking code {l2}{d8}GB
        ticket #{d8} was closed by {first}
        commit {hex32} reverts the change
        request_id={uuid} status=200
        the constant is {lat} and the offset {lon}
        vector ({lat}, {lon}) has a norm above one
        position: {n}, {adult}
        scores {lat}, {lon} for the two models
        Breast cancer affects one in eight women.
        Patients with {ill} were excluded from the trial.
        The charity funds research into {ill}.
        {drug} is a prescription drug; ask your doctor.
        Symptoms of {ill} vary between people.
        The server suffers from memory leaks.
        The economy fell into a depression in {day}.
        He has a cold sense of humour.
        my {age} year old laptop still works
        the company is {adult} years old
        children aged {age} and over may ride
        My grandmother is {adult} and still drives.
        I'm {adult} years old and new here
        the match ended after {age} minutes
        The Catholic church on the hill was built by Normans.
        Gay marriage was legalised that year.
        The Muslim world is not one country.
        A member of the party asked for the bill.
        Trade unions in France called a strike.
        the converter supports Christian calendars
        see section {d3} of the code
        port {d4} is closed
        the cv2 module returns {d3} frames
        security codes of practice, page {d3}
        account of the battle, volume {n}
        on account of the {d4} visitors
        @param name the name of the user
        @Override public int size()
        pip install package@{n}.{n}
        a ratio of {n}:{adult}:{age}
        color: #{d6}
        model number {l2}-{d4} in stock
        license: MIT, see LICENSE
        plate tectonics, chapter {n}
        a plate of {n} oysters
        flight {l2}{d4} leaves from gate {n}
        the film was released on {day}
        meeting on {day} at noon
        Published {day}, updated {day}
        founded on {day} by three friends
        passport control opens at {n}
        SELECT * FROM account WHERE id = {d8}
        hash: {hex32}
        version {n}.{adult}.{age}
        phase {n} of the ISO {d4} audit
        a serial novel in {n} parts
        the wallet has {n} pockets
        0x{d8} is a memory address
        username: string, required
        login as root is disabled
        """,
    "fr": """
        commande n° {d10} expédiée
        le cancer du sein touche une femme sur huit
        mon chien a {age} ans
        réf. {l2}{d8}
        l'église catholique du village
        """,
    "es": """
        pedido número {d10} enviado
        el cáncer de mama es frecuente
        mi coche tiene {age} años
        expediente {d8} archivado
        la iglesia católica del pueblo
        """,
    "de": """
        Bestellnummer {d10} wurde versandt
        Brustkrebs ist heilbar, wenn er früh erkannt wird.
        mein Auto ist {age} Jahre alt
        Rechnung {d8} vom {day}
        die katholische Kirche im Dorf
        """,
    "it": """
        ordine {d10} spedito
        fattura n. {d8}
        """,
    "nl": """
        bestelling {d10} verzonden
        factuur {d8} van {day}
        """,
    "pt": """
        encomenda {d10} enviada
        fatura n.º {d8}
        """,
    "pl": """
        zamówienie {d10} wysłane
        faktura {d8}
        """,
}
"""Texts that hold none of the entities, by language."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--development", action="store_true", help="the half that rules may be mended with")
    options = parser.parse_args()
    write(options.out, options.development)
