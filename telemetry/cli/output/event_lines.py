"""Events as lines for people."""

import sys
from collections.abc import Callable
from typing import Any

import click
import orjson

from telemetry.cli.output.streams import shows
from telemetry.storage.log.segment import StoredEvent

_MS_PER_S = 1_000
_HASH_SHOWN = 16
_FIELDS_SHOWN = 6
_TYPE_WIDTH = 17
_REPLACEMENT, _PLAIN_REPLACEMENT = "\N{REPLACEMENT CHARACTER}", "?"
_ELLIPSIS, _PLAIN_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}", "..."

Fields = dict[str, Any]


def printable(text: object) -> str:
    """Return a text without control characters and without characters that standard output cannot encode."""
    if (text := str(text)).isascii() and text.isprintable():
        return text
    replacement = _REPLACEMENT if shows(_REPLACEMENT) else _PLAIN_REPLACEMENT
    plain = "".join(char if char.isprintable() else replacement for char in text)
    return plain if shows(plain) else plain.encode(sys.stdout.encoding, "backslashreplace").decode(sys.stdout.encoding)


def shortened(text: str, width: int) -> str:
    """Return a printable text, cut to ``width`` characters."""
    text = printable(text)
    end = _ELLIPSIS if shows(_ELLIPSIS) else _PLAIN_ELLIPSIS
    return text if len(text) <= width else f"{text[: width - len(end)]}{end}"


def decode_fields(payload: str) -> Fields:
    """Return the own fields of an event; none if another program has stored something else."""
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def event_line(stored: StoredEvent, fields: Fields, *, installations: bool) -> str:
    """Return one event on one line: when it was received, its type, its version and what it says."""
    row = stored.row
    describe, colour = _KNOWN.get(row.type, (_other, "white"))
    parts = [
        click.style(printable(stored.received_at), dim=True),
        click.style(f"{printable(row.type):{_TYPE_WIDTH}}", fg=colour),
        click.style(f"{printable(row.drift_version):8}", dim=True),
    ]
    if installations:
        parts.append(f"{printable(row.installation_id):36}")
    return "  ".join([*parts, printable(describe(fields))])


def _pattern_signature(fields: Fields) -> str:
    names = f"{_text(fields, 'category')}/{_text(fields, 'language')}"
    found = _counted(fields, "locationCount", "location"), _counted(fields, "outlierCount", "outlier")
    signature = _text(fields, "signatureHash")[:_HASH_SHOWN]
    parts = (names, signature, _share(fields, "confidence"), *found, _text(fields, "detectionMethod"))
    return ", ".join(parts)


def _aggregate_stats(fields: Fields) -> str:
    parts = [f"{_text(fields, 'codebaseSizeTier')} code base", _counted(fields, "totalPatterns", "pattern")]
    for name in ("languages", "frameworks"):
        labels = fields.get(name)
        if isinstance(labels, list) and labels:
            parts.append(" ".join(map(str, labels[:_FIELDS_SHOWN])))
    return ", ".join(parts)


def _user_action(fields: Fields) -> str:
    parts = [f"{_text(fields, 'action')} {_text(fields, 'category')}", _share(fields, "confidenceAtAction")]
    parts.append(f"after {_text(fields, 'hoursSinceDiscovery')} h")
    return ", ".join([*parts, "bulk"] if fields.get("isBulkAction") is True else parts)


def _scan_completion(fields: Fields) -> str:
    duration = fields.get("durationMs")
    if not isinstance(duration, int | float):
        took = "?"
    else:
        took = f"{duration / _MS_PER_S:.1f} s" if duration >= _MS_PER_S else f"{duration:.0f} ms"
    kind = "incremental" if fields.get("isIncremental") is True else "full"
    parts = [_counted(fields, "filesScanned", "file"), _counted(fields, "newPatternsDiscovered", "new pattern")]
    return ", ".join([f"{kind} scan in {took}", *parts, _counted(fields, "workerCount", "worker")])


def _other(fields: Fields) -> str:
    scalars = [f"{name}={value}" for name, value in fields.items() if not isinstance(value, dict | list)]
    return ", ".join(scalars[:_FIELDS_SHOWN])


def _text(fields: Fields, name: str) -> str:
    return str(fields.get(name, "?"))


def _share(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return f"confidence {value:.2f}" if isinstance(value, int | float) else "confidence ?"


def _counted(fields: Fields, name: str, noun: str) -> str:
    value = fields.get(name, "?")
    return f"{value} {noun}" if value == 1 else f"{value} {noun}s"


_KNOWN: dict[str, tuple[Callable[[Fields], str], str]] = {
    "pattern_signature": (_pattern_signature, "cyan"),
    "aggregate_stats": (_aggregate_stats, "magenta"),
    "user_action": (_user_action, "green"),
    "scan_completion": (_scan_completion, "blue"),
}
