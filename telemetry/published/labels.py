"""What of a label the public may see: itself if it is known or admitted, otherwise ``other``."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial

from telemetry.catalogue.benchmarks import LEVELS, MEASURES, WHOLE_RUN
from telemetry.catalogue.events import KNOWN_EVENTS
from telemetry.catalogue.languages import language_of
from telemetry.catalogue.shapes import is_signature_hash
from telemetry.catalogue.versions import plain_version
from telemetry.catalogue.vocabularies import NATIVE_FUNCTIONS, category_of, method_of, size_tier_of
from telemetry.published.series import OTHER_LABEL

_REMEMBERED_MAX = 10_000


class LabelKind(StrEnum):
    """What a label names."""

    TYPE = "type"
    VERSION = "version"
    LANGUAGE = "language"
    CATEGORY = "category"
    METHOD = "method"
    SIGNATURE = "signature"
    FUNCTION = "function"
    SIZE_TIER = "size_tier"
    FRAMEWORK = "framework"
    FEATURE = "feature"
    # Of benchmarks.
    TOOL = "tool"
    CORPUS = "corpus"
    LEVEL = "level"
    MEASURE = "measure"

    # That of an enumeration is Python, and every label of every event is looked up by it.
    __hash__ = str.__hash__


OF_BENCHMARKS = frozenset({LabelKind.TOOL, LabelKind.CORPUS, LabelKind.LEVEL, LabelKind.MEASURE})


def _nothing(_sent: str) -> None:
    return None


def _digest_of(signature: str) -> str:
    """Return a signature without its format: a format other than 1 stands before a colon."""
    number, colon, digest = signature.partition(":")
    return digest if colon and number.isdecimal() else signature


_KNOWN: dict[LabelKind, Callable[[str], str | None]] = {
    LabelKind.TYPE: lambda sent: sent if sent in KNOWN_EVENTS else None,
    LabelKind.VERSION: plain_version,
    LabelKind.LANGUAGE: language_of,
    LabelKind.CATEGORY: category_of,
    LabelKind.METHOD: method_of,
    # A digest is not a word: a sender cannot publish a message with it. With the name of a rule, a sender could.
    LabelKind.SIGNATURE: lambda sent: sent.lower() if is_signature_hash(_digest_of(sent)) else None,
    LabelKind.FUNCTION: lambda sent: sent if sent in NATIVE_FUNCTIONS else None,
    LabelKind.SIZE_TIER: size_tier_of,
    LabelKind.FRAMEWORK: _nothing,
    LabelKind.FEATURE: _nothing,
    LabelKind.TOOL: _nothing,
    LabelKind.CORPUS: lambda sent: sent if sent == WHOLE_RUN else None,
    LabelKind.LEVEL: lambda sent: sent if sent in LEVELS else None,
    LabelKind.MEASURE: lambda sent: sent if sent in MEASURES else None,
}


def known(kind: LabelKind, sent: str) -> str | None:
    """Return what the catalogue shows a label as, or None if it does not know it."""
    return _KNOWN[kind](sent)


class _Remembered(dict[str, str]):
    """What labels of one kind are shown as, by what was sent. Holds at most ``_REMEMBERED_MAX``."""

    def __init__(self, find: Callable[[str], str]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, sent: str) -> str:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        found = self[sent] = self._find(sent)
        return found


class PublicLabels:
    """Labels as the public sees them. What is hidden is ``other``, also if it is known."""

    def __init__(self, admitted: Iterable[tuple[str, str]] = (), hidden: Iterable[tuple[str, str]] = ()) -> None:
        self._admitted = frozenset(admitted)
        self._hidden = frozenset(hidden)
        self._remembered = {kind: _Remembered(partial(self._find, kind)) for kind in LabelKind}

    def shown(self, kind: LabelKind, sent: str) -> str:
        """Return what stands for a label in public."""
        return self._remembered[kind][sent]

    def shown_as(self, kind: LabelKind) -> Callable[[str], str]:
        """Return what returns what stands for a label of one kind, for those who ask often."""
        return self._remembered[kind].__getitem__

    def hides(self, kind: LabelKind, shown: str) -> bool:
        """Tell whether the operator hides a label of published numbers."""
        return (kind.value, shown) in self._hidden

    def _find(self, kind: LabelKind, sent: str) -> str:
        shown = _KNOWN[kind](sent) or (sent if (kind.value, sent) in self._admitted else OTHER_LABEL)
        return OTHER_LABEL if {(kind.value, sent), (kind.value, shown)} & self._hidden else shown
