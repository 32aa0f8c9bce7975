"""The shapes of short texts: what a label, an id or a hash may look like.

No shape admits white space, control characters, quotes, brackets, slashes or ``@``: source code, paths and e-mail
addresses do not fit into any of them. Dotted names that could be those of hosts or files are refused too.
"""

import re
from collections.abc import Iterable

TEXT_LENGTH_MAX = 64

# A dot stands before digits alone, as in python3.12: before a word it would make a host or file name.
LABEL_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9_+#-]|\.(?=[0-9])(?![0-9_+#-]*[A-Za-z]))*"
INSTALLATION_ID_PATTERN = r"[A-Za-z0-9_-]+"
SIGNATURE_HASH_PATTERN = r"[0-9a-fA-F]+"
TYPE_NAME_PATTERN = r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*"
FRAMEWORK_PATTERN = rf"{LABEL_PATTERN}|[A-Za-z][A-Za-z0-9-]*\.js"

# Names with a dot that are neither hosts nor files.
_DOTTED_NAMES = frozenset({"asp.net", "asp.net-core", "vb.net", "ml.net", "socket.io", "web.py", "discord.py"})
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
# Four numbers joined by dots; four of at most 255 joined by anything; six pairs of hexadecimal digits; a UUID, which
# holds a hardware address if it is of version 1.
_ADDRESS = (
    r"[0-9](?:\.[0-9]+){3}"
    rf"|(?<![0-9]){_OCTET}(?:[-_+.]{_OCTET}){{3}}(?![0-9])"
    r"|(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}(?:[-_.][0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f])"
    r"|[0-9A-Fa-f]{8}(?:[-_][0-9A-Fa-f]{4}){3}[-_][0-9A-Fa-f]{12}"
)

_match_label = re.compile(LABEL_PATTERN).fullmatch
_match_script_framework = re.compile(r"[A-Za-z][A-Za-z0-9-]*\.js").fullmatch
_match_installation_id = re.compile(INSTALLATION_ID_PATTERN).fullmatch
_match_signature_hash = re.compile(SIGNATURE_HASH_PATTERN).fullmatch
_match_type_name = re.compile(TYPE_NAME_PATTERN).fullmatch
_find_address = re.compile(_ADDRESS).search


def is_label(text: str) -> bool:
    """Tell whether ``text`` is a short name that cannot be read as a host, a file or an address."""
    if len(text) > TEXT_LENGTH_MAX:
        return False
    return (_match_label(text) is not None and not is_address(text)) or text.lower() in _DOTTED_NAMES


def is_framework(text: str) -> bool:
    """Tell whether ``text`` may name a framework: a label, or a name that ends in ``.js``."""
    return is_label(text) or (len(text) <= TEXT_LENGTH_MAX and _match_script_framework(text) is not None)


def is_address(text: str) -> bool:
    """Tell whether a network or hardware address or a UUID is in ``text``, with whatever joins its numbers."""
    return _find_address(text) is not None


def is_installation_id(text: str) -> bool:
    """Tell whether ``text`` may identify an installation."""
    return len(text) <= TEXT_LENGTH_MAX and _match_installation_id(text) is not None


def is_type_name(text: str) -> bool:
    """Tell whether ``text`` may name an event type, known or not."""
    return len(text) <= TEXT_LENGTH_MAX and _match_type_name(text) is not None


def is_signature_hash(text: str) -> bool:
    """Tell whether ``text`` is a hexadecimal digest."""
    return len(text) <= TEXT_LENGTH_MAX and _match_signature_hash(text) is not None


def are_signature_hashes(texts: Iterable[str]) -> bool:
    """Tell whether all of the texts, none of them too long or empty, are hexadecimal digests."""
    return _match_signature_hash("".join(texts)) is not None
