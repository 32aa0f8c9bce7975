"""PublicPages: which page answers which address."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web
from multidict import MultiDict
from yarl import query_to_pairs

from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.closed_days import file_stamp
from telemetry.published.dashboard.overview import Overview
from telemetry.published.dashboard.spans import Span, span_of
from telemetry.published.reading import PublicNumbers, reading_published
from telemetry.web.answers import Answer
from telemetry.web.pages.dashboard import dashboard_page
from telemetry.web.pages.emptiness import empty_page
from telemetry.web.pages.files import FILE_HEADERS, BadgeFile, ChartFile, badge_file, chart_file
from telemetry.web.pages.front import FrontPage
from telemetry.web.pages.layout import PAGE_HEADERS, STYLE_PATH, STYLE_SHEET
from telemetry.web.pages.live import LiveTotals
from telemetry.web.pages.origin import with_origin
from telemetry.web.pages.sending import Sending
from telemetry.web.pages.shelf import Overviews, Rendered, Shelf, rendered
from telemetry.web.pages.subject_pages import (
    category_page,
    language_page,
    missing_page,
    release_page,
    version_page,
)
from telemetry.web.remembered import remembered
from telemetry.web.routing import Handler, Routes

_LIVE_MAX_AGE_S = 5
_PAGE_MAX_AGE_S = 60
_FILE_MAX_AGE_S = 300
_YEAR_S = 31_536_000
_NAME_LENGTH_MAX = 80
_SCALABLE_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0550ae"/>'
    b'<path d="M3 12V8h2v4zm4 0V5h2v7zm4 0V3h2v9z" fill="#fff"/></svg>\n'
)
_FRONT = Sending(_LIVE_MAX_AGE_S, PAGE_HEADERS)
_PAGE = Sending(_PAGE_MAX_AGE_S, PAGE_HEADERS)
_FILES = {kind: Sending(_FILE_MAX_AGE_S, headers) for kind, headers in FILE_HEADERS.items()}
_STYLE = Sending(_YEAR_S, {"Content-Type": "text/css; charset=utf-8", "X-Content-Type-Options": "nosniff"})
_ICON = Sending(_YEAR_S, {"Content-Type": "image/svg+xml", "Content-Security-Policy": "default-src 'none'"})
_SUBJECTS = {
    "categories": category_page,
    "languages": language_page,
    "versions": version_page,
    "releases": release_page,
}
"""The pages about one thing, by the folder of their addresses."""


class Subject(NamedTuple):
    """What a page is about."""

    folder: str
    name: str


class Address(NamedTuple):
    """What an address names, the key that it is kept by, and the folder that its requests are counted under."""

    folder: str
    key: str
    named: Subject | ChartFile | BadgeFile
    span: Span = Span.ALL


class PublicPages:
    """Answers the addresses of pages from ``published``, whose numbers count at least ``threshold`` installations.

    ``live`` returns what the page says about today. ``benchmarks`` returns the public results, or None if not known.
    """

    def __init__(self, published: Path, threshold: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._published = published
        self._threshold = threshold
        self._shelf = Shelf(published, monotonic)
        self._overviews = Overviews()
        self.live: Callable[[], LiveTotals] = lambda: LiveTotals(None, is_storing=True)
        self.benchmarks: Callable[[], Awaitable[BenchmarkNumbers | None]] = _no_benchmarks
        self._front = FrontPage(monotonic)
        self._style, self._icon = rendered(STYLE_SHEET), rendered(_SCALABLE_ICON)

    @property
    def routes(self) -> Routes:
        """The handlers of the pages that are always there, by path and method."""
        return {
            "/": {"GET": self._get_numbers},
            STYLE_PATH: {"GET": self._get_style},
            "/icon.svg": {"GET": self._get_icon},
        }

    def find(self, request: web.BaseRequest) -> tuple[str, Handler] | None:
        """Return the handler of a page that is named after what it shows, and the folder it is counted under."""
        if request.method not in ("GET", "HEAD"):
            return None
        address = _read_address(request.rel_url.path_safe, request.rel_url.raw_query_string)
        return (address.folder, partial(self._get, address)) if address is not None else None

    def _get_numbers(self, request: web.BaseRequest) -> Awaitable[Answer]:
        span = span_of(request.query.get("days"))
        made = self._shelf.find(_front_key(span))
        if made is not None:
            made = self._front.find(span, made, self.live())
        return self._render_numbers(span, request) if made is None else _front_answer(request, made)

    async def _render_numbers(self, span: Span, request: web.BaseRequest) -> Answer:
        empty = partial(empty_page, self._threshold)
        made = await self._shelf.get(
            _front_key(span),
            lambda: self._read(span, lambda seen, _: rendered(dashboard_page(seen) if seen is not None else empty())),
        )
        return _front_answer(request, self._front.get(span, made, self.live(), await self.benchmarks()))

    def _get(self, address: Address, request: web.BaseRequest) -> Awaitable[Answer]:
        made = self._shelf.find(address.key)
        return self._render(address, request) if made is None else _answer(request, address, made)

    async def _render(self, address: Address, request: web.BaseRequest) -> Answer:
        named = address.named
        render = partial(_subject_page, named) if isinstance(named, Subject) else named.made_of
        return _answer(request, address, await self._shelf.get(address.key, lambda: self._read(address.span, render)))

    def _read(self, span: Span, render: Callable[[Overview | None, PublicNumbers | None], Rendered]) -> Rendered:
        stamp = file_stamp(self._published)
        with reading_published(self._published) as numbers:
            return render(self._overviews.get(stamp, numbers, span) if numbers is not None else None, numbers)

    def _get_style(self, request: web.BaseRequest) -> Answer:
        return _STYLE.answer(request, self._style)

    def _get_icon(self, request: web.BaseRequest) -> Answer:
        return _ICON.answer(request, self._icon)


async def _no_benchmarks() -> None:
    return None


@remembered
def _read_address(path: str, query: str) -> Address | None:
    """Return what an address names; None if nothing of its kind is served."""
    folder, _, name = path.removeprefix("/").partition("/")
    if not path.startswith("/") or not name or "/" in name:
        return None
    name = unquote(name)[:_NAME_LENGTH_MAX]
    if folder in _SUBJECTS:
        return Address(f"/{folder}", f"{folder}/{name}", Subject(folder, name))
    if folder not in ("charts", "badges"):
        return None
    asked = MultiDict(query_to_pairs(query))
    file, span = chart_file(name, asked) if folder == "charts" else badge_file(name), span_of(asked.get("days"))
    return Address(f"/{folder}", f"{file} {span}", file, span)


def _front_key(span: Span) -> str:
    return f"/ {span}"


def _front_answer(request: web.BaseRequest, made: Rendered) -> Answer:
    return _FRONT.answer(request, with_origin(made, request))


def _subject_page(subject: Subject, seen: Overview | None, numbers: PublicNumbers | None) -> Rendered:
    make = _SUBJECTS[subject.folder]
    body = make(subject.name, seen, numbers) if seen is not None and numbers is not None else None
    return rendered(body or missing_page(), is_there=body is not None)


def _answer(request: web.BaseRequest, address: Address, made: Rendered) -> Answer:
    if not isinstance(address.named, Subject):
        return _FILES[address.named.kind].answer(request, made)
    return _PAGE.answer(request, made, web.HTTPOk.status_code if made.is_there else web.HTTPNotFound.status_code)
