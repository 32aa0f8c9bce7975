"""What the search starts from: the corpus in this folder, and the words that bodies and requests are made of."""

from pathlib import Path

from telemetry.catalogue.events import KNOWN_EVENTS, wire_names
from tests.support.events import KNOWN_TYPES

_WORDS = (
    '{"events":[', "]}", '"', "null", "true", "-0", "1e308", "0.5", "9007199254740992", "18446744073709551616",
    "\\ud800", "\\u0000", "NaN", "2026-11-23T12:00:00.000Z", "+14:00", "unknown", "0.9.1", "next.js",
    "user@example.org",
    "GET ", "POST ", "OPTIONS ", "/v1/events", "/v1/stats", "/v1/health", " HTTP/1.1\r\n", "Host: a\r\n", "\r\n\r\n",
    "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", "Content-Encoding: gzip\r\n",
    "If-None-Match: ", "X-Forwarded-For: ", "Connection: Upgrade\r\n", "Upgrade: websocket\r\n",
)  # fmt: skip


def folder(target: str) -> Path:
    """Return the folder of the inputs kept for a target, one a file."""
    return Path(__file__).parent / "corpus" / target


def tokens() -> list[str]:
    """Return what the search is to insert, in libFuzzer's syntax of dictionaries."""
    names = {name for event_class in KNOWN_EVENTS.values() for name in wire_names(event_class)}
    return [_quoted(word) for word in (*_WORDS, *KNOWN_TYPES, *sorted(names))]


def _quoted(word: str) -> str:
    escaped = "".join(map("\\x{:02x}".format, word.encode()))
    return f'"{escaped}"'
