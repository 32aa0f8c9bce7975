"""The privacy page: every field of every event, what it is for, how long it is kept and what becomes public."""

import inspect
from dataclasses import dataclass
from typing import Any

import htpy as h
import msgspec

from telemetry.catalogue.benchmarks import BenchmarkResult
from telemetry.catalogue.events import KNOWN_EVENTS, AnyEvent
from telemetry.catalogue.purpose import OWNERS, Purpose
from telemetry.catalogue.purposes import OF_EVERY_EVENT, REVIEWS, purposes_of
from telemetry.published.promise import EXCEPTION, NOT_PROMISED, promise
from telemetry.web.pages.layout import page

PRIVACY_PATH = "/privacy"


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the page says of this instance: days that raw events are kept, and the threshold of public numbers."""

    retention_days: int
    threshold: int


def privacy_page(keeping: Keeping) -> bytes:
    """Return the page."""
    return page(
        "Privacy",
        h.p(".lead")["What Drift sends, what it is for, how long it is kept, and what everybody may see of it."],
        h.h2["The promise"],
        h.p[promise(keeping.threshold)],
        h.p["Not promised:"],
        h.ul[(h.li[sentence] for sentence in NOT_PROMISED)],
        h.p[EXCEPTION],
        h.h2["How long it is kept"],
        _keeping(keeping),
        h.h2["What is not kept"],
        h.p[
            "No address: neither the database nor a log line has the address that a request came from. A client that "
            "sends DNT: 1 or Sec-GPC: 1 is answered, and nothing of it is stored. No code and no path: text that is "
            "not a short label is refused."
        ],
        h.h2["Who uses it"],
        h.dl[((h.dt[owner], h.dd[sentence]) for owner, sentence in OWNERS.items())],
        h.h2["Every event has"],
        _fields(OF_EVERY_EVENT, next(iter(KNOWN_EVENTS.values())), "every event"),
        (
            (h.h2[h.code[kind]], h.p[inspect.getdoc(event), _review(kind)], _own_fields(kind, event))
            for kind, event in KNOWN_EVENTS.items()
        ),
        _benchmarks(),
        h.h2["Other events"],
        h.p[
            "Events of newer versions are stored if they hold numbers, booleans and few short names. They are public "
            "as ",
            h.code["other"], " in the number of events alone. ", h.a(href="/schema")["/schema"], " has every event, ",
            h.a(href="/schema/v2")["/schema/v2"], " has them with the names of version 2 of the tool.",
        ],
        path=PRIVACY_PATH,
        description="What Drift sends, what it is for, how long it is kept, and what is public.",
    )  # fmt: skip


def _benchmarks() -> h.Node:
    return [
        h.h2[h.code[BenchmarkResult.type]],
        h.p[
            inspect.getdoc(BenchmarkResult), " Reports come to ", h.code["/v1/feedback"], " from those who run a "
            "benchmark; Drift sends none by itself. Texts of errors and warnings are counted and dropped. The name of "
            "the host, the commit and the rest of the environment are not read. ", _review(BenchmarkResult.type),
        ],
        _own_fields(BenchmarkResult.type, BenchmarkResult),
    ]  # fmt: skip


def _keeping(keeping: Keeping) -> h.Node:
    days = keeping.retention_days
    return h.ul[
        h.li[f"Raw events: {days} days after they came; then the file of their day is removed."],
        h.li[
            "Backups: a copy has what was there when it was made, and the operator decides how long copies are kept. "
            f"Copies that are made more than {days} days after an event came do not have it."
        ],
        h.li["The first and the last day of an installation: until the last of its raw events is removed."],
        h.li["Sums and signatures: for ever. They name no installation."],
        h.li[
            "A signature that only one installation has ever sent: until its last raw events are removed; then its "
            "counts are added to those of all such signatures."
        ],
        h.li["Public numbers: for ever."],
        h.li[
            "On request, the operator erases all events of an installation. If asked, the operator also subtracts it "
            "from the sums of the days whose events are still there."
        ],
    ]  # fmt: skip


def _review(kind: str) -> str:
    return f" Its need is reviewed by {REVIEWS[kind]}."


def _own_fields(kind: str, event: type[AnyEvent]) -> h.Node:
    own = {name: one for name, one in purposes_of(kind).items() if name not in OF_EVERY_EVENT}
    return _fields(own, event, kind)


def _fields(purposes: dict[str, Purpose], event: type[AnyEvent], name: str) -> h.Node:
    described = _descriptions(event)
    columns = ("field", "purpose")
    return h.div(".scroll", role="region", tabindex="0", aria_label=f"Table: fields of {name}")[
        h.table[
            h.thead[h.tr[(h.th(scope="col")[column] for column in columns)]],
            h.tbody[
                (
                    h.tr[
                        h.th(scope="row")[h.code[field]],
                        h.td[
                            one.purpose,
                            f" {described[field]}" if described.get(field) else None,
                            h.span(".small")[f"For {one.owner}. {_publicity(one)}."],
                        ],
                    ]
                    for field, one in purposes.items()
                )
            ],
        ]
    ]


def _publicity(one: Purpose) -> str:
    return f"Public in {', '.join(one.series)}" if one.series else "Not public"


def _descriptions(event: type[AnyEvent]) -> dict[str, str]:
    """Return what the catalogue says of the shape of fields, by their names on the wire."""
    (_,), components = msgspec.json.schema_components([event])
    properties: dict[str, Any] = components[event.__name__]["properties"]
    return {name: schema.get("description", "").replace("`", "") for name, schema in properties.items()}
