"""The shapes of short texts: what a label, an id, a hash or a version may look like.

No shape admits white space, control characters, quotes, brackets, slashes or ``@``: source code, paths and e-mail
addresses do not fit into any of them. Dotted names that could be host names are refused where they have no business.
"""

import re
from collections.abc import Iterable

TEXT_LENGTH_MAX = 64

LABEL_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9_+#-]|\.(?=[A-Za-z0-9]))*"
INSTALLATION_ID_PATTERN = r"[A-Za-z0-9_-]+"
VERSION_PATTERN = r"v?[0-9]+(?:\.[0-9]+){0,2}(?:[-+][0-9A-Za-z.+-]+)?|[A-Za-z][A-Za-z0-9_-]*"
SIGNATURE_HASH_PATTERN = r"[0-9a-fA-F]+"
TYPE_NAME_PATTERN = r"[a-z][a-z0-9_]*"

# Two or more dots that end in a word (a.b.example), or four numbers (10.0.0.1): a host, and no framework (next.js).
_HOST_LIKE = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.[A-Za-z][A-Za-z0-9-]*|.*[0-9](?:\.[0-9]+){3}.*"
_ANY_DOTTED_WORD = r".*\.[0-9_+#-]*[A-Za-z].*"

_match_label = re.compile(LABEL_PATTERN).fullmatch
_match_installation_id = re.compile(INSTALLATION_ID_PATTERN).fullmatch
_match_version = re.compile(VERSION_PATTERN).fullmatch
_match_signature_hash = re.compile(SIGNATURE_HASH_PATTERN).fullmatch
_match_type_name = re.compile(TYPE_NAME_PATTERN).fullmatch
_match_host_like = re.compile(_HOST_LIKE).fullmatch
_match_any_dotted_word = re.compile(_ANY_DOTTED_WORD).fullmatch


def is_label(text: str) -> bool:
    """Tell whether ``text`` may name a category, a language, a framework or a feature."""
    return len(text) <= TEXT_LENGTH_MAX and _match_label(text) is not None and _match_host_like(text) is None


def is_undotted_label(text: str) -> bool:
    """Tell whether ``text`` is a label that cannot be read as a host or file name; dots may only precede digits."""
    return is_label(text) and _match_any_dotted_word(text) is None


def is_installation_id(text: str) -> bool:
    """Tell whether ``text`` may identify an installation."""
    return len(text) <= TEXT_LENGTH_MAX and _match_installation_id(text) is not None


def is_version(text: str) -> bool:
    """Tell whether ``text`` may be a version of Drift."""
    return len(text) <= TEXT_LENGTH_MAX and _match_version(text) is not None


def is_type_name(text: str) -> bool:
    """Tell whether ``text`` may name an event type, known or not."""
    return len(text) <= TEXT_LENGTH_MAX and _match_type_name(text) is not None


def is_signature_hash(text: str) -> bool:
    """Tell whether ``text`` is a hexadecimal digest."""
    return len(text) <= TEXT_LENGTH_MAX and _match_signature_hash(text) is not None


def are_signature_hashes(texts: Iterable[str]) -> bool:
    """Tell whether all of the texts, none of them too long or empty, are hexadecimal digests."""
    return _match_signature_hash("".join(texts)) is not None
