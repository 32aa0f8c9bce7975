"""PublicPages: which page answers which address."""

from pathlib import Path

from aiohttp import web

from telemetry.web.answers import Answer, empty_answer
from telemetry.web.known import is_known
from telemetry.web.pages.emptiness import empty_page
from telemetry.web.pages.layout import PAGE_HEADERS, STYLE_PATH, STYLE_SHEET
from telemetry.web.pages.shelf import Rendered, Shelf, rendered
from telemetry.web.routing import Routes

_PAGE_MAX_AGE_S = 60
_YEAR_S = 31_536_000
_SCALABLE_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0550ae"/>'
    b'<path d="M3 12V8h2v4zm4 0V5h2v7zm4 0V3h2v9z" fill="#fff"/></svg>\n'
)
_STYLE_HEADERS = {"Content-Type": "text/css; charset=utf-8", "X-Content-Type-Options": "nosniff"}
_ICON_HEADERS = {"Content-Type": "image/svg+xml", "Content-Security-Policy": "default-src 'none'"}


class PublicPages:
    """Answers the addresses of pages from ``published`` alone, whose numbers count ``threshold`` installations."""

    def __init__(self, published: Path, threshold: int) -> None:
        self._threshold = threshold
        self._shelf = Shelf(published)
        self._style, self._icon = rendered(STYLE_SHEET), rendered(_SCALABLE_ICON)

    @property
    def routes(self) -> Routes:
        """The handlers of the pages, by path and method."""
        return {
            "/": {"GET": self._get_numbers},
            STYLE_PATH: {"GET": self._get_style},
            "/icon.svg": {"GET": self._get_icon},
        }

    async def _get_numbers(self, request: web.BaseRequest) -> Answer:
        made = await self._shelf.get("/", lambda: rendered(empty_page(self._threshold)))
        return _answer(request, made, PAGE_HEADERS, _PAGE_MAX_AGE_S)

    async def _get_style(self, request: web.BaseRequest) -> Answer:
        return _answer(request, self._style, _STYLE_HEADERS, _YEAR_S)

    async def _get_icon(self, request: web.BaseRequest) -> Answer:
        return _answer(request, self._icon, _ICON_HEADERS, _YEAR_S)


def _answer(request: web.BaseRequest, made: Rendered, headers: dict[str, str], max_age_s: int) -> Answer:
    headers = headers | {"ETag": made.etag, "Cache-Control": f"public, max-age={max_age_s}"}
    if is_known(made.etag, request):
        return empty_answer(web.HTTPNotModified.status_code, headers)
    return Answer(web.HTTPOk.status_code if made.is_there else web.HTTPNotFound.status_code, made.body, headers)
