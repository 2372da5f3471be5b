"""Ed25519 signatures: a reviewer's key in an owner-only file outside every output, and its public half beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from scanner.atomic import write_text
from scanner.errors import BadKey
from scanner.keys import create_for_owner, default_key_file, is_open_to_others, keep_outside

PUBLIC = ".pub"
LARGEST_BYTES = 1 << 16
"""A PEM file of one key is far smaller."""


def default_signing_key() -> Path:
    """Where the signing key lies unless told otherwise: `signing.pem` beside the fingerprint key."""
    return default_key_file().with_name("signing.pem")


def public_file(file: Path) -> Path:
    """Where the public half of a signing key lies."""
    return file.with_name(file.name + PUBLIC)


def new_signing_key(file: Path, outside: Path) -> None:
    """Make a signing key in `file` (0600) and its public half beside it.

    Raises:
        BadKey: there is one already, it would lie inside the output, or it cannot be written.
    """
    keep_outside(file, outside, "--signing-key")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        create_for_owner(file, private)
        write_text(public_file(file), _pem(key.public_key()))
    except FileExistsError:
        raise BadKey(f"{file}: there is a key already; sign with it, or name another --signing-key") from None
    except OSError as error:
        raise BadKey(f"{file}: the key cannot be made: {error.strerror}") from error


def read_signing_key(file: Path, outside: Path) -> Ed25519PrivateKey:
    """The signing key in a file.

    Raises:
        BadKey: it lies inside the output, is open to others, or is no Ed25519 key without a password.
    """
    keep_outside(file, outside, "--signing-key")
    try:
        is_open, text = is_open_to_others(file), file.read_bytes()[:LARGEST_BYTES]
    except FileNotFoundError:
        raise BadKey(f"{file}: there is no signing key; make one with --new-key") from None
    except OSError as error:
        raise BadKey(f"{file}: the signing key cannot be read: {error.strerror}") from error
    if is_open:
        raise BadKey(f"{file}: others may read the signing key; run `chmod 600` on it")
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey(f"{file}: holds no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{file}: holds a private key, but not an Ed25519 one")
    return key


def read_public_key(file: Path) -> Ed25519PublicKey:
    """The public key in a file.

    Raises:
        BadKey: there is none, or it is no Ed25519 key.
    """
    try:
        text = file.read_bytes()[:LARGEST_BYTES]
    except OSError as error:
        raise BadKey(f"{file}: the public key cannot be read: {error.strerror}") from error
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"{file}: holds no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{file}: holds a public key, but not an Ed25519 one")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """What names the key: SHA-256 of its SubjectPublicKeyInfo in DER, hex."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether the signature over the message is this key's."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
