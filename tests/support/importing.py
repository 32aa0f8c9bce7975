"""Imports into a stopped service, by the code of the commands and with a clock that the test moves."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from telemetry.catalogue.stored_ids import IdKey
from telemetry.cli import importing
from telemetry.cli.importing import Origin, Source, run_import
from telemetry.settings import Settings
from telemetry.storage.imports.exported import ExportedEvents
from telemetry.storage.imports.old_worker import old_data
from telemetry.storage.sqlite.copying import Progress
from tests.support.events import Fields
from tests.support.old_worker import OldRow, make_old_database
from tests.support.oracle import Raw
from tests.support.service import HandClock

_Opened = Callable[[Path, IdKey, Progress], AbstractContextManager[Source]]
_COLUMNS = ("type", "timestamp", "installationId", "driftVersion")


def import_old_events(data_dir: Path, database: Path, events: list[Fields], moment: datetime, hand: HandClock) -> None:
    """Import events as the old worker had them, which received them all at one moment."""
    received_at = f"{moment:%Y-%m-%d %H:%M:%S}"
    make_old_database(database, [_row(number, event, received_at) for number, event in enumerate(events, 1)])

    @contextmanager
    def opened(folder: Path, _id_key: IdKey, on_bytes: Progress) -> Iterator[Source]:
        with old_data(database, folder, on_bytes) as old:
            yield old

    _import(data_dir, database, opened, hand, logged=False)


def import_own_export(data_dir: Path, file: Path, events: list[Raw], hand: HandClock) -> None:
    """Import events as `telemetry export events` writes them."""
    file.write_text("".join(f"{json.dumps(event._asdict())}\n" for event in events), encoding="utf-8")

    @contextmanager
    def opened(_folder: Path, _id_key: IdKey, on_bytes: Progress) -> Iterator[Source]:
        yield ExportedEvents([file], data_dir / "telemetry.db", same_key=True, on_bytes=on_bytes)

    _import(data_dir, file, opened, hand, logged=True)


def _import(data_dir: Path, file: Path, opened: _Opened, hand: HandClock, *, logged: bool) -> None:
    origin = Origin(str(file), "another", [file], file.stat().st_size, opened, logged=logged)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "Clock", lambda: hand.clock)
        run_import(origin, Settings(data_dir=str(data_dir)), dry_run=False, refused=None, as_json=False)


def _row(number: int, event: Fields, received_at: str) -> OldRow:
    payload = {name: value for name, value in event.items() if name not in _COLUMNS}
    return (number, *(event[name] for name in _COLUMNS), json.dumps(payload, separators=(",", ":")), received_at)
