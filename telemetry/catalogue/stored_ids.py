"""The stored form of installation ids.

A random UUID (version 4 or 7) identifies nobody and is stored as it was sent, and so is a placeholder. Any other id
could be a host name or hold a hardware address: only a keyed hash of it is stored.
"""

import hmac
import re
import secrets
from hashlib import sha256

from telemetry.catalogue.installations import is_placeholder

KEY_BYTES = 32
HASHED_PREFIX = "h1_"
# 128 bits: among a billion ids two share their form with a chance of less than one in 10^20.
_DIGITS = 32
_FINGERPRINT_DIGITS = 16
_UUID_LENGTH = 36

_match_random_uuid = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
).fullmatch
_match_stored_form = re.compile(rf"{HASHED_PREFIX}[0-9a-f]{{{_DIGITS}}}").fullmatch


def is_random_uuid(text: str) -> bool:
    """Tell whether ``text`` is a UUID of version 4 or 7, in any case of letters."""
    return len(text) == _UUID_LENGTH and text[14] in "47" and _match_random_uuid(text) is not None


def is_stored_form(text: str) -> bool:
    """Tell whether ``text`` has the shape of a keyed hash; an id of that shape on the wire is hashed like any other."""
    return _match_stored_form(text) is not None


class IdKey:
    """The key of the hashes. ``fingerprint`` tells keys apart and reveals nothing about them."""

    def __init__(self, key: bytes) -> None:
        self.fingerprint = sha256(key).hexdigest()[:_FINGERPRINT_DIGITS]
        self._key = key

    @classmethod
    def random(cls) -> "IdKey":
        """Return a new key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "IdKey":
        """Return the key that ``text`` holds as hexadecimal digits; raise ``ValueError`` if it holds none."""
        key = bytes.fromhex(text.strip())
        if len(key) != KEY_BYTES:
            raise ValueError(f"not {2 * KEY_BYTES} hexadecimal digits")
        return cls(key)

    def text(self) -> str:
        """Return the key as hexadecimal digits."""
        return self._key.hex()

    def stored(self, sent: str) -> str:
        """Return the stored form of an id that a client has sent."""
        if is_random_uuid(sent) or is_placeholder(sent):
            return sent
        return HASHED_PREFIX + hmac.digest(self._key, sent.encode(), "sha256").hex()[:_DIGITS]

    def mark(self, stored: str) -> str:
        """Return a keyed hash: equal for rows of one installation, and without the key it does not tell which."""
        return hmac.digest(self._key, f"sender {stored}".encode(), "sha256").hex()[:_FINGERPRINT_DIGITS]

    def stored_once(self, given: str) -> str:
        """Return the stored form of an id that an operator or another database gives; it may be one already."""
        return given if is_stored_form(given) else self.stored(given)
