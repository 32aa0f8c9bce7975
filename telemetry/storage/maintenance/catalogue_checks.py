"""What can be overdue in the catalogue: reviews of event types."""

from collections.abc import Iterator
from datetime import date

from telemetry.catalogue.purposes import OF_TYPE, reviews_due
from telemetry.clock import Clock, column_time, day_of
from telemetry.storage.maintenance.findings import Finding, Severity


def check_reviews(clock: Clock) -> Iterator[Finding]:
    """Find event types whose review is overdue. They go on being accepted and counted."""
    today = date.fromisoformat(day_of(column_time(clock.now())))
    for kind, day in reviews_due(today).items():
        owners = sorted({one.owner for one in OF_TYPE[kind].values()})
        sentence = (
            f"the review of {kind} was due on {day}: let its owners ({', '.join(owners)}) decide whether it is still "
            "needed, and set another day in REVIEWS of the catalogue"
        )
        yield Finding(Severity.NOTE, "catalogue", sentence)
