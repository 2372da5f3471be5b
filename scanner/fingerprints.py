"""Keyed fingerprints: tell that two values are the same without keeping either.

A fingerprint is BLAKE2b (RFC 7693), keyed with 32 secret bytes, 128 bits long, over the entity and the
normalised value. An unkeyed hash of a phone number is counted back in seconds; a keyed one is not.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import phonenumbers

from scanner.spans import FINGERPRINT_BYTES

KEY_BYTES = 32

UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Soft hyphen, zero-width space, non-joiner and joiner, word joiner, zero-width no-break space: characters that nobody
sees, which no fingerprint takes in."""


def without_unseen(text: str) -> str:
    """The text less the characters that nobody sees."""
    for char in UNSEEN:
        text = text.replace(char, "")
    return text


def _compatible(value: str) -> str:
    """The value as Unicode's compatibility forms (NFKC) have it, without what nobody sees."""
    return value if value.isascii() else without_unseen(unicodedata.normalize("NFKC", value))


def _folded(value: str) -> str:
    return " ".join(_compatible(value).casefold().split())


def _digits(value: str) -> str:
    return "".join(char for char in _compatible(value) if char.isdecimal())


def _alphanumeric(value: str) -> str:
    return "".join(char for char in _compatible(value).casefold() if char.isalnum())


def _exact(value: str) -> str:
    return _compatible(value)


def _phone(value: str) -> str:
    """E.164 where the number says its country, else its digits: `+1 212 555 0101` and `+12125550101` agree."""
    text = _compatible(value)
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return _digits(text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


NORMALISERS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "folded": _folded,
        "digits": _digits,
        "alphanumeric": _alphanumeric,
        "exact": _exact,
        "phone": _phone,
    }
)
"""Ways to write the same value one way, by the name that `entities.yaml` uses."""


@dataclass(frozen=True, slots=True)
class Fingerprinter:
    """Turns (entity, value) into 16 bytes.

    Attributes:
        key: 32 random bytes that never stand in an output.
        normalisers: name in `NORMALISERS` by entity; an entity not named is `folded`.
    """

    key: bytes = field(repr=False)
    normalisers: Mapping[str, str] = field(default_factory=dict)

    @property
    def key_id(self) -> str:
        """Sixteen hex digits that tell keys apart and give nothing of the key away."""
        return hashlib.blake2b(b"key id", key=self.key, digest_size=8).hexdigest()

    def of(self, entity: str, value: str) -> bytes:
        """Fingerprint of one value, 16 bytes; values that normalise alike get the same.

        Args:
            entity: the kind of value; the same digits as a phone and as a card differ.
            value: the text found, as it stands in the cell.
        """
        normalise = NORMALISERS[self.normalisers.get(entity, "folded")]
        message = f"{entity}|{normalise(value)}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(message, key=self.key, digest_size=FINGERPRINT_BYTES).digest()

    def joined(self, name: str, fingerprints: Sequence[bytes]) -> bytes:
        """Fingerprint of a bundle from those of its members, 16 bytes.

        Args:
            name: of the bundle.
            fingerprints: of its members, in a fixed order.
        """
        message = b"|".join([b"bundle", name.encode(), *fingerprints])
        return hashlib.blake2b(message, key=self.key, digest_size=FINGERPRINT_BYTES).digest()
