"""``telemetry send``."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import click
import orjson

from telemetry.cli.arguments import ServiceUrl
from telemetry.cli.posting import Poster
from telemetry.errors import EventRejected, RejectionCode
from telemetry.operator_errors import Exit, UnavailableError
from telemetry.wording import amount

_BATCH_EVENTS_MAX = 100
# A longer line is sent alone: the service then rejects it with a sentence.
_BATCH_BYTES_MAX = 1_000_000
_REJECTIONS_SHOWN_MAX = 1_000
_ENVELOPE = b'{"events":[%b]}'


@dataclass(slots=True)
class _Sent:
    """What became of the events of a file: how many were accepted, and which were rejected, in the file's order."""

    events: int = 0
    processed: int = 0
    rejections: int = 0
    shown: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, index: int, line: int, code: str, error: str) -> None:
        self.rejections += 1
        if len(self.shown) < _REJECTIONS_SHOWN_MAX:
            self.shown.append({"index": index, "line": line, "code": code, "error": error})

    def receipt(self) -> bytes:
        """Return the receipt of the whole file, as one batch would get it."""
        receipt: dict[str, Any] = {"success": True, "eventsProcessed": self.processed}
        return orjson.dumps(receipt | {"rejected": self.shown} if self.rejections else receipt)


@dataclass(slots=True)
class _Batch:
    """Lines that are sent together, with their places among the events and among the lines of the file."""

    lines: list[bytes] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)

    def has_room(self, line: bytes) -> bool:
        bytes_after = sum(map(len, self.lines)) + len(line)
        return not self.lines or (len(self.lines) < _BATCH_EVENTS_MAX and bytes_after <= _BATCH_BYTES_MAX)


@click.command("send")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--url", type=ServiceUrl(), default="http://127.0.0.1:8787", show_default=True, help="Address of the service."
)
@click.option("--v2", is_flag=True, help="The events are in the shape of version 2 of the tool.")
@click.option("--show", is_flag=True, help="Print the bodies that would be sent, and send nothing.")
def command(file: IO[bytes], *, url: str, v2: bool, show: bool) -> None:
    """Send the events of a file, one JSON object a line, and print the receipt.

    The file is sent in batches of up to 100 events. For each rejected event, the receipt has its index among the
    events, its line, a code and a sentence; the command then ends with 1. If the service stops answering, send the
    same file again: no event is stored twice. `-` reads standard input.

    Example: telemetry send events.jsonl --url http://127.0.0.1:8787
    """
    sent = _Sent()
    poster = Poster(f"{url}/{'v2' if v2 else 'v1'}/events", advice="wait some minutes")
    for batch in _batches(file, sent):
        body = _ENVELOPE % b",".join(batch.lines)
        if show:
            click.echo(body)
        else:
            _post(poster, body, batch, sent)
    if not show:
        click.echo(sent.receipt())
    if sent.rejections:
        unshown = sent.rejections - len(sent.shown)
        more = f", the first {amount(len(sent.shown), 'rejection')} above" if unshown else ""
        click.echo(f"{amount(sent.rejections, 'event')} of {sent.events:,} rejected{more}", err=True)
        raise click.exceptions.Exit(Exit.FINDINGS)


def _post(poster: Poster, body: bytes, batch: _Batch, sent: _Sent) -> None:
    try:
        receipt = orjson.loads(poster.post(body))
        processed, rejected = receipt["eventsProcessed"], receipt.get("rejected", [])
        for one in rejected:
            index, line = batch.places[int(one["index"])]
            sent.reject(index, line, one["code"], one["error"])
    except UnavailableError as error:
        before = f"; the {amount(sent.processed, 'event')} before line {batch.places[0][1]} are not stored twice"
        raise UnavailableError(f"{error}, then send the file again{before if sent.processed else ''}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UnavailableError("the answer is not a receipt: check that --url names a telemetry service") from error
    sent.processed += processed


def _batches(file: IO[bytes], sent: _Sent) -> Iterator[_Batch]:
    """Return the events of a file in batches. Lines that are not JSON are rejected here: they would spoil a batch."""
    batch = _Batch()
    for number, raw in enumerate(file, 1):
        line = raw.strip()
        if not line:
            continue
        index, sent.events = sent.events, sent.events + 1
        try:
            orjson.loads(line)
        except orjson.JSONDecodeError:
            rejected = EventRejected(RejectionCode.NOT_AN_OBJECT, "the line is not JSON")
            sent.reject(index, number, rejected.code, rejected.sentence)
            continue
        if not batch.has_room(line):
            yield batch
            batch = _Batch()
        batch.lines.append(line)
        batch.places.append((index, number))
    if batch.lines:
        yield batch
