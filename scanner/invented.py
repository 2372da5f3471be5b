"""Invented words: names of persons and places that are put together, so that they are nobody's by intent.

Given names are common ones of many countries, as one given name alone points at nobody. Family names and places are
joined from two halves; whole words of the form exist by chance, as with any word that can be spoken.
"""

from __future__ import annotations

GIVEN = tuple(
    """
    Adela Alvar Amina Anders Anwen Ariel Asta Aurel Avani Balint Basia Benno Bianca Birgit Bodil Borja Brenna Carlo
    Cecile Chidi Cilla Clovis Corin Dagny Dalia Damir Davor Delia Desmond Dorin Edda Edvin Elmar Eluned Emeka Enno
    Ersin Esme Fabio Fadil Farah Fenna Ferran Filip Floris Freya Gaspar Gemma Gerda Gideon Giulia Goran Greta Gudrun
    Halima Hanno Harun Hedda Henrik Hilde Ilja Imre Indira Ingrid Iris Isolde Ivana Jalil Janko Jarno Jelena Jonas
    Jorun Judit Kamil Karin Kasper Keiko Kelda Kenji Kirsi Lamia Lasse Leif Leona Lidia Linnea Lorenz Luca Maite Malin
    Marek Mattis Melis Mikkel Milena Mirko Nadim Naomi Nerys Niels Nilda Noor Odile Olga Orla Oskar Paavo Paloma Petra
    Piotr Quirin Rafal Ramona Rasmus Reiko Renzo Rhys Rolf Romy Runa Sabine Salim Sanna Selim Signe Silvan Sora Stellan
    Sunniva Tadeo Tamar Tarek Tilda Timo Tove Ulla Umar Valter Vanja Vera Viggo Wenzel Wilma Yara Yorick Zelda Zora
    """.split()
)

_STARTS = tuple(
    """
    Ald Amber Ash Bal Bar Beck Bern Birk Brack Bran Brink Calder Carn Cor Dal Darn Dorn Dun Ebb Elder Ell Fal Far Fen
    Fern Gal Garth Glen Gran Grim Hal Harn Hasel Hav Holm Hurn Ing Jarn Kal Kell Kirk Kol Lang Lar Lin Lorn Lun Mal
    Mar Mel Mer Mord Nar Nor Oak Orm Pell Pem Quill Rand Raven Rend Rin Rosk Rud Sal Sand Selk Sten Stor Sund Tam Tarn
    Tel Thorn Tor Ulv Var Vel Vin Wal Wend Wil Win Yar Zel
    """.split()
)
_FAMILY_ENDS = tuple(
    """
    ander arova berg borg bridge bury dahl dale den dottir ek ell en er eron eski feld ford gard gren ham hart heim
    hurst ian ides in ing ino is land ley lin lund man mark mere mont mount nik oglu olin one ora oska ovic quist rode
    rup sen shaw skog son stad stein stock strand strom ton tor uchi ulis ura vald vang vik wald wall ward wick wood
    worth yama zek zoni
    """.split()
)
_PLACE_ENDS = tuple(
    """
    beck berg borg bourne bridge bury by cester combe dale don feld field ford garth gate ham haven heim hill holm
    hurst land leigh ley lund marsh mere mond mouth ness port rode shaw stead stoke strand ton vale vik ville wald
    wick wood worth
    """.split()
)

FAMILY_NAMES = len(_STARTS) * len(_FAMILY_ENDS)
PLACES = len(_STARTS) * len(_PLACE_ENDS)

_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
SYLLABLES = len(_CONSONANTS) * len(_VOWELS)
"""Different syllables that `spoken` draws from."""


def family_name(number: int) -> str:
    """The family name of a number from 0 below `FAMILY_NAMES`."""
    return _STARTS[number % len(_STARTS)] + _FAMILY_ENDS[number // len(_STARTS)]


def place(number: int) -> str:
    """The place of a number from 0 below `PLACES`."""
    return _STARTS[number % len(_STARTS)] + _PLACE_ENDS[number // len(_STARTS)]


def syllable(number: int) -> str:
    """The syllable of a number from 0 below `SYLLABLES`."""
    return _CONSONANTS[number % len(_CONSONANTS)] + _VOWELS[number // len(_CONSONANTS)]
