"""Versions of Drift: what a version may look like, so that it cannot carry the name of a host or a person.

A version is published at once and kept for ever, and builds of one's own put host names and addresses into it.
"""

import re
from functools import lru_cache

from telemetry.catalogue.shapes import TEXT_LENGTH_MAX, is_address

# Few versions are in use at a time.
_REMEMBERED_MAX = 4_096
# Up to four numbers, what Python puts behind them (1.2.3rc1, 1.2.3.dev4), then what SemVer does (-beta.1+build.5).
VERSION_PATTERN = (
    r"v?[0-9]+(?:\.[0-9]+){0,3}(?:\.?(?:a|alpha|b|beta|c|rc|pre|preview|dev|post)[0-9]*){0,3}"
    r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
    r"|[A-Za-z][A-Za-z0-9_-]*"
)

_match_version = re.compile(VERSION_PATTERN).fullmatch
_find_numbers = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)").match
_find_short_numbers = re.compile(r"v?[0-9]{1,5}(?:\.[0-9]{1,5}){0,3}(?!\.?[0-9])").match
_match_plain = re.compile(r"v?([0-9]{1,5}(?:\.[0-9]{1,5}){1,2})").fullmatch
# 0.0.0 is what a build says that knows no version of its own.
_match_development = re.compile(
    r"v?0\.0\.0(?![0-9]).*|.*(?:[-.]dev|[-.]snapshot).*|.*\+.*|.*local.*", re.IGNORECASE
).fullmatch
# Drift will not have ten major versions with four numbers each; an address begins with 10 or more nearly always.
_FOUR_PART_MAJOR_MAX = 9
_OCTET_MAX = 255
# Behind numbers: fix-auth names a branch, johns-macbook-pro a host.
_FOREIGN_WORDS_MAX = 2

# What builds call themselves. Another word may stand beside numbers, but not beside a word, as in a host name.
_BUILD_WORDS = (
    "alpha|beta|rc|pre|preview|dev|post|snapshot|nightly|canary|next|stable|release|final|hotfix|patch|rev|build|exp|"
    "sha|git|commit|pr|ci|dirty|debug|linux|darwin|macos|windows|win|arm|amd|x"
)
# A number, a time, or part of a hash.
_NUMBER = r"[0-9]*|[0-9]{8}T[0-9]{4,6}Z?|g?(?=[a-f]*[0-9])[0-9a-f]{4,40}"
_split_words = re.compile(r"[-._+]").split
_match_number = re.compile(_NUMBER, re.IGNORECASE).fullmatch
_match_build_part = re.compile(rf"{_NUMBER}|(?:{_BUILD_WORDS}|[a-z])[0-9]*", re.IGNORECASE).fullmatch


def is_version(text: str) -> bool:
    """Tell whether ``text`` may be a version of Drift."""
    if len(text) > TEXT_LENGTH_MAX or _match_version(text) is None:
        return False
    found = _find_numbers(text)
    if found is None:
        return not is_address(text) and _foreign_words(text) <= 1
    numbers = [int(number) for number in found[1].split(".")]
    if len(numbers) == 4 and numbers[0] > _FOUR_PART_MAJOR_MAX and max(numbers) <= _OCTET_MAX:  # noqa: PLR2004
        return False
    suffix = text[found.end() :]
    return not is_address(suffix) and _foreign_words(suffix) <= _FOREIGN_WORDS_MAX and _is_build(suffix)


def version_number(text: object) -> str:
    """Return what a log may show of a version: its numbers without any suffix, or ``""`` if that is not a version."""
    if not isinstance(text, str) or not is_version(text):
        return ""
    found = _find_short_numbers(text)
    return found[0] if found else ""


def _foreign_words(text: str) -> int:
    """Count the words that builds do not call themselves, whatever joins them."""
    return sum(_match_build_part(word) is None for word in _split_words(text))


def _is_build(suffix: str) -> bool:
    """Tell whether a suffix has no word that is unknown to builds and joined to another word by dots."""
    for part in suffix.lstrip("-+.").split("+"):
        words = [word for word in part.split(".") if _match_number(word) is None]
        if len(words) > 1 and not all(map(_match_build_part, "-".join(words).split("-"))):
            return False
    return True


def plain_version(text: str) -> str | None:
    """Return a version that is numbers alone, such as 0.9.48, or None: other versions may hold words."""
    found = _match_plain(text)
    return found[1] if found else None


@lru_cache(maxsize=_REMEMBERED_MAX)
def is_development(version: str) -> bool:
    """Tell whether a version is that of a build from source; 0.0.1 is what releases up to 0.9.33 sent."""
    return _match_development(version) is not None


@lru_cache(maxsize=_REMEMBERED_MAX)
def version_order(version: str) -> tuple[int, ...]:
    """Return what sorts versions by their numbers; one without numbers comes first."""
    found = _find_short_numbers(version)
    return tuple(int(number) for number in found[0].lstrip("v").split(".")) if found else ()
