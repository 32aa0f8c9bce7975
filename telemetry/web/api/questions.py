"""Questions: what may be asked of each address, as one struct each; every limit and default is said here."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from telemetry.errors import ErrorCode, Refusal

PAGES_MAX = 100_000
_DAY_LENGTH = 10
_DAYS = ("first", "last", "window")
_LABEL_LENGTH_MAX = 200

_Day = Annotated[
    str,
    Meta(
        # The length leaves out a line feed at the end, which `$` would let through.
        min_length=_DAY_LENGTH, max_length=_DAY_LENGTH, pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="A UTC day such as 2026-11-23.", extra_json_schema={"format": "date"},
    ),
]  # fmt: skip
_Key = Annotated[
    str, Meta(min_length=1, max_length=_LABEL_LENGTH_MAX, description="A label, or several from the top, with `/`.")
]
_Label = Annotated[str, Meta(min_length=1, max_length=_LABEL_LENGTH_MAX, description="Only rows with this label.")]
_Page = Annotated[int, Meta(ge=1, le=PAGES_MAX, description="The page; `next_page` names the one after it.")]
_Format = Annotated[Literal["json", "csv"], Meta(description="How rows are sent.")]
_Cohort = Annotated[
    Literal["regular", "development", "ci", "agent"],
    Meta(description="Regular installations, builds from source, pipelines or agents; only some series have these."),
]
_Callers = Annotated[Literal["regular", "ci", "agent"], Meta(description="Of people, of pipelines or of agents.")]
_Window = Annotated[_Day, Meta(description="The first day of a window; the last one that was closed by default.")]
_Target = Annotated[float, Meta(ge=0.5, le=0.999, description="The share of approvals that is wanted.")]


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked, as it was sent in the query of an address."""

    def __post_init__(self) -> None:
        """Refuse days that no calendar has."""
        for name in _DAYS:
            if day := getattr(self, name, UNSET):
                date.fromisoformat(day)


class ListedQuestion(Question, frozen=True):
    """Rows that may be had as CSV."""

    format: _Format = "json"


class RowsQuestion(ListedQuestion, frozen=True, rename={"first": "from", "last": "to"}):
    """Rows of a series. Windows that begin from the first day to the last; the last thirty windows by default."""

    first: _Day | UnsetType = UNSET
    last: _Day | UnsetType = UNSET
    key: _Key | UnsetType = UNSET
    cohort: _Cohort | UnsetType = UNSET
    page: _Page = 1


class DurationsQuestion(ListedQuestion, frozen=True, rename={"first": "from", "last": "to"}):
    """Durations of days; the last thirty by default."""

    first: _Day | UnsetType = UNSET
    last: _Day | UnsetType = UNSET
    what: _Label | UnsetType = UNSET
    version: _Label | UnsetType = UNSET
    cohort: _Callers = "regular"


class DecisionsQuestion(ListedQuestion, frozen=True):
    """Decisions of one window."""

    window: _Window | UnsetType = UNSET
    category: _Label | UnsetType = UNSET
    cohort: _Callers = "regular"


class ThresholdsQuestion(ListedQuestion, frozen=True):
    """Thresholds from one window."""

    target: _Target = 0.85
    window: _Window | UnsetType = UNSET


class SignaturesQuestion(ListedQuestion, frozen=True):
    """Signatures of one window."""

    window: _Window | UnsetType = UNSET
    category: _Label | UnsetType = UNSET
    page: _Page = 1


class BenchmarksQuestion(ListedQuestion, frozen=True):
    """What is public of benchmarks."""

    tool: _Label | UnsetType = UNSET
    version: _Label | UnsetType = UNSET
    corpus: _Label | UnsetType = UNSET
    level: _Label | UnsetType = UNSET
    category: _Label | UnsetType = UNSET
    page: _Page = 1


_Q = TypeVar("_Q", bound=Question)


def read_question(sent: Iterable[tuple[str, str]], kind: type[_Q]) -> _Q:
    """Return what the query of an address asks; raise ``Refusal`` if that is not what may be asked."""
    pairs = list(sent)
    names = Counter(name for name, _ in pairs)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise _refusal(f"{twice[0]} is given more than once")
    try:
        return msgspec.convert(dict(pairs), kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error


def _refusal(detail: str) -> Refusal:
    return Refusal(ErrorCode.PARAMETER_INVALID, detail=detail.encode("utf-8", "replace").decode())
