"""What clients have lost or cannot deliver, found in the record of refusals."""

from collections import Counter
from collections.abc import Iterator

from telemetry.clock import Clock
from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.findings import Finding, Severity
from telemetry.storage.maintenance.refusal_record import RefusalRecord
from telemetry.wording import amount, were


def check_refusals(directory: DataDirectory, clock: Clock) -> Iterator[Finding]:
    """Find out from the record of the last day whether clients lose events or are stuck."""
    try:
        day = RefusalRecord.read(directory.refusals).last_day(clock.now())
    except DamagedError as error:
        yield Finding(Severity.WARNING, directory.refusals.name, str(error))
        return
    if day.reject_too_many:
        rejected = sum(day.rejected.values())
        reasons = ", ".join(f"{code} {count}" for code, count in Counter(day.rejected).most_common(3))
        sentence = (
            f"{rejected} of {day.received} events of the last day were rejected ({reasons}): see in the log which "
            "version of the client sends them"
        )
        yield Finding(Severity.WARNING, "rejections", sentence)
    if day.refused:
        sentence = (
            f"{amount(day.refused, 'batch', 'batches')} of the last day, the largest of "
            f"{amount(day.largest_events, 'event')}, {were(day.refused)} refused and "
            "would be again: raise batch_events_retry_max for a while"
        )
        yield Finding(Severity.WARNING, "refused batches", sentence)
    if day.too_large:
        bodies = f"{amount(day.too_large, 'body', 'bodies')} of the last day"
        sentence = f"{bodies} {were(day.too_large)} refused for the size: raise body_bytes_max"
        yield Finding(Severity.WARNING, "refused bodies", sentence)
    if day.deferred:
        batches = f"{amount(day.deferred, 'batch', 'batches')} of the last day"
        sentence = (
            f"{batches} {were(day.deferred)} refused for the size until sent again: raise batch_events_max to take "
            "such batches at once"
        )
        yield Finding(Severity.NOTE, "deferred batches", sentence)
