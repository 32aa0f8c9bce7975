"""The section about benchmarks: it shows the last flush and is put into the page when the page is sent."""

from collections.abc import Sequence
from itertools import groupby

import htpy as h

from telemetry.catalogue.benchmarks import OVERALL
from telemetry.charts.units import Unit
from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.benchmarks import BenchmarkRow
from telemetry.published.dashboard.standing import standing
from telemetry.web.pages.shelf import Rendered

BENCHMARKS_PLACE = h.fragment[h.div(id="benchmarks-place")]
_MARK = str(BENCHMARKS_PLACE).encode()
BENCHMARKS_SHOWN_MAX = 60
"""The most rows of the table; the summary has all."""
_SUMMARY = "/v1/feedback/summary"
_COLUMNS = ("measure", "mean", "change", "version", "results")
_MICROSECONDS = {"duration_us": "duration", "total_duration_us": "total duration"}
# Greater numbers are shown without a fraction.
_WHOLE_FROM = 1_000


class BenchmarksSection:
    """Puts the section into pages; it is rendered once for each change of the public results."""

    def __init__(self) -> None:
        self._made = ("", b"")

    def put_into(self, made: Rendered, numbers: BenchmarkNumbers | None) -> Rendered:
        """Return a page with the section, or without it if there are no results or they are not known."""
        name = numbers.name if numbers is not None else ""
        if numbers is not None and name != self._made[0]:
            self._made = (name, str(h.fragment[_section(standing(numbers.rows), len(numbers.rows))]).encode())
        section = self._made[1] if numbers is not None else b""
        return Rendered(made.body.replace(_MARK, section), f'{made.etag[:-1]}-{name}"', made.is_there)


def _section(rows: Sequence[BenchmarkRow], total: int) -> h.Node:
    if not total:
        return None
    return h.section("#benchmarks", aria_labelledby="benchmarks-title")[
        h.h2("#benchmarks-title")["How do releases do in benchmarks?"],
        h.p["Means of the newest release that was measured, and their change since the release before."],
        _table(rows[:BENCHMARKS_SHOWN_MAX]) if rows else None,
        h.p(".small")[
            h.a(href=_SUMMARY)["JSON"], " · ", h.a(href=f"{_SUMMARY}?format=csv")["CSV"], " · ",
            h.button(".link", type="button", popovertarget="how-benchmarks")["How is this counted?"],
        ],
        h.div("#how-benchmarks", popover=True)[
            h.p[
                "Benchmarks are of machines and name no person, so a number may be of a single result. Scores go from "
                "0 to 100. Public are results that the operator has measured, or whose tool or corpus the operator has "
                "admitted. The files have every measure, its deviation and extremes, and have durations in "
                "microseconds."
            ]
        ],
    ]  # fmt: skip


def _table(rows: Sequence[BenchmarkRow]) -> h.Node:
    return h.div(".scroll", role="region", tabindex="0", aria_label="Table: benchmarks")[
        h.table[
            h.thead[
                h.tr[
                    (h.th(scope="col", class_="number" if place else None)[name] for place, name in enumerate(_COLUMNS))
                ]
            ],
            (
                h.tbody[
                    h.tr[h.th(".group", scope="rowgroup", colspan=len(_COLUMNS))[f"{tool}, {corpus}"]],
                    (_row(row) for row in together),
                ]
                for (tool, corpus), together in groupby(rows, lambda row: (row.tool, row.corpus))
            ),
        ]
    ]


def _row(row: BenchmarkRow) -> h.Node:
    mean = "" if row.mean is None else _figure(row, row.mean)
    return h.tr[
        h.th(scope="row")[_measure(row)],
        h.td(".number")[mean],
        h.td(".number")[_change(row)],
        h.td(".number")[row.version],
        h.td(".number")[f"{row.count:,}"],
    ]


def _measure(row: BenchmarkRow) -> str:
    return row.level if row.category == OVERALL else f"{row.level}, {_MICROSECONDS.get(row.category, row.category)}"


def _change(row: BenchmarkRow) -> str:
    """Return the change of the mean with its sign, and since which version."""
    if row.change is None or row.mean is None:
        return "\N{EN DASH}"
    shown = _figure(row, abs(row.change))
    sign = "" if shown == _figure(row, 0) else "+" if row.change > 0 else "\N{MINUS SIGN}"
    return f"{sign or '±'}{shown} since {row.previous_version}"


def _figure(row: BenchmarkRow, value: float) -> str:
    if row.category in _MICROSECONDS:
        return Unit.DURATION.figure(value / 1_000)
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:,.1f}"
