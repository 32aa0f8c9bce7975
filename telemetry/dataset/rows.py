"""DatasetRow: one signature of the data set. The schemas of its files, the card and the comparison follow from it."""

from datetime import date
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.inspect import DateType, Field, FloatType, IntType, ListType, Metadata, StructType, Type, UnionType

from telemetry.catalogue.shapes import is_signature_hash


class DatasetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A signature in a category, over all windows that it is published in.

    Lists of one name belong together: the n-th share is that of the n-th label.
    """

    format: Annotated[
        str,
        Meta(description="`hash` where the tool sends a digest of a detector, `rule` where it sends a rule's name."),
    ]
    signature: Annotated[str | None, Meta(description="The digest, in hexadecimal digits; none for a rule.")]
    rule: Annotated[str | None, Meta(description="The name of the rule; none for a digest.")]
    category: Annotated[str, Meta(description="The category that the detector files its patterns under.")]
    first_window: Annotated[date, Meta(description="First day of the first window of four weeks that has the row.")]
    last_window: Annotated[date, Meta(description="First day of the last window that has it.")]
    windows: Annotated[int, Meta(description="How many windows have it.")]
    installations: Annotated[str, Meta(description="Band of installations, in the window that has most of them.")]
    languages: Annotated[list[str], Meta(description="Languages that it was found in, the most frequent first.")]
    language_shares: Annotated[list[float], Meta(description="Their shares of the occurrences.")]
    methods: Annotated[list[str], Meta(description="Methods of detection, the most frequent first.")]
    method_shares: Annotated[list[float], Meta(description="Their shares of the occurrences.")]
    occurrences: Annotated[list[str], Meta(description="Bands of how often an installation has it in a window.")]
    occurrence_shares: Annotated[list[float], Meta(description="Shares of the installations in these bands.")]
    locations: Annotated[list[str], Meta(description="Bands of the locations of an occurrence.")]
    location_shares: Annotated[list[float], Meta(description="Shares of the occurrences in these bands.")]
    outliers: Annotated[list[str], Meta(description="Bands of the outliers of an occurrence.")]
    outlier_shares: Annotated[list[float], Meta(description="Shares of the occurrences in these bands.")]
    confidence: Annotated[float, Meta(description="Average of the confidence that the tool reports, 0 to 1.")]
    approved: Annotated[
        float | None,
        Meta(description="Approval in the category at this confidence, 0 to 1; none where too few judged."),
    ]
    approved_low: Annotated[float | None, Meta(description="Lower end of its interval of 95 %.")]
    approved_high: Annotated[float | None, Meta(description="Upper end of its interval of 95 %.")]
    approved_voices: Annotated[int, Meta(description="Voices behind it: those that accepted or rejected something.")]
    decision_steps: Annotated[
        list[float], Meta(description="Steps of confidence at which the category was decided on, by their least value.")
    ]
    decision_voices: Annotated[list[int], Meta(description="Voices of each step: one an installation and window.")]
    decision_judging_voices: Annotated[
        list[int], Meta(description="Voices of each step that accepted or rejected something; 0 if too few.")
    ]
    decision_approved: Annotated[
        list[float],
        Meta(description="Approval at each step: the share of these that accepts, by `approve`, `fix` or `escalate`."),
    ]
    decision_approve: Annotated[list[float], Meta(description="Share of `approve` in all decisions at each step.")]
    decision_ignore: Annotated[list[float], Meta(description="Share of `ignore`.")]
    decision_create_variant: Annotated[list[float], Meta(description="Share of `create_variant`.")]
    decision_dismiss_outlier: Annotated[list[float], Meta(description="Share of `dismiss_outlier`.")]
    decision_fix: Annotated[list[float], Meta(description="Share of `fix`.")]
    decision_dismiss: Annotated[list[float], Meta(description="Share of `dismiss`.")]
    decision_suppress: Annotated[list[float], Meta(description="Share of `suppress`.")]
    decision_escalate: Annotated[list[float], Meta(description="Share of `escalate`.")]
    decision_other_actions: Annotated[list[float], Meta(description="Share of all other actions.")]

    @property
    def label(self) -> str:
        """The digest or the name of the rule."""
        return self.signature or self.rule or ""

    @property
    def key(self) -> tuple[str, str]:
        """The key of the row: category and label."""
        return self.category, self.label


def identity_of(label: str) -> dict[str, Any]:
    """Return the fields that say what a label of the series ``signatures`` is."""
    # The hash of a format other than 1 has the number of the format before it.
    is_hash = is_signature_hash(label.rpartition(":")[2])
    return {
        "format": "hash" if is_hash else "rule",
        "signature": label if is_hash else None,
        "rule": None if is_hash else label,
    }


class DatasetColumn(NamedTuple):
    """A column: ``kind`` is text, day, integer or real; ``is_list`` is true for a list of these."""

    name: str
    kind: str
    is_list: bool
    description: str


def _column(field: Field) -> DatasetColumn:
    described = field.type
    description = ""
    while isinstance(described, Metadata):
        description = str((described.extra_json_schema or {}).get("description", description))
        described = described.type
    is_list = isinstance(described, ListType)
    return DatasetColumn(field.name, _kind(described), is_list, description)


def _kind(one: Type) -> str:
    match one:
        case ListType(item_type=item):
            return _kind(item)
        case UnionType(types=(first, *_)):
            return _kind(first)
        case IntType():
            return "integer"
        case FloatType():
            return "real"
        case DateType():
            return "day"
        case _:
            return "text"


def _columns() -> tuple[DatasetColumn, ...]:
    described = msgspec.inspect.type_info(DatasetRow)
    assert isinstance(described, StructType)
    return tuple(map(_column, described.fields))


DATASET_COLUMNS = _columns()
"""The columns of the data set, in their order."""
