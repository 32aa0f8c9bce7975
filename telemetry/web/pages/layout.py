"""The layout that all pages share: head, navigation, footer, and the headers that a page is sent with."""

import hashlib
from contextvars import ContextVar
from importlib.resources import files

import htpy as h

STYLE_SHEET = files(__package__).joinpath("style.css").read_bytes()
STYLE_PATH = "/style.css"
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NAVIGATION: tuple[tuple[str, str], ...] = (("/", "Numbers"), ("/docs", "API"), ("/privacy", "Privacy"))
"""Address and name of the pages that every site has, in their order."""
navigation: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("navigation", default=NAVIGATION)
"""The pages that every page links to. Set before the site answers its first request."""
# A new style sheet is a new address, so browsers keep the old one as long as they like.
_STYLE_URL = f"{STYLE_PATH}?{hashlib.sha256(STYLE_SHEET).hexdigest()[:12]}"


def page(title: str, *content: h.Node, path: str, description: str) -> bytes:
    """Return a whole page. ``path`` is its address, which the navigation marks; the title is its only ``h1``."""
    document = h.html(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.meta(name="color-scheme", content="light dark"),
            h.meta(name="description", content=description),
            h.title[title if path == "/" else f"{title} · Drift in numbers"],
            # Browsers ask for /favicon.ico where a page names no icon.
            h.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
            h.link(rel="stylesheet", href=_STYLE_URL),
        ],
        h.body[
            h.a(".skip", href="#content")["Skip to the content"],
            h.header[h.a(".home", href="/")["Drift telemetry"], _navigation(path)],
            h.main("#content", tabindex="-1")[h.h1[title], content],
            h.footer[h.p["Drift telemetry counts anonymous events. This page sets no cookie and runs no script."]],
        ],
    ]
    return str(document).encode()


def _navigation(path: str) -> h.Node:
    return h.nav(aria_label="Pages")[
        h.ul[
            (
                h.li[h.a(href=address, aria_current="page" if address == path else None)[name]]
                for address, name in navigation.get()
            )
        ]
    ]
