"""Words that call a person by nation, people, religion or politics, in seven languages.

A language model knows the frequent ones where the sentence helps it; a list knows the others, and languages without a
model. Nationalities are public facts, written out here by language; most take a plural in -s, and what is a common
word in small letters counts with a capital only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SURE, LIKELY = 0.75, 0.55
"""Confidence of a word that is hardly anything else, and of one that names a language, a thing or a view as well."""

_ENGLISH = """
    afghan afghani albanian algerian american andorran angolan antiguan argentine argentinean argentinian armenian
    aruban australian austrian azerbaijani azeri bahamian bahraini bangladeshi barbadian bajan belarusian
    belarussian belgian belizean belizian beninese bermudian bhutanese bolivian bosnian botswanan motswana batswana
    brazilian british briton bruneian bulgarian burkinabe burmese burundian cambodian khmer cameroonian canadian
    catalan caymanian chadian chechen chilean chinese colombian comorian congolese croatian croat cuban cypriot
    czech danish djiboutian dominican ecuadorean ecuadorian egyptian emirati englishman englishmen englishwoman
    englishwomen equatoguinean eritrean estonian ethiopian fijian filipino filipina finnish frenchman frenchmen
    frenchwoman frenchwomen gabonese gambian ghanaian gibraltarian greek greenlander grenadian guatemalan guinean
    guyanese haitian honduran hungarian icelander icelandic indonesian iranian iraqi irishman irishmen irishwoman
    israeli italian ivorian jamaican japanese jordanian kazakh kazakhstani kenyan kiribatian korean kosovan kosovar
    kuwaiti kyrgyz laotian latvian lebanese liberian libyan liechtensteiner lithuanian luxembourger macedonian
    malagasy malawian malaysian maldivian malian maltese marshallese mauritanian mauritian mexican micronesian
    moldovan monegasque mongolian montenegrin moroccan mosotho mozambican namibian nauruan nepalese nepali
    nicaraguan nigerian nigerien norwegian omani pakistani palauan palestinian panamanian paraguayan peruvian
    portuguese qatari romanian rwandan salvadoran salvadorean samoan sammarinese saudi scotsman scotsmen scottish
    senegalese serbian serb seychellois singaporean slovak slovakian slovene slovenian somali spaniard sudanese
    surinamese surinamer swazi swede swedish syrian taiwanese tajik tanzanian thai tibetan timorese togolese tongan
    trinidadian tunisian turkish turkmen tuvaluan ugandan ukrainian uruguayan uyghur uzbek vanuatuan venezuelan
    vietnamese welshman welshmen yemeni yemenite zambian zimbabwean yugoslav yugoslavian czechoslovak rhodesian
    zairean puerto-rican faroese hawaiian texan californian londoner parisian new-yorker scandinavian asian african
    european kurd kurdish arab basque breton cherokee navajo maori inuit roma romani hispanic latino latina latinx
    chicano afro-american african-american asian-american muslim moslem jew jewish hindu sikh buddhist shiite
    shi'ite shii sunni salafi sufi wahhabi lutheran calvinist presbyterian anglican episcopalian methodist mormon
    hasidic druze yazidi zoroastrian taoist shintoist jainist baha'i rastafarian jesuit marxist leninist trotskyist
    maoist stalinist nazi neo-nazi zionist islamist
""".split()

_ENGLISH_CAPITAL = """
    swiss polish irish english french dutch spanish russian german indian welsh lao dane danes finns poles turk
    turks brits scots georgian christian catholic protestant baptist quaker evangelical amish methodist republican
    democrat communist socialist conservative tory tories liberal labourite libertarian apache sioux zulu hutu tutsi
    slav celt gypsy gypsies indians germans russians christians catholics protestants baptists hindus
""".split()
"""Words that are also a thing, a verb or a view in small letters, or a name: only with a capital, and less sure."""

_ENGLISH_SMALL = "russian german indian spanish irish french dutch".split()
"""Of these, those that people write in small letters and that mean nothing else."""

_FRENCH = """
    afghan allemand algérien américain anglais angolais argentin arménien australien autrichien bangladais basque
    belge béninois biélorusse birman bolivien bosniaque bosnien brésilien breton britannique bulgare burkinabé
    cambodgien camerounais canadien catalan chilien chinois chypriote colombien congolais coréen corse costaricain
    croate cubain danois dominicain égyptien équatorien érythréen espagnol estonien éthiopien européen finlandais
    français gabonais gallois gambien géorgien ghanéen grec guatémaltèque guinéen haïtien hollandais hondurien
    hongrois indonésien irakien iranien irlandais islandais israélien italien ivoirien jamaïcain japonais jordanien
    kazakh kenyan kosovar koweïtien kurde laotien letton libanais libérien libyen lituanien luxembourgeois
    macédonien malgache malien maltais marocain mauricien mauritanien mexicain moldave mongol monténégrin
    mozambicain namibien néerlandais népalais nicaraguayen nigérian nigérien norvégien ouzbek pakistanais
    palestinien panaméen paraguayen péruvien philippin polonais portugais québécois roumain russe rwandais
    salvadorien saoudien sénégalais serbe singapourien slovaque slovène somalien soudanais sri-lankais suédois
    syrien tadjik taïwanais tanzanien tchadien tchèque tchétchène thaïlandais togolais tunisien turc ukrainien
    uruguayen vénézuélien vietnamien yéménite yougoslave zambien zimbabwéen écossais londonien parisien maghrébin
    arabe africain asiatique musulman juif juive chrétien chrétienne bouddhiste hindouiste sikh luthérien calviniste
    anglican orthodoxe protestant chiite sunnite mormon marxiste turque grecque
""".split()

_SPANISH = """
    afgano alemán argelino argentino armenio australiano austríaco austriaco belga boliviano bosnio brasileño
    británico búlgaro camboyano camerunés canadiense catalán chileno chino chipriota colombiano congoleño coreano
    costarricense croata cubano danés dominicano ecuatoriano egipcio escocés eslovaco esloveno español
    estadounidense estonio etíope europeo filipino finlandés finés francés gallego georgiano ghanés griego
    guatemalteco guineano haitiano holandés hondureño húngaro indonesio inglés iraní iraquí irlandés islandés
    israelí italiano jamaicano japonés jordano keniano kurdo letón libanés libio lituano luxemburgués macedonio
    maltés marroquí mauritano mexicano moldavo mongol neerlandés nepalí nicaragüense nigeriano noruego pakistaní
    palestino panameño paraguayo peruano polaco portugués puertorriqueño rumano ruso salvadoreño saudí senegalés
    serbio sirio somalí sudanés sueco suizo tailandés tunecino turco ucraniano uruguayo vasco venezolano vietnamita
    yugoslavo árabe africano asiático musulmán judío cristiano católico protestante budista hindú luterano ortodoxo
    chií suní gitano
""".split()

_ITALIAN = """
    afgano albanese algerino americano argentino australiano austriaco belga boliviano bosniaco brasiliano
    britannico bulgaro canadese ceco cileno cinese colombiano coreano croato cubano danese ecuadoriano egiziano
    eritreo estone etiope europeo filippino finlandese francese ghanese giapponese greco indiano indonesiano inglese
    iracheno iraniano irlandese islandese israeliano italiano keniota kosovaro lettone libanese libico lituano
    macedone maltese marocchino messicano moldavo nigeriano norvegese olandese pakistano palestinese peruviano
    polacco portoghese rumeno russo scozzese senegalese serbo siriano slovacco sloveno somalo spagnolo statunitense
    sudanese svedese svizzero tailandese tedesco tunisino turco ucraino ungherese uruguaiano venezuelano vietnamita
    musulmano ebreo cristiano cattolico protestante buddista
""".split()

_PORTUGUESE = """
    alemão angolano argelino argentino australiano austríaco belga boliviano brasileiro britânico búlgaro canadense
    chileno chinês colombiano coreano croata cubano dinamarquês egípcio equatoriano escocês espanhol estadunidense
    europeu finlandês francês grego guineense holandês húngaro indiano inglês iraniano iraquiano irlandês israelense
    italiano japonês libanês marroquino mexicano moçambicano nigeriano norueguês paquistanês paraguaio peruano
    polonês polaco português romeno russo senegalês sérvio sírio sueco suíço tailandês tunisiano turco ucraniano
    uruguaio venezuelano vietnamita muçulmano judeu cristão católico protestante budista
""".split()

_GERMAN = """
    afghane albaner algerier amerikaner ägypter araber argentinier australier belgier bolivianer bosnier brasilianer
    brite bulgare chilene chinese däne deutscher engländer este finne franzose georgier ghanaer grieche inder
    indonesier iraker iraner ire isländer israeli italiener japaner kanadier kolumbianer koreaner kosovare kroate
    kubaner kurde lette libanese libyer litauer luxemburger marokkaner mazedonier mexikaner nepalese niederländer
    nigerianer norweger österreicher pakistaner palästinenser peruaner pole portugiese rumäne russe saudi schotte
    schwede schweizer senegalese serbe slowake slowene somalier spanier sudanese syrer taiwaner thailänder tscheche
    tunesier türke ukrainer ungar uruguayer venezolaner vietnamese waliser muslim muslimin jude jüdin christin
    katholik protestant buddhist hindu afghanisch albanisch algerisch amerikanisch ägyptisch arabisch argentinisch
    australisch belgisch bosnisch brasilianisch britisch bulgarisch chilenisch chinesisch dänisch englisch estnisch
    finnisch französisch georgisch griechisch indisch indonesisch irakisch iranisch irisch isländisch israelisch
    italienisch japanisch kanadisch kolumbianisch koreanisch kosovarisch kroatisch kubanisch kurdisch lettisch
    libanesisch libysch litauisch luxemburgisch marokkanisch mazedonisch mexikanisch niederländisch nigerianisch
    norwegisch österreichisch pakistanisch palästinensisch peruanisch polnisch portugiesisch rumänisch russisch
    schottisch schwedisch schweizerisch serbisch slowakisch slowenisch somalisch spanisch syrisch thailändisch
    tschechisch tunesisch türkisch ukrainisch ungarisch venezolanisch vietnamesisch muslimisch jüdisch katholisch
    evangelisch buddhistisch
""".split()

_DUTCH = """
    afghaan afghaans amerikaan amerikaans argentijn argentijns australiër australisch belg belgisch braziliaan
    braziliaans brit brits bulgaar bulgaars canadees chinees deen deens duits duitser egyptenaar engels engelsman
    fin fins frans fransman griek grieks hongaar hongaars ier iers indiër indiaas irakees iraans israëlisch italiaan
    italiaans japanner japans koerd koerdisch kroaat kroatisch marokkaan marokkaans mexicaan nederlands nederlander
    nigeriaan noor noors oekraïner oekraïens oostenrijker oostenrijks pakistaan palestijn pool pools portugees
    roemeen roemeens rus russisch schots serviër servisch spanjaard spaans surinamer surinaams syriër syrisch tsjech
    tsjechisch turk turks tunesiër vlaming vlaams zweed zweeds zwitser zwitsers moslim joods jood katholiek
    protestants boeddhist
""".split()

_NO_GROUP = frozenset(
    """argentina china ceci estonia etiopia fine indonesia libia libice macedonia noruega roma ruse serbia siria somalia
    suiza svizzera ucraina turkmeni""".split()
)
"""Forms that the endings give and that are places, or words of every day."""

_CAPITAL_ONLY = frozenset(
    """este finne ire pole russe lette fin pool noor brit rus turk belg deen inder japans frans brits fins engels duits
    pools mongol breton swazi guineano jude""".split()
)
"""Words of the lists that mean something else in small letters, in their own or in another language."""


@dataclass(frozen=True, slots=True)
class Group:
    """Code points of a word that names a group of people, half-open, and how sure it is (0 to 1)."""

    start: int
    end: int
    confidence: float


def groups(text: str) -> Iterator[Group]:
    """Words of a passage that call somebody by nation, people, religion or politics."""
    for match in _WORD.finditer(text):
        word = match.group()
        known = _KNOWN.get(word.lower())
        if known is None or (known.capital and not word[0].isupper()):
            continue
        yield Group(match.start(), match.end(), LIKELY if known.capital else SURE)


@dataclass(frozen=True, slots=True)
class _Word:
    """Whether a word counts with a capital only."""

    capital: bool


def _inflected(word: str, language: str) -> Iterator[str]:
    """The forms of a word of a list that end otherwise in the feminine, the plural and the cases."""
    yield word
    match language:
        case "en":
            yield word + "s"
            if word.endswith("y"):
                yield word[:-1] + "ies"
        case "fr":
            feminine = word + ("ne" if word.endswith(("en", "on")) else "" if word.endswith("e") else "e")
            yield from (feminine, feminine + "s", word if word.endswith(("s", "x")) else word + "s")
        case "es" | "pt" | "it":
            yield from _romance(word)
        case "de":
            endings = ("e", "er", "en", "em", "es") if word.endswith("isch") else ("n", "s", "in", "innen", "en")
            yield from (word + ending for ending in endings)
            if word.endswith("e"):
                yield from (word[:-1] + "in", word[:-1] + "innen")
        case _:
            yield from (word + ending for ending in ("e", "en", "s", "se"))


def _romance(word: str) -> Iterator[str]:
    """Feminine and plurals of a Spanish, Italian or Portuguese word."""
    bare = word.translate(str.maketrans("áéíóúêâ", "aeiouea"))
    if word.endswith("o"):
        yield from (word[:-1] + ending for ending in ("a", "os", "as", "i", "e"))
    elif word.endswith(("és", "ês", "án", "ín")):
        yield from (bare + ending for ending in ("a", "es", "as"))
    elif word.endswith("ão"):
        yield from (word[:-2] + ending for ending in ("ã", "ães", "ãos", "ãs", "ões"))
    else:
        yield from (word + "s", word + "es", word[:-1] + "i")


def _lexicon() -> dict[str, _Word]:
    lists = {
        "en": _ENGLISH,
        "fr": _FRENCH,
        "es": _SPANISH,
        "it": _ITALIAN,
        "pt": _PORTUGUESE,
        "de": _GERMAN,
        "nl": _DUTCH,
    }
    known = {form: _Word(True) for word in _ENGLISH_CAPITAL for form in (word, word + "s")}
    for language, words in lists.items():
        for word in words:
            for form in _inflected(word, language):
                if form not in known and form not in _NO_GROUP:
                    known[form] = _Word(capital=word in _CAPITAL_ONLY or form in _CAPITAL_ONLY)
    return known | {word: _Word(False) for word in _ENGLISH_SMALL}


_KNOWN = _lexicon()
_WORD = re.compile(r"(?<![\w.@/-])[^\W\d_]{3,}(?:['-][^\W\d_]{2,})?(?![\w@]|[./-]\w)")
