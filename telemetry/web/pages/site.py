"""PublicPages: which page answers which address."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

from telemetry.published.dashboard.overview import Overview, overview
from telemetry.published.dashboard.spans import Span, span_of
from telemetry.published.reading import reading_published
from telemetry.web.answers import Answer, empty_answer
from telemetry.web.known import is_known
from telemetry.web.pages.dashboard import dashboard_page
from telemetry.web.pages.emptiness import empty_page
from telemetry.web.pages.files import FILE_HEADERS, chart_file
from telemetry.web.pages.layout import PAGE_HEADERS, STYLE_PATH, STYLE_SHEET
from telemetry.web.pages.shelf import Rendered, Shelf, rendered
from telemetry.web.routing import Handler, Routes

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


class PublicPages:
    """Answers the addresses of pages from ``published`` alone, whose numbers count ``threshold`` installations."""

    def __init__(self, published: Path, threshold: int) -> None:
        self._published = published
        self._threshold = threshold
        self._shelf = Shelf(published)
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
        if not path.startswith("/"):
            return None
        _, folder, *name = path.split("/")
        handlers = {"charts": self._get_chart}
        handler = handlers.get(folder)
        if handler is None or len(name) != 1 or request.method not in ("GET", "HEAD"):
            return None
        return f"/{folder}", handler

    async def _get_numbers(self, request: web.BaseRequest) -> Answer:
        span = _span(request)
        made = await self._shelf.get(f"/ {span}", lambda: self._numbers(span))
        return _answer(request, made, PAGE_HEADERS, _PAGE_MAX_AGE_S)

    def _numbers(self, span: Span) -> Rendered:
        return self._render(span, dashboard_page, lambda: rendered(empty_page(self._threshold)))

    async def _get_chart(self, request: web.BaseRequest) -> Answer:
        span, file = _span(request), chart_file(_name(request), request.query)
        made = await self._shelf.get(f"{file} {span}", lambda: self._seen(span, file.made_of))
        return _answer(request, made, FILE_HEADERS[file.kind], _FILE_MAX_AGE_S)

    def _render(self, span: Span, render: Callable[[Overview], bytes], empty: Callable[[], Rendered]) -> Rendered:
        return self._seen(span, lambda seen: rendered(render(seen)) if seen is not None else empty())

    def _seen(self, span: Span, render: Callable[[Overview | None], Rendered]) -> Rendered:
        with reading_published(self._published) as numbers:
            return render(overview(numbers, span) if numbers is not None else None)

    async def _get_style(self, request: web.BaseRequest) -> Answer:
        return _answer(request, self._style, _STYLE_HEADERS, _YEAR_S)

    async def _get_icon(self, request: web.BaseRequest) -> Answer:
        return _answer(request, self._icon, _ICON_HEADERS, _YEAR_S)


def _span(request: web.BaseRequest) -> Span:
    return span_of(request.query.get("days"))


def _name(request: web.BaseRequest) -> str:
    return unquote(request.rel_url.path_safe.rpartition("/")[2])[:_NAME_LENGTH_MAX]


def _answer(request: web.BaseRequest, made: Rendered, headers: dict[str, str], max_age_s: int) -> Answer:
    headers = headers | {"ETag": made.etag, "Cache-Control": f"public, max-age={max_age_s}"}
    if is_known(made.etag, request):
        return empty_answer(web.HTTPNotModified.status_code, headers)
    return Answer(web.HTTPOk.status_code if made.is_there else web.HTTPNotFound.status_code, made.body, headers)
