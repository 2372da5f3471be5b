"""Recall on numbers that states, registers and insurers give, by kind, on invented values with right check digits.

    python -m benchmarks.identity_numbers

Values are drawn at random until python-stdnum (or Presidio, where it knows the kind) takes one for valid, and written
after each of the usual words that name them: in three sentences and as a cell of a column of that name. `wrong`: share
of values with a wrong check digit that are found as the kind though no word is near, of kinds that have a check.
"""

from __future__ import annotations

import importlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scanner.detectables import load_detectables
from scanner.detection import Detection, build
from scanner.detectors import presidio
from scanner.entities import kinds
from scanner.model import Finding, Leaf

SEED = 20261130
COPIES = 12
"""Values of each kind."""

SENTENCES = ("{word}: {value}", "The {word} is {value}.", "{word} {value}")
_TRIES = 200_000
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of number.

    Attributes:
        name: what it is.
        form: `#` stands for a digit, `@` for a letter, `$` for either; `{yy}`, `{mm}`, `{dd}` and `{yyyy}` for parts of
            a date, `{a|b}` for one of some texts.
        words: what names it in text.
        entity: what it is to be found as; a wider entity will do.
        check: module of python-stdnum, or class of Presidio; empty where the kind has no check digit.
        headers: names of columns that hold it.
    """

    name: str
    form: str
    words: tuple[str, ...]
    entity: str = "GOVERNMENT_ID"
    check: str = ""
    headers: tuple[str, ...] = ()


COMPANY, MEDICAL, LICENCE, VEHICLE = "COMPANY_ID", "MEDICAL_ID", "LICENCE_NUMBER", "VEHICLE_ID"

KINDS = (
    Kind("US SSN", "{1|2|3|4|5|6}##-##-####", ("SSN", "social security number"), "US_SSN", headers=("ssn",)),
    Kind("US ITIN", "9##-7#-####", ("ITIN",), "US_ITIN", headers=("itin",)),
    Kind("US EIN", "{20|27|46|84}-#######", ("EIN", "employer identification number"), COMPANY, headers=("ein",)),
    Kind("US passport", "{A|1|4}########", ("US passport number",), "GOVERNMENT_ID", headers=("passport_number",)),
    Kind("US driving licence", "@#######", ("driver's license number",), LICENCE, headers=("drivers_license",)),
    Kind("US NPI", "1#########", ("NPI",), LICENCE, "presidio.UsNpiRecognizer", ("npi",)),
    Kind(
        "US health insurance", "{XEA|WZH|ABK}#########", ("member ID", "subscriber ID"), MEDICAL, headers=("member_id",)
    ),
    Kind(
        "UK NINO",
        "{JG|AB|CE|PX} ## ## ## {A|B|C|D}",
        ("National Insurance number", "NINO"),
        "UK_NINO",
        headers=("nino",),
    ),
    Kind("UK NHS", "### ### ####", ("NHS number",), MEDICAL, "stdnum.gb.nhs", ("nhs_number",)),
    Kind("UK UTR", "##########", ("UTR", "unique taxpayer reference"), check="stdnum.gb.utr", headers=("utr",)),
    Kind("UK VAT", "GB#########", ("VAT number", "VAT no."), COMPANY, "stdnum.gb.vat", ("vat_number",)),
    Kind("UK company", "0#######", ("company number", "Company No."), COMPANY, headers=("company_number",)),
    Kind("UK number plate", "{KR|LB|AK}{05|19|62|71} {KPX|LRT|BND}", ("vehicle registration", "number plate"), VEHICLE),
    Kind(
        "French NIR",
        "{1|2}{yy}{mm}{75|13|69}######%%",
        ("NIR", "numéro de sécurité sociale"),
        check="stdnum.fr.nir",
        headers=("nir",),
    ),
    Kind("French SPI", "{0|1|2|3}############", ("numéro fiscal",), check="stdnum.fr.nif", headers=("numero_fiscal",)),
    Kind("French SIREN", "#########", ("SIREN", "numéro SIREN"), COMPANY, "stdnum.fr.siren", ("siren",)),
    Kind("French SIRET", "##############", ("SIRET",), COMPANY, "stdnum.fr.siret", ("siret",)),
    Kind(
        "French VAT", "FR###########", ("n° TVA", "TVA intracommunautaire"), COMPANY, "stdnum.fr.tva", ("numero_tva",)
    ),
    Kind(
        "German tax id",
        "###########",
        ("Steuer-ID", "Identifikationsnummer"),
        check="stdnum.de.idnr",
        headers=("steuer_id",),
    ),
    Kind("German tax number", "181/###/#####", ("Steuernummer", "Steuer-Nr."), headers=("steuernummer",)),
    Kind(
        "German pension insurance",
        "{12|53|65}{dd}{mm}{yy}{K|R|S}###",
        ("Sozialversicherungsnummer", "Rentenversicherungsnummer"),
        headers=("sozialversicherungsnummer",),
    ),
    Kind(
        "German health insurance",
        "{A|K|T}#########",
        ("Krankenversichertennummer", "Versichertennummer"),
        MEDICAL,
        headers=("versichertennummer",),
    ),
    Kind(
        "German identity card",
        "L{1|4|7}{K|X|Z}##{T|V}#{N|P}#",
        ("Personalausweisnummer", "Ausweis-Nr."),
        headers=("personalausweis",),
    ),
    Kind("German passport", "C{1|4|7}{K|X|Z}##{T|V}#{N|P}#", ("Reisepass-Nr.", "Passnummer"), headers=("reisepass",)),
    Kind("German VAT", "DE#########", ("USt-IdNr.", "Umsatzsteuer-ID"), COMPANY, "stdnum.de.vat", ("ust_id",)),
    Kind(
        "German register", "HRB #####", ("Handelsregister", "Amtsgericht Mainz"), COMPANY, headers=("handelsregister",)
    ),
    Kind("German doctor", "#########", ("LANR", "Arztnummer"), LICENCE, headers=("lanr",)),
    Kind(
        "German number plate",
        "{B|M|KR|HH}-{AB|KR|XY} ####",
        ("Kennzeichen", "KFZ-Kennzeichen"),
        VEHICLE,
        headers=("kennzeichen",),
    ),
    Kind("Spanish DNI", "########@", ("DNI", "NIF"), check="stdnum.es.dni", headers=("dni",)),
    Kind("Spanish NIE", "{X|Y|Z}#######@", ("NIE",), check="stdnum.es.nie", headers=("nie",)),
    Kind("Spanish CIF", "{A|B}########", ("CIF", "NIF de la empresa"), COMPANY, "stdnum.es.cif", ("cif",)),
    Kind("Spanish number plate", "#### {KRP|BCD|LMN}", ("matrícula",), VEHICLE, headers=("matricula",)),
    Kind(
        "Italian tax code",
        "{RSS|BNC|FRR}{LRA|MRA|GNN}{yy}{D|H|M}{dd}{H501|F205|L219}@",
        ("codice fiscale", "C.F."),
        check="stdnum.it.codicefiscale",
        headers=("codice_fiscale",),
    ),
    Kind("Italian VAT", "0##########", ("partita IVA", "P.IVA"), COMPANY, "stdnum.it.iva", ("partita_iva",)),
    Kind(
        "Italian identity card",
        "CA#####{AA|KR|ZT}",
        ("carta d'identità", "carta d'identità n."),
        headers=("carta_identita",),
    ),
    Kind(
        "Italian driving licence", "{AA|U1}#######{B|K}", ("patente", "patente di guida"), LICENCE, headers=("patente",)
    ),
    Kind("Italian passport", "YA#######", ("passaporto", "passaporto n."), headers=("passaporto",)),
    Kind("Dutch BSN", "#########", ("BSN", "burgerservicenummer"), check="stdnum.nl.bsn", headers=("bsn",)),
    Kind("Dutch KvK", "########", ("KvK-nummer", "KvK"), COMPANY, headers=("kvk",)),
    Kind("Dutch VAT", "NL#########B##", ("btw-nummer",), COMPANY, "stdnum.nl.btw", ("btw_nummer",)),
    Kind(
        "Belgian national number",
        "{yy}.{mm}.{dd}-###.%%",
        ("rijksregisternummer", "numéro national"),
        check="stdnum.be.nn",
        headers=("rijksregisternummer",),
    ),
    Kind("Portuguese NIF", "{1|2}########", ("NIF", "contribuinte"), check="stdnum.pt.nif", headers=("nif",)),
    Kind(
        "Portuguese citizen card",
        "#########@@#",
        ("Cartão de Cidadão",),
        check="stdnum.pt.cc",
        headers=("cartao_cidadao",),
    ),
    Kind("Polish PESEL", "{yy}{mm}{dd}#####", ("PESEL",), check="stdnum.pl.pesel", headers=("pesel",)),
    Kind("Polish NIP", "##########", ("NIP",), COMPANY, "stdnum.pl.nip", ("nip",)),
    Kind("Polish REGON", "#########", ("REGON",), COMPANY, "stdnum.pl.regon", ("regon",)),
    Kind(
        "Polish identity card", "{CKR|ABN}######", ("dowód osobisty nr", "dowód osobisty"), headers=("dowod_osobisty",)
    ),
    Kind(
        "Canadian SIN",
        "{1|2|4|5}## ### ###",
        ("SIN", "social insurance number"),
        check="stdnum.ca.sin",
        headers=("sin",),
    ),
    Kind(
        "Canadian business number",
        "{1|7|8}########",
        ("business number", "BN"),
        COMPANY,
        "stdnum.ca.bn",
        ("business_number",),
    ),
    Kind("Australian TFN", "### ### ###", ("TFN", "tax file number"), check="stdnum.au.tfn", headers=("tfn",)),
    Kind("Australian ABN", "## ### ### ###", ("ABN", "Australian Business Number"), COMPANY, "stdnum.au.abn", ("abn",)),
    Kind("Australian ACN", "### ### ###", ("ACN",), COMPANY, "stdnum.au.acn", ("acn",)),
    Kind(
        "Australian Medicare",
        "{2|3|4}### ##### #",
        ("Medicare number",),
        MEDICAL,
        "presidio.AuMedicareRecognizer",
        ("medicare_number",),
    ),
    Kind(
        "Indian Aadhaar",
        "{2|4|7}### #### ####",
        ("Aadhaar", "Aadhaar number"),
        check="stdnum.in_.aadhaar",
        headers=("aadhaar",),
    ),
    Kind("Indian PAN", "{BQK|ABN}P{S|K}####{L|F}", ("PAN", "permanent account number"), headers=("pan_number",)),
    Kind("Indian GSTIN", "27BQKPS####L1Z$", ("GSTIN", "GST number"), COMPANY, headers=("gstin",)),
    Kind("Indian voter card", "WKH#######", ("voter ID", "EPIC number"), headers=("voter_id",)),
    Kind("Indian passport", "K#######", ("passport number", "Indian passport"), headers=("passport",)),
    Kind("Brazilian CPF", "###.###.###-%%", ("CPF",), check="stdnum.br.cpf", headers=("cpf",)),
    Kind("Brazilian CPF, plain", "#########%%", ("CPF",), check="stdnum.br.cpf", headers=("cpf",)),
    Kind("Brazilian CNPJ", "##.###.###/0001-%%", ("CNPJ",), COMPANY, "stdnum.br.cnpj", ("cnpj",)),
    Kind("Mexican CURP", "GOPM{yy}{mm}{dd}HDFNRR0#", ("CURP",), check="stdnum.mx.curp", headers=("curp",)),
    Kind("Mexican RFC", "GOPM{yy}{mm}{dd}KR#", ("RFC",), headers=("rfc",)),
    Kind("Argentine CUIT", "20-########-#", ("CUIT", "CUIL"), check="stdnum.ar.cuit", headers=("cuit",)),
    Kind("Chilean RUT", "1#.###.###-{#|K}", ("RUT", "RUN"), check="stdnum.cl.rut", headers=("rut",)),
    Kind("Colombian NIT", "{8|9}##.###.###-#", ("NIT",), COMPANY, "stdnum.co.nit", ("nit",)),
    Kind(
        "Chinese identity number",
        "110105{yyyy}{mm}{dd}####",
        ("身份证号", "Chinese ID number"),
        check="stdnum.cn.ric",
        headers=("id_card",),
    ),
    Kind("Japanese My Number", "#### #### ####", ("My Number",), check="stdnum.jp.in_", headers=("my_number",)),
    Kind(
        "Korean resident number",
        "{yy}{mm}{dd}-{1|2}######",
        ("주민등록번호", "resident registration number"),
        headers=("rrn",),
    ),
    Kind(
        "Korean business number",
        "###-##-#####",
        ("BRN", "사업자등록번호"),
        COMPANY,
        "presidio.KrBrnRecognizer",
        ("brn",),
    ),
    Kind(
        "Korean driving licence",
        "11-##-######-##",
        ("driver's license", "운전면허번호"),
        LICENCE,
        headers=("driver_license",),
    ),
    Kind("Korean passport", "M###{A|K}####", ("passport number", "여권번호"), headers=("passport",)),
    Kind("Singapore NRIC", "S#######{J|Z|H|G|D}", ("NRIC",), "SG_NRIC_FIN", headers=("nric",)),
    Kind("Singapore UEN", "20######{1|2}@", ("UEN",), COMPANY, "stdnum.sg.uen", ("uen",)),
    Kind(
        "Thai national number",
        "1-####-#####-##-#",
        ("Thai National ID",),
        check="stdnum.th.pin",
        headers=("national_id",),
    ),
    Kind(
        "Turkish identity number", "1##########", ("TC kimlik no",), check="stdnum.tr.tckimlik", headers=("tc_kimlik",)
    ),
    Kind(
        "South African identity number",
        "{yy}{mm}{dd}####08#",
        ("South African ID number",),
        check="stdnum.za.idnr",
        headers=("id_number",),
    ),
    Kind(
        "South African tax number", "0#########", ("income tax number", "tax reference number"), headers=("tax_number",)
    ),
    Kind("Nigerian NIN", "###########", ("NIN", "national identification number"), headers=("nin",)),
    Kind(
        "Swedish personnummer",
        "{yy}{mm}{dd}-####",
        ("personnummer",),
        check="stdnum.se.personnummer",
        headers=("personnummer",),
    ),
    Kind("Swedish company", "556###-####", ("organisationsnummer", "org.nr"), COMPANY, "stdnum.se.orgnr", ("orgnr",)),
    Kind(
        "Norwegian birth number",
        "{dd}{mm}{yy} #####",
        ("fødselsnummer",),
        check="stdnum.no.fodselsnummer",
        headers=("fodselsnummer",),
    ),
    Kind("Norwegian company", "9########", ("organisasjonsnummer", "org.nr"), COMPANY, "stdnum.no.orgnr", ("orgnr",)),
    Kind("Danish CPR", "{dd}{mm}{yy}-####", ("CPR-nummer", "CPR"), headers=("cpr",)),
    Kind("Danish CVR", "########", ("CVR-nr", "CVR"), COMPANY, "stdnum.dk.cvr", ("cvr",)),
    Kind("Finnish HETU", "{dd}{mm}{yy}-###$", ("henkilötunnus", "HETU"), check="stdnum.fi.hetu", headers=("hetu",)),
    Kind("Finnish company", "#######-#", ("Y-tunnus",), COMPANY, "stdnum.fi.ytunnus", ("y_tunnus",)),
    Kind("Swiss AHV", "756.####.####.##", ("AHV-Nummer", "AHV"), check="stdnum.ch.ssn", headers=("ahv",)),
    Kind("Swiss company", "CHE-###.###.###", ("UID",), COMPANY, "stdnum.ch.uid", ("uid",)),
    Kind(
        "Austrian insurance number",
        "####{dd}{mm}{yy}",
        ("Sozialversicherungsnummer", "SV-Nummer"),
        check="stdnum.at.vnr",
        headers=("svnr",),
    ),
    Kind("Irish PPS", "#######@", ("PPS number", "PPSN"), check="stdnum.ie.pps", headers=("ppsn",)),
    Kind("Czech birth number", "{yy}{mm}{dd}/####", ("rodné číslo",), check="stdnum.cz.rc", headers=("rodne_cislo",)),
    Kind("Romanian CNP", "1{yy}{mm}{dd}######", ("CNP",), check="stdnum.ro.cnp", headers=("cnp",)),
    Kind("Croatian OIB", "###########", ("OIB",), check="stdnum.hr.oib", headers=("oib",)),
    Kind("Estonian isikukood", "3{yy}{mm}{dd}####", ("isikukood",), check="stdnum.ee.ik", headers=("isikukood",)),
    Kind("Greek AMKA", "{dd}{mm}{yy}#####", ("ΑΜΚΑ", "AMKA"), check="stdnum.gr.amka", headers=("amka",)),
    Kind("Pakistani CNIC", "3####-#######-#", ("CNIC",), headers=("cnic",)),
    Kind("Malaysian NRIC", "{yy}{mm}{dd}-14-####", ("MyKad", "NRIC"), headers=("mykad",)),
    Kind("IMEI", "###############", ("IMEI",), "DEVICE_ID", "stdnum.imei", ("imei",)),
)


@dataclass(frozen=True, slots=True)
class Recall:
    """What was found of a kind, as shares in [0, 1]; None where there was nothing to ask.

    Attributes:
        told: of values after a word that names them.
        column: of values in a column whose name says so.
        wrong: of values with a wrong check digit, no word near.
    """

    told: float
    column: float | None
    wrong: float | None


def main() -> None:
    detection = detection_of_rules()
    print("| kind | entity | after its word | in its column | wrong digit, no word |\n|---|---|---:|---:|---:|")
    for kind in KINDS:
        recall = measured(kind, detection)
        shares = " | ".join(
            "-" if share is None else f"{share:.2f}" for share in (recall.told, recall.column, recall.wrong)
        )
        print(f"| {kind.name} | {kind.entity} | {shares} |")


def detection_of_rules() -> Detection:
    """The shipped rules and columns, without language models."""
    loaded = load_detectables(None, with_models=False, prove=False)
    return build(loaded.rules, loaded.models, loaded.columns, curves=loaded.curves)


def measured(kind: Kind, detection: Detection, copies: int = COPIES) -> Recall:
    """What is found of a kind, by that many values of it."""
    valid, wrong = values(kind, copies)
    told = [
        _share(_found(detection, "text", texts), kind, texts, valid)
        for word in kind.words
        for sentence in SENTENCES
        for texts in [[sentence.format(word=word, value=value) for value in valid]]
    ]
    columns = [_share(_found(detection, header, valid), kind, valid, valid) for header in kind.headers]
    texts = [f"Item {value} is here." for value in wrong]
    failed = _share(_found(detection, "text", texts), kind, texts, wrong) if wrong else None
    return Recall(_mean(told), _mean(columns) if columns else None, failed)


def values(kind: Kind, copies: int = COPIES) -> tuple[list[str], list[str]]:
    """Valid values, and others of the form with a wrong check digit; none of these where the kind has no check."""
    draw = random.Random(f"{SEED} {kind.name}")
    passes = _check(kind.check)
    valid = [_drawn(kind, draw, passes) for _ in range(copies)]
    return valid, [_drawn(kind, draw, lambda value: not passes(value)) for _ in range(copies)] if kind.check else []


def _drawn(kind: Kind, draw: random.Random, wanted: Callable[[str], bool]) -> str:
    for _ in range(_TRIES):
        value = _made(kind.form, draw)
        if "%%" not in value:
            if wanted(value):
                return value
            continue
        for last in range(100):
            if wanted(whole := value.replace("%%", f"{last:02}")):
                return whole
    raise ValueError(f"no value of {kind.name} was drawn")


def _made(form: str, draw: random.Random) -> str:
    dates = {
        "yy": f"{draw.randint(50, 99)}",
        "yyyy": f"19{draw.randint(50, 99)}",
        "mm": f"{draw.randint(1, 12):02}",
        "dd": f"{draw.randint(1, 28):02}",
    }
    chosen = re.sub(r"\{([^{}]*)\}", lambda part: dates.get(part[1]) or draw.choice(part[1].split("|")), form)
    signs = {"#": "0123456789", "@": _LETTERS, "$": "0123456789" + _LETTERS}
    return "".join(draw.choice(signs[char]) if char in signs else char for char in chosen)


def _check(name: str) -> Callable[[str], bool]:
    if not name:
        return lambda _: True
    if name.startswith(presidio.SCHEME):
        return lambda value: presidio.validate(name.removeprefix(presidio.SCHEME), value) is True
    is_valid = importlib.import_module(name).is_valid
    return lambda value: bool(is_valid(value))


def _found(detection: Detection, column: str, texts: Sequence[str]) -> list[list[Finding]]:
    rows = np.arange(len(texts), dtype=np.int64)
    leaf = Leaf(column, pa.array(texts, pa.large_string()), rows, np.zeros(len(texts), np.int32))
    found = detection.find_in(leaf).found
    return [found.get(index, []) for index in range(len(texts))]


def _share(found: Sequence[Sequence[Finding]], kind: Kind, texts: Sequence[str], wanted: Sequence[str]) -> float:
    """Share of the values of which findings of the kind, or of what it is one of, cover at least nine tenths."""
    each = zip(found, texts, wanted, strict=True)
    return _mean([float(_covered(findings, kind, text.index(value), len(value))) for findings, text, value in each])


def _covered(findings: Sequence[Finding], kind: Kind, start: int, size: int) -> bool:
    mine = (one for one in findings if set(_of(one.entity)) & set(_of(kind.entity)))
    return sum(max(0, min(one.end, start + size) - max(one.start, start)) for one in mine) >= 0.9 * size


def _of(entity: str) -> Iterator[str]:
    """The entity and what it is one of, but for the widest of all."""
    return (kind for kind in kinds(entity) if kind != "ID")


def _mean(shares: Sequence[float]) -> float:
    return sum(shares) / len(shares)


if __name__ == "__main__":
    main()
