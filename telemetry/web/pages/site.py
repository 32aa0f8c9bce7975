"""PublicPages: which page answers which address."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.closed_days import file_stamp
from telemetry.published.dashboard.overview import Overview
from telemetry.published.dashboard.spans import Span, span_of
from telemetry.published.reading import PublicNumbers, reading_published
from telemetry.web.answers import CORS_HEADERS, Answer, empty_answer
from telemetry.web.known import is_known
from telemetry.web.pages.dashboard import dashboard_page
from telemetry.web.pages.emptiness import empty_page
from telemetry.web.pages.files import FILE_HEADERS, BadgeFile, ChartFile, badge_file, chart_file
from telemetry.web.pages.front import FrontPage
from telemetry.web.pages.layout import PAGE_HEADERS, STYLE_PATH, STYLE_SHEET
from telemetry.web.pages.live import LiveTotals
from telemetry.web.pages.origin import with_origin
from telemetry.web.pages.shelf import Overviews, Rendered, Shelf, rendered
from telemetry.web.pages.subject_pages import (
    category_page,
    language_page,
    missing_page,
    release_page,
    version_page,
)
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
_STYLE_HEADERS = {"Content-Type": "text/css; charset=utf-8", "X-Content-Type-Options": "nosniff"}
_ICON_HEADERS = {"Content-Type": "image/svg+xml", "Content-Security-Policy": "default-src 'none'"}
_SUBJECTS = {
    "categories": category_page,
    "languages": language_page,
    "versions": version_page,
    "releases": release_page,
}
"""The pages about one thing, by the folder of their addresses."""


class PublicPages:
    """Answers the addresses of pages from ``published``, whose numbers count at least ``threshold`` installations.

    ``live`` returns what the page says about today. ``benchmarks`` returns the public results, or None if not known.
    """

    def __init__(self, published: Path, threshold: int) -> None:
        self._published = published
        self._threshold = threshold
        self._shelf = Shelf(published)
        self._overviews = Overviews()
        self.live: Callable[[], LiveTotals] = lambda: LiveTotals(None, is_storing=True)
        self.benchmarks: Callable[[], Awaitable[BenchmarkNumbers | None]] = _no_benchmarks
        self._front = FrontPage()
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
        path = request.rel_url.path_safe
        folder, _, name = path.removeprefix("/").partition("/")
        if not path.startswith("/") or request.method not in ("GET", "HEAD") or not name or "/" in name:
            return None
        name = unquote(name)[:_NAME_LENGTH_MAX]
        if folder in _SUBJECTS:
            return f"/{folder}", partial(self._get_subject, folder, name)
        if folder == "charts":
            return "/charts", partial(self._get_file, chart_file(name, request.query))
        return ("/badges", partial(self._get_file, badge_file(name))) if folder == "badges" else None

    async def _get_numbers(self, request: web.BaseRequest) -> Answer:
        span = span_of(request.query.get("days"))
        empty = partial(empty_page, self._threshold)
        made = await self._shelf.get(
            f"/ {span}",
            lambda: self._read(span, lambda seen, _: rendered(dashboard_page(seen) if seen is not None else empty())),
        )
        made = self._front.get(span, made, self.live(), await self.benchmarks())
        made = with_origin(made, request)
        return _answer(request, made, PAGE_HEADERS, _LIVE_MAX_AGE_S)

    async def _get_subject(self, folder: str, name: str, request: web.BaseRequest) -> Answer:
        make = _SUBJECTS[folder]

        def render(seen: Overview | None, numbers: PublicNumbers | None) -> Rendered:
            body = make(name, seen, numbers) if seen is not None and numbers is not None else None
            return rendered(body or missing_page(), is_there=body is not None)

        made = await self._shelf.get(f"{folder}/{name}", lambda: self._read(Span.ALL, render))
        return _answer(request, made, PAGE_HEADERS, _PAGE_MAX_AGE_S, _status(made))

    async def _get_file(self, file: ChartFile | BadgeFile, request: web.BaseRequest) -> Answer:
        span = span_of(request.query.get("days"))
        made = await self._shelf.get(f"{file} {span}", lambda: self._read(span, file.made_of))
        return _answer(request, made, FILE_HEADERS[file.kind], _FILE_MAX_AGE_S)

    def _read(self, span: Span, render: Callable[[Overview | None, PublicNumbers | None], Rendered]) -> Rendered:
        stamp = file_stamp(self._published)
        with reading_published(self._published) as numbers:
            return render(self._overviews.get(stamp, numbers, span) if numbers is not None else None, numbers)

    async def _get_style(self, request: web.BaseRequest) -> Answer:
        return _answer(request, self._style, _STYLE_HEADERS, _YEAR_S)

    async def _get_icon(self, request: web.BaseRequest) -> Answer:
        return _answer(request, self._icon, _ICON_HEADERS, _YEAR_S)


async def _no_benchmarks() -> None:
    return None


def _status(made: Rendered) -> int:
    return web.HTTPOk.status_code if made.is_there else web.HTTPNotFound.status_code


def _answer(
    request: web.BaseRequest,
    made: Rendered,
    headers: dict[str, str],
    max_age_s: int,
    status: int = web.HTTPOk.status_code,
) -> Answer:
    headers = CORS_HEADERS | headers | {"ETag": made.etag, "Cache-Control": f"public, max-age={max_age_s}"}
    if is_known(made.etag, request):
        return empty_answer(web.HTTPNotModified.status_code, headers)
    return Answer(status, made.body, headers)
