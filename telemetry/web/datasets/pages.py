"""Pages of data sets: the list of all data sets, and the card of each with its downloads."""

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

import htpy as h

from telemetry.dataset.facts import TITLE
from telemetry.dataset.licences import licence_address
from telemetry.web.datasets.collection import OfferedDataset
from telemetry.web.datasets.markdown import markdown
from telemetry.web.pages.dashboard import day_in_words
from telemetry.web.pages.layout import page

DATASETS_PATH = "/datasets/"
_KIBIBYTE = 1024


def datasets_page(offered: Sequence[OfferedDataset]) -> bytes:
    """Return the page that lists all data sets."""
    return page(
        "Data sets",
        h.p(".lead")["Pattern signatures as files that train models, made of public numbers alone."],
        h.p["Nothing is offered at present."] if not offered else _list(offered),
        path=DATASETS_PATH,
        description="Data sets of pattern signatures, with their cards and downloads.",
    )


def dataset_page(one: OfferedDataset) -> bytes:
    """Return the page with the card of a data set."""
    complete = day_in_words(date.fromisoformat(one.manifest.complete_up_to))
    return page(
        f"Data set {one.name}",
        h.p(".lead")[f"{TITLE}, version {one.manifest.version}, complete up to {complete}."],
        h.h2["Downloads"],
        _downloads(one),
        h.p(".muted")["Run ", h.code["sha256sum -c SHA256SUMS"], " in their folder to see that no byte has changed."],
        markdown(one.card),
        path=address(one.name),
        description=f"{TITLE}, version {one.manifest.version}: card and downloads.",
    )


def address(name: str, place: str = "") -> str:
    """Return the address of a data set, or of a file of it."""
    return f"{DATASETS_PATH}{quote(name)}/{quote(place)}"


def _list(offered: Sequence[OfferedDataset]) -> h.Node:
    columns = (
        ("data set", None),
        ("complete up to", None),
        ("rows", "number"),
        ("windows", "number"),
        ("licence", None),
    )
    return h.div(".scroll", role="region", tabindex="0", aria_label="Table: data sets")[
        h.table[
            h.thead[h.tr[(h.th(scope="col", class_=kind)[name] for name, kind in columns)]],
            h.tbody[(_line(one) for one in offered)],
        ]
    ]


def _line(one: OfferedDataset) -> h.Element:
    manifest = one.manifest
    licence = manifest.about.licence
    return h.tr[
        h.th(scope="row")[h.a(href=address(one.name))[one.name]],
        h.td[manifest.complete_up_to],
        h.td(".number")[f"{sum(manifest.rows.values()):,}"],
        h.td(".number")[f"{len(manifest.windows):,}"],
        h.td[h.a(href=licence_address(licence), rel="nofollow")[licence] if licence else "not chosen"],
    ]


def _downloads(one: OfferedDataset) -> h.Node:
    return h.div(".scroll", role="region", tabindex="0", aria_label="Table: downloads")[
        h.table[
            h.thead[
                h.tr[h.th(scope="col")["file"], h.th(".number", scope="col")["size"], h.th(scope="col")["SHA-256"]]
            ],
            h.tbody[
                (
                    h.tr[
                        h.th(scope="row")[h.a(href=address(one.name, place))[place]],
                        h.td(".number")[f"{max(1, round(size / _KIBIBYTE)):,} KiB"],
                        h.td[h.code[f"{digest[:16]}…"]],
                    ]
                    for place, (size, digest) in sorted(one.files.items())
                )
            ],
        ]
    ]
