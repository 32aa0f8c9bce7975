"""The shapes of short texts: what a label, an id, a hash, a version or a timestamp may look like.

No shape admits white space, control characters, quotes, brackets, slashes or ``@``: source code, paths and e-mail
addresses do not fit into any of them. Dotted names that could be host names are refused where they have no business.
"""

import re
from datetime import datetime
from functools import lru_cache

TEXT_LENGTH_MAX = 64
TIMESTAMP_LENGTH_MAX = 35

LABEL_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9_+#-]|\.(?=[A-Za-z0-9]))*"
INSTALLATION_ID_PATTERN = r"[A-Za-z0-9_-]+"
VERSION_PATTERN = r"v?[0-9]+(?:\.[0-9]+){0,2}(?:[-+][0-9A-Za-z.+-]+)?|[A-Za-z][A-Za-z0-9_-]*"
SIGNATURE_HASH_PATTERN = r"[0-9a-fA-F]+"
TYPE_NAME_PATTERN = r"[a-z][a-z0-9_]*"

# Two or more dots that end in a word (a.b.example), or four numbers (10.0.0.1): a host, and no framework (next.js).
_HOST_LIKE = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\.[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+){3}")
_SIGNATURE_HASH = re.compile(SIGNATURE_HASH_PATTERN).fullmatch
_ANY_DOTTED_WORD = re.compile(r".*\.[0-9_+#-]*[A-Za-z].*")

# Real traffic repeats few labels and versions; remembering those that fit costs a tenth of matching them again.
_REMEMBERED_MAX = 16_384


@lru_cache(maxsize=_REMEMBERED_MAX)
def is_label(text: str) -> bool:
    """Tell whether ``text`` may name a category, a language, a framework or a feature."""
    return _fits(LABEL_PATTERN, text) and _HOST_LIKE.fullmatch(text) is None


@lru_cache(maxsize=_REMEMBERED_MAX)
def is_undotted_label(text: str) -> bool:
    """Tell whether ``text`` is a label that cannot be read as a host or file name; dots may only precede digits."""
    return is_label(text) and _ANY_DOTTED_WORD.fullmatch(text) is None


@lru_cache(maxsize=_REMEMBERED_MAX)
def is_installation_id(text: str) -> bool:
    """Tell whether ``text`` may identify an installation."""
    return _fits(INSTALLATION_ID_PATTERN, text)


@lru_cache(maxsize=_REMEMBERED_MAX)
def is_version(text: str) -> bool:
    """Tell whether ``text`` may be a version of Drift."""
    return _fits(VERSION_PATTERN, text)


def is_type_name(text: str) -> bool:
    """Tell whether ``text`` may name an event type, known or not."""
    return _fits(TYPE_NAME_PATTERN, text)


def is_signature_hash(text: str) -> bool:
    """Tell whether ``text`` is a hexadecimal digest."""
    return len(text) <= TEXT_LENGTH_MAX and _SIGNATURE_HASH(text) is not None


def parse_timestamp(text: str) -> datetime | None:
    """Return the instant that ``text`` names in ISO 8601 with an offset, or None."""
    if len(text) > TIMESTAMP_LENGTH_MAX or text[10:11] != "T":
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def _fits(pattern: str, text: str) -> bool:
    return len(text) <= TEXT_LENGTH_MAX and re.fullmatch(pattern, text) is not None
