"""Surrogates: the same value becomes the same invented one, of the same form, wherever it stands.

A surrogate is drawn from a keyed stream that the value's fingerprint seeds, so it is the same over shards, workers
and nights, and tells nothing of the value to whoever lacks the key. It keeps the form of the cell that it stands in
(separators, case, number of digits), and it is no one's: mail and web addresses end in domains that are reserved for
examples (RFC 2606), phone numbers cannot be dialled, card and account numbers fail their check, IPv4 addresses lie in
240.0.0.0/4 and IPv6 addresses in 2001:db8::/32.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import phonenumbers

from scanner import dates, invented

_PLAINER = 4
"""Draws after which a phone number takes a second digit that no number has."""

TRIES = 16
"""Draws after which a surrogate that is the value itself, or passes a check, is given up for a plainer one."""

REMARKS = frozenset({"HEALTH", "ARTICLE_9", "MINOR", "NRP"})
"""Entities that are statements and no identifiers: an invented one would be a statement about the same person."""

Passes = Callable[[str, str], bool]
"""Whether a text passes the checks of a rule: rule id, text."""


def no_checks(rule: str, text: str) -> bool:
    """Knows no check."""
    return False


class Value(NamedTuple):
    """What is to be replaced.

    Attributes:
        text: as it stands in the cell.
        entity: what it is.
        fingerprint: of the value, 16 bytes; equal for all ways to write it.
        rule: that found it.
        person: fingerprint of an identifier of the person it belongs to; empty where none is linked.
    """

    text: str
    entity: str
    fingerprint: bytes
    rule: str = ""
    person: bytes = b""

    def __repr__(self) -> str:
        """All but the text, which stands in no log."""
        return f"Value({self.entity}, {self.fingerprint.hex()}, {self.rule})"


class Surrogates:
    """Makes surrogates under one key."""

    def __init__(self, key: bytes, passes: Passes = no_checks) -> None:
        """Make surrogates from a fingerprint key.

        Args:
            key: 32 secret bytes; the key of the surrogates is derived from it.
            passes: whether a text passes the checks of a rule; where it can be helped, no surrogate does.
        """
        self._key = hashlib.blake2b(b"surrogates", key=key, digest_size=32, person=b"surrogates").digest()
        self._passes = passes

    @property
    def key_id(self) -> str:
        """Sixteen hex digits that tell keys apart and give nothing of the key away."""
        return hashlib.blake2b(b"key id", key=self._key, digest_size=8).hexdigest()

    def of(self, value: Value) -> str:
        """The surrogate of a value."""
        text = value.text
        for attempt in range(TRIES):
            made = self._made(value, attempt)
            if made.casefold() != text.casefold() and not self._is_valid(value, made):
                return made
        return tag(value.entity)

    def hashed(self, value: Value, characters: int) -> str:
        """Keyed hash of a value, in lower-case hex of up to 64 characters."""
        message = b"hash|" + value.fingerprint
        return hashlib.blake2b(message, key=self._key, digest_size=32).hexdigest()[:characters]

    def _made(self, value: Value, attempt: int) -> str:
        seed = value.entity.encode() + b"|" + value.fingerprint + bytes([attempt])
        drawn = _Stream(self._key, seed, attempt)
        if value.entity in REMARKS:
            return tag(value.entity)
        if value.entity in ("DATE_TIME", "DATE_OF_BIRTH"):
            return self._date(value, drawn, attempt)
        if value.entity == "EMAIL_ADDRESS":
            return self._email(value.text, drawn)
        if value.entity == "URL":
            return self._url(value.text, drawn)
        return _FORMS.get(value.entity, same_shape)(value.text, drawn)

    def _is_valid(self, value: Value, made: str) -> bool:
        return value.entity not in _RESERVED and self._passes(value.rule, made)

    def _date(self, value: Value, drawn: _Stream, attempt: int) -> str:
        """The date moved by its person's days: intervals between the dates of one person stay."""
        days = _Stream(self._key, b"days|" + value.person + bytes([attempt])).below(2 * _MOST_DAYS) - _MOST_DAYS
        days += _LEAST_DAYS if days >= 0 else -_LEAST_DAYS
        if (moved := dates.shifted(value.text, days)) is not None:
            return moved
        return _numbers(value.text, drawn) if any(char.isdecimal() for char in value.text) else tag(value.entity)

    def _email(self, text: str, drawn: _Stream) -> str:
        local, at, domain = text.rpartition("@")
        if not at:
            return same_shape(text, drawn)
        joint = next((char for char in local if char in "._-"), ".")
        name = f"{drawn.spoken(3)}{joint}{drawn.spoken(3)}{drawn.below(90) + 10}"
        return f"{_cased_like(local, name)}@{self._domain(domain)}"

    def _url(self, text: str, drawn: _Stream) -> str:
        match = _URL.fullmatch(text)
        if match is None:
            return same_shape(text, drawn)
        scheme, host, rest = match.group("scheme") or "", match.group("host"), match.group("rest")
        www = "www." if host.casefold().startswith("www.") else ""
        return scheme + www + self._domain(host.removeprefix("www.")) + same_shape(rest, drawn)

    def _domain(self, domain: str) -> str:
        """The domain's own surrogate: mail addresses of one domain stay of one domain."""
        drawn = _Stream(self._key, b"domain|" + domain.casefold().encode("utf-8", "surrogatepass"))
        return f"{drawn.spoken(4)}.{drawn.pick(('example.com', 'example.net', 'example.org'))}"


def tag(entity: str) -> str:
    """What stands for a value that has no form to keep: `<HEALTH>`."""
    return f"<{entity}>"


def same_shape(text: str, drawn: _Stream) -> str:
    """Other characters of the same kind: digits for digits, small letters for small ones, the script kept.

    A text of hexadecimal digits stays one; a number that does not begin with 0 does not begin so afterwards.
    """
    hexadecimal = _HEXADECIMAL.fullmatch(text) is not None
    made = [_like(char, drawn, hexadecimal=hexadecimal) for char in text]
    if text.startswith("0x"):
        made[:2] = "0x"
    first = next((index for index, char in enumerate(text) if char.isdecimal()), None)
    if first is not None and text[first] != "0" and made[first] == "0":
        made[first] = str(drawn.below(9) + 1)
    return "".join(made)


_LEAST_DAYS, _MOST_DAYS = 30, 336
_RESERVED = frozenset({"EMAIL_ADDRESS", "URL", "IP_ADDRESS", "MAC_ADDRESS", "DATE_TIME", "DATE_OF_BIRTH", "PERSON"})
"""Entities whose surrogates are of the right form and no one's by their range."""

_URL = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)?(?P<host>[^/?#\s]+)(?P<rest>.*)", re.DOTALL)
_HEXADECIMAL = re.compile(r"(?:0x)?[0-9a-f:.-]*[a-f][0-9a-f:.-]*|(?:0x)?[0-9A-F:.-]*[A-F][0-9A-F:.-]*")
_TITLES = frozenset(
    "mr mrs ms miss mx dr prof sir dame lord lady rev hon capt sgt lt col gen m mme mlle sr sra".split()
)
_PARTICLES = frozenset("de del della der den di da du la le van von zu bin al el y".split())
_GENERIC = frozenset(
    """
    street st avenue ave road rd lane ln drive dr boulevard blvd court ct square sq place pl way terrace circle highway
    hwy apt apartment suite ste floor fl unit box po north south east west ne nw se sw rue calle avenida plaza via
    the of and no number room building house
    """.split()
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class _Stream:
    """Numbers from a keyed hash in counter mode; `attempt` is how many draws before were no good."""

    def __init__(self, key: bytes, seed: bytes, attempt: int = 0) -> None:
        self.attempt = attempt
        self._key, self._seed, self._block = key, seed, 0
        self._pool, self._room = 0, 1

    def below(self, bound: int) -> int:
        """A number from 0 below `bound`; the bias is under 2⁻⁶⁴."""
        if self._room < bound << 64:
            message = self._block.to_bytes(4, "little") + self._seed
            self._pool = int.from_bytes(hashlib.blake2b(message, key=self._key).digest(), "little")
            self._room = 1 << 512
            self._block += 1
        self._pool, drawn = divmod(self._pool, bound)
        self._room //= bound
        return drawn

    def pick(self, choices: tuple[str, ...] | str) -> str:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def spoken(self, syllables: int) -> str:
        """A word that can be spoken."""
        return "".join(invented.syllable(self.below(invented.SYLLABLES)) for _ in range(syllables))


def _like(char: str, drawn: _Stream, *, hexadecimal: bool) -> str:
    if char.isdecimal():
        return chr(ord(char) - unicodedata.decimal(char) + drawn.below(10))
    if "a" <= char <= "z":
        return drawn.pick("abcdef" if hexadecimal and char <= "f" else "abcdefghijklmnopqrstuvwxyz")
    if "A" <= char <= "Z":
        return drawn.pick("ABCDEF" if hexadecimal and char <= "F" else "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return drawn.pick(_neighbours(char)) if char.isalpha() else char


@lru_cache(maxsize=4096)
def _neighbours(char: str) -> str:
    """Letters of the same kind in the same row of Unicode."""
    row, kind = ord(char) & ~0x3F, unicodedata.category(char)
    return "".join(chr(code) for code in range(row, row + 0x40) if unicodedata.category(chr(code)) == kind)


def _numbers(text: str, drawn: _Stream) -> str:
    """Each number becomes another of as many digits, no larger than the larger of it and 9."""

    def other(match: re.Match[str]) -> str:
        digits = match.group()
        return str(drawn.below(max(int(digits), 9)) + 1).zfill(len(digits))[: len(digits)]

    return re.sub(r"\d+", other, text)


def _person(text: str, drawn: _Stream) -> str:
    """Given names and a family name, as many as there were; titles, particles and initials keep their form."""
    words = [match for match in _WORD.finditer(text) if not _stays(match.group())]
    if not words or any(not _is_latin(word.group()) for word in words):
        return same_shape(text, drawn)
    before_comma = "," in text[words[0].end() : words[-1].start()]
    family = words[0] if before_comma else words[-1]
    made = {}
    for word in words:
        if len(word.group()) == 1:
            made[word.start()] = drawn.pick("ABCDEFGHIJKLMNOPRSTVWYZ")
        elif word is family and len(words) > 1:
            made[word.start()] = invented.family_name(drawn.below(invented.FAMILY_NAMES))
        else:
            made[word.start()] = drawn.pick(invented.GIVEN)
    return _WORD.sub(lambda word: _cased_like(word.group(), made.get(word.start(), word.group())), text)


def _stays(word: str) -> bool:
    return word.casefold() in _TITLES or word in _PARTICLES


def _is_latin(word: str) -> bool:
    return all(ord(char) < 0x250 or char in "'’" for char in word)


def _cased_like(model: str, word: str) -> str:
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word.lower() if model.islower() else word


def _place(text: str, drawn: _Stream) -> str:
    if not _is_latin("".join(_WORD.findall(text))) or not _WORD.search(text):
        return same_shape(text, drawn)

    def other(match: re.Match[str]) -> str:
        word = match.group()
        if word in _PARTICLES or word.casefold() in _GENERIC:
            return word
        if len(word) <= 3 and word.isupper():
            return same_shape(word, drawn)
        return _cased_like(word, invented.place(drawn.below(invented.PLACES)))

    return _digits(_WORD.sub(other, text), drawn)


def _digits(text: str, drawn: _Stream) -> str:
    """Other digits; a number that does not begin with 0 does not begin so afterwards."""

    def other(match: re.Match[str]) -> str:
        return same_shape(match.group(), drawn)

    return re.sub(r"\d+", other, text)


def _each_digit(text: str, drawn: _Stream) -> str:
    """Other digits, however they are grouped."""
    return "".join(_like(char, drawn, hexadecimal=False) if char.isdecimal() else char for char in text)


def _username(text: str, drawn: _Stream) -> str:
    made = [drawn.spoken(5) if len(word) > 2 else same_shape(word, drawn) for word in re.findall(r"[a-zA-Z]+", text)]
    words = iter(made)
    spoken = re.sub(r"[a-zA-Z]+", lambda word: _cased_like(word.group(), next(words)), text)
    return _digits(spoken, drawn) if made else same_shape(text, drawn)


def _phone(text: str, drawn: _Stream) -> str:
    """Country code and punctuation stay; the national number begins with a digit that none begins with."""
    digits = [index for index, char in enumerate(text) if char.isdecimal()]
    code = _country_code_digits(text)
    made = list(_each_digit(text, drawn))
    for index in digits[:code]:
        made[index] = text[index]
    national = digits[code:]
    if national:
        first = text[national[0]]
        made[national[0]] = "0" if first == "0" or text.lstrip(" (").startswith("+") else "1"
        if len(national) > 1 and (first == "0" or drawn.attempt >= _PLAINER):
            made[national[1]] = "0"
    return "".join(made)


def _country_code_digits(text: str) -> int:
    if not text.lstrip(" (").startswith("+"):
        digits = [char for char in text if char.isdecimal()]
        return int(len(digits) == 11 and digits[0] == "1")
    try:
        return len(str(phonenumbers.parse(text, None).country_code))
    except phonenumbers.NumberParseException:
        return 2


def _card(text: str, drawn: _Stream) -> str:
    """The issuer's first digit, and a number whose check digit is wrong."""
    made = list(_each_digit(text, drawn))
    places = [index for index, char in enumerate(text) if char.isdecimal()]
    if not places:
        return same_shape(text, drawn)
    made[places[0]] = text[places[0]]
    if _luhn([int(made[index]) for index in places]):
        made[places[-1]] = str((int(made[places[-1]]) + drawn.below(9) + 1) % 10)
    return "".join(made)


def _luhn(digits: list[int]) -> bool:
    doubled = [digit if index % 2 == 0 else sum(divmod(digit * 2, 10)) for index, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _iban(text: str, drawn: _Stream) -> str:
    """The country, and a number that fails its check; 00, 01 and 99 are no check digits (ISO 13616)."""
    made = list(same_shape(text, drawn))
    places = [index for index, char in enumerate(text) if char.isalnum()]
    for index in places[:2]:
        made[index] = text[index]
    bare = [made[index] for index in places]
    for check in ("00", "01", "99"):
        bare[2:4] = check
        if not _mod_97("".join(bare)):
            break
    for index, char in zip(places, bare, strict=False):
        made[index] = char
    return "".join(made)


def _mod_97(iban: str) -> bool:
    """Whether the check digits fit the rest, be they allowed or not."""
    digits = "".join(str(int(char, 36)) for char in iban[4:] + iban[:4] if char.isascii())
    return bool(digits) and int(digits) % 97 == 1


def _ssn(text: str, drawn: _Stream) -> str:
    """Area 9xx with group 00 to 49: never a social security number, nor a taxpayer's one (IRS)."""
    made = list(_each_digit(text, drawn))
    places = [index for index, char in enumerate(text) if char.isdecimal()]
    if len(places) != 9:
        return same_shape(text, drawn)
    made[places[0]], made[places[3]] = "9", str(drawn.below(5))
    return "".join(made)


def _ip(text: str, drawn: _Stream) -> str:
    match = re.fullmatch(r"(?P<head>\[?)(?P<host>[\d.]+(?!\S*:\S*:)|[0-9a-fA-F:.]+)(?P<rest>.*)", text, re.DOTALL)
    if match is None:
        return same_shape(text, drawn)
    if match.group("host").count(":") > 1:
        host = "2001:db8:" + ":".join(f"{drawn.below(1 << 16):x}" for _ in range(6))
    else:
        host = f"{240 + drawn.below(15)}." + ".".join(str(drawn.below(256)) for _ in range(3))
    return match.group("head") + host + match.group("rest")


def _mac(text: str, drawn: _Stream) -> str:
    """An address of those that anybody may give (the second-lowest bit of the first byte is set, IEEE 802)."""
    made = list(same_shape(text, drawn))
    places = [index for index, char in enumerate(text) if char.isalnum()]
    if len(places) > 1:
        made[places[1]] = drawn.pick("26AE" if text.upper() == text else "26ae")
    return "".join(made)


_FORMS: dict[str, Callable[[str, _Stream], str]] = {
    "PERSON": _person,
    "LOCATION": _place,
    "ADDRESS": _place,
    "USERNAME": _username,
    "PHONE_NUMBER": _phone,
    "CREDIT_CARD": _card,
    "IBAN_CODE": _iban,
    "US_SSN": _ssn,
    "IP_ADDRESS": _ip,
    "MAC_ADDRESS": _mac,
}
"""How entities keep their form; those not named keep the kinds of their characters."""
