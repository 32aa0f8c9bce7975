"""The statements by which an erasure changes the numbers, to run with ``contribution`` attached."""

from telemetry.counting.aggregates import BOUNDED_BY_DAY, COUNTED
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.sqlite.queries import query

_OF_DAYS = ("subtract_daily_stats", "fold_subtracted_stats", "delete_empty_daily_stats")
_OF_ROWS = ("add_removed_to_remaining", "subtract_rows", "delete_empty_rows", "correct_rows")


def forgetting() -> list[str]:
    """Return the statements that keep what the raw events have added, so that a recount adds it again."""
    of_rows = [row_statement("keep_removed_rows", aggregate) for aggregate in COUNTED]
    of_rows += [row_statement("note_forgotten_senders", aggregate) for aggregate in BOUNDED_BY_DAY]
    return [query("keep_removed_stats"), *of_rows, query("count_erased_events")]


def excluding() -> list[str]:
    """Return the statements that take out what the events have added; ``remaining`` must be attached too."""
    corrected = (query("count_erased_events"), query("correct_published_windows"))
    return [*map(query, _OF_DAYS), *subtracting_rows(), *corrected]


def subtracting_rows() -> list[str]:
    """Return only the statements for sums over all time."""
    of_rows = [row_statement(name, aggregate) for aggregate in COUNTED for name in _OF_ROWS]
    return of_rows + [row_statement("note_excluded_senders", aggregate) for aggregate in BOUNDED_BY_DAY]
