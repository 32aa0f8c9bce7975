"""The page while nothing is published yet: how to send the first event, and when numbers come."""

import htpy as h

from telemetry.web.pages.benchmarks import BENCHMARKS_PLACE
from telemetry.web.pages.layout import page
from telemetry.web.pages.live import LIVE_PLACE
from telemetry.web.pages.origin import ORIGIN_PLACE

_EXAMPLE = (
    f"curl {ORIGIN_PLACE}/v1/events"
    + """ -H 'Content-Type: application/json' -d '{"events": [{
  "type": "scan_completion", "timestamp": "'$(date -u +%Y-%m-%dT%H:%M:%S.000Z)'",
  "installationId": "'$(cat /proc/sys/kernel/random/uuid)'", "driftVersion": "0.9.1",
  "durationMs": 1234, "filesScanned": 10, "newPatternsDiscovered": 1, "isIncremental": false, "workerCount": 4}]}'"""
)


def empty_page(threshold: int) -> bytes:
    """Return the page; numbers will count at least ``threshold`` installations."""
    once = "installation" if threshold == 1 else "installations"
    return page(
        "Drift in numbers",
        h.p(".lead")["No numbers to show yet. The service is running and takes events."],
        LIVE_PLACE,
        h.h2["Send the first event"],
        h.p["Drift sends events by itself once its telemetry is turned on. To try the service, send one by hand:"],
        h.pre(tabindex="0")[h.code[_EXAMPLE]],
        h.h2["When numbers come"],
        h.p[
            "A number counts whole UTC days: the numbers of a day are published in the night after it, once at least ",
            f"{threshold} {once} took part. Until then ",
            h.a(href="/v1/stats")["/v1/stats"],
            " says what has been counted so far.",
        ],
        BENCHMARKS_PLACE,
        path="/",
        description="No numbers yet: how to send the first event, and when numbers come.",
    )
