"""Parts that pages are put together from: charts with their tables, cards, ranges and sentences."""

import re
from collections.abc import Sequence
from urllib.parse import quote

import htpy as h

from telemetry.charts.drawing import NARROW, WIDE, Form
from telemetry.published.dashboard.claims import Claim
from telemetry.published.dashboard.figures import Figure
from telemetry.published.dashboard.spans import DEFAULT_SPAN, Span
from telemetry.published.series import OTHER_LABEL
from telemetry.web.pages.exhibits import Cell, Exhibit

TABLE_ROWS_MAX = 100
"""Rows of a table on a page, the last ones; its files have all."""
# Days and versions that name rows are not broken at their hyphens.
_UNBROKEN_MAX = 16
# Narrower than that, the text of the wide form would be smaller than 11 pixels.
_NARROW_MEDIA = "(max-width: 700px)"
_find_size = re.compile(rb'width="(\d+)" height="(\d+)"').search


def address_of(path: str, span: Span, **query: str) -> str:
    """Return an address of this site for a span; the default is not spelled out."""
    named = ({} if span is DEFAULT_SPAN else {"days": str(span)}) | query
    return path + ("?" + "&".join(f"{name}={value}" for name, value in named.items()) if named else "")


def ranges_of(path: str, span: Span) -> h.Node:
    """Return links to a page for each span."""
    return h.nav(".ranges", aria_label="Range")[
        h.ul[
            (
                h.li[h.a(href=address_of(path, one), aria_current="page" if one is span else None)[one.label]]
                for one in Span
            )
        ]
    ]


def sentence(claims: Sequence[Claim]) -> h.Node:
    """Return a sentence whose claims link to where they are explained."""
    return h.p(".lead")[
        (h.a(href=claim.address)[claim.text] if claim.address is not None else claim.text for claim in claims)
    ]


def chart(exhibit: Exhibit, span: Span) -> h.Node:
    """Return a chart in the form that fits the width of the window; its words are those that are read aloud."""
    path = f"/charts/{quote(exhibit.name, safe='')}.svg"
    wide, narrow = _size(exhibit, WIDE), _size(exhibit, NARROW)
    return h.figure[
        h.picture[
            h.source(
                media=_NARROW_MEDIA, srcset=address_of(path, span, form="narrow"), width=narrow[0], height=narrow[1]
            ),
            h.img(
                src=address_of(path, span),
                width=wide[0],
                height=wide[1],
                alt=f"{exhibit.caption.name}. {exhibit.caption.claim}",
            ),
        ]
    ]


def table(exhibit: Exhibit, *, row_address: str | None = None, is_turned: bool = False) -> h.Node:
    """Return the table of an exhibit; ``row_address`` is where what names a row has pages.

    Headings stand upright if ``is_turned``: many narrow columns fit beside each other.
    """
    shown = exhibit.rows[-TABLE_ROWS_MAX:]
    names = [exhibit.columns[0].write(row[0]) for row in shown]
    classes = {"turned": is_turned, "whole": all(len(name) <= _UNBROKEN_MAX for name in names)}
    note = f" (the last {TABLE_ROWS_MAX:,} of {len(exhibit.rows):,} rows)" if len(exhibit.rows) > TABLE_ROWS_MAX else ""
    return h.div(".scroll", role="region", tabindex="0", aria_label=f"Table: {exhibit.caption.name}")[
        h.table(class_=classes)[
            h.caption[exhibit.caption.name, note],
            h.thead[
                h.tr[
                    (
                        h.th(scope="col", class_="number" if column.unit is not None else None)[
                            h.span[column.heading] if is_turned and column.unit is not None else column.heading
                        ]
                        for column in exhibit.columns
                    )
                ]
            ],
            h.tbody[(_row(exhibit, row, row_address) for row in shown)],
        ]
    ]


def _row(exhibit: Exhibit, row: Sequence[Cell], row_address: str | None) -> h.Node:
    name, *cells = (column.write(cell) for column, cell in zip(exhibit.columns, row, strict=True))
    has_page = row_address is not None and name != OTHER_LABEL
    return h.tr[
        h.th(scope="row")[h.a(href=f"{row_address}/{quote(name, safe='')}")[name] if has_page else name],
        (h.td(".number")[cell] for cell in cells),
    ]


def details(exhibit: Exhibit, *, row_address: str | None = None) -> h.Node:
    """Return the table of an exhibit, closed."""
    return h.details[h.summary["Table"], table(exhibit, row_address=row_address)]


def sources(exhibit: Exhibit, span: Span, counted: str) -> h.Node:
    """Return links to the files of an exhibit, and how it was counted."""
    known, path = f"how-{exhibit.name}", f"/charts/{quote(exhibit.name, safe='')}"
    return [
        h.p(".small")[
            (
                [h.a(href=address_of(f"{path}.{kind}", span))[kind.upper()], " · "] for kind in ("svg", "csv", "json")
            ),
            h.button(".link", type="button", popovertarget=known)["How is this counted?"],
        ],
        h.div(id=known, popover=True)[h.p[counted]],
    ]  # fmt: skip


def section(
    title: str,
    introduction: str,
    exhibit: Exhibit,
    span: Span,
    counted: str,
    *,
    row_address: str | None = None,
) -> h.Node:
    """Return a section with one chart, whose name is that of the section."""
    name = exhibit.name
    return h.section(id=name, aria_labelledby=f"{name}-title")[
        h.h2(id=f"{name}-title")[title],
        h.p[introduction],
        chart(exhibit, span),
        details(exhibit, row_address=row_address),
        sources(exhibit, span, counted),
    ]  # fmt: skip


def card(figure: Figure, span: Span) -> h.Node:
    """Return a figure with its change, its course and how it is counted."""
    known = f"about-{figure.key}"
    return h.li(".card")[
        h.h2[figure.name],
        h.div(".amount")[
            h.strong[figure.shown],
            h.button(".why", type="button", popovertarget=known, aria_label=f"How is this counted: {figure.name}")["?"],
        ],
        h.div(id=known, popover=True)[h.p[figure.counted]],
        h.div[
            h.p[change] if (change := _change(figure)) else None,
            (h.p(".muted")[line] for line in (figure.about, figure.following, figure.beside) if line),
        ],
        h.img(
            src=address_of(f"/charts/course-{figure.key}.svg", span),
            width=120,
            height=28,
            alt=f"The course of {figure.name.lower()}",
        )
        if len(figure.course) > 1
        else None,
    ]


def _change(figure: Figure) -> h.Node:
    """Return how a figure changed; what nobody may miss is bold, and in the colour of alarm if it is for the worse."""
    if not figure.is_large_change:
        return figure.change
    return h.b(class_="alarm" if figure.is_worse else None)[figure.change]


def _size(exhibit: Exhibit, form: Form) -> tuple[str, str]:
    found = _find_size(exhibit.svg(form))
    return (found[1].decode(), found[2].decode()) if found else (str(form.width), str(form.plot_height))
