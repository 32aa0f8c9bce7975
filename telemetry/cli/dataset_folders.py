"""Writes the folder of a data set, and reports what is in it."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.output.destination import output
from telemetry.dataset.manifest import DATASET_MANIFEST, About, DatasetManifest
from telemetry.dataset.places import DATA, DATA_PLACES, SUMS
from telemetry.dataset.snapshot import Snapshot, take_snapshot
from telemetry.loading import load
from telemetry.operator_errors import DamagedError, NoDataError, OutputError, UnavailableError
from telemetry.published.label_file import read_labels
from telemetry.published.overview import uncorrected_windows
from telemetry.published.reading import reading_published
from telemetry.published.windows import Period
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.places import is_within
from telemetry.wording import amount, extra_advice

DATASET = "dataset"
_MODE = 0o644
_SETTINGS = ("dataset_licence", "dataset_creator", "dataset_url")


def export_dataset(folder: Path, last_day: str | None, config: Path | None, flags: dict[str, Any]) -> None:
    """Write the data set of all windows, or of those that ended by ``last_day``, into a folder; print a report."""
    try:
        from telemetry.dataset.content import dataset_files  # noqa: PLC0415 - needs an optional extra
    except ImportError as error:
        raise UnavailableError(f"the data set needs pyarrow: {extra_advice('parquet', 'pyarrow')}") from error
    settings = load(flags, config=config, needed=[*flags, *_SETTINGS])
    directory = DataDirectory(Path(settings.data_dir))
    snapshot = _snapshot(directory, last_day)
    about = About(settings.dataset_licence, settings.dataset_creator, settings.dataset_url)
    manifest, files = dataset_files(snapshot, about)
    _write(folder, files, (directory.root, directory.events))
    for line in [*_report(manifest, snapshot), *_exclusions(directory, snapshot)]:
        click.echo(line, err=True)


def _snapshot(directory: DataDirectory, last_day: str | None) -> Snapshot:
    labels = read_labels(directory.public_labels)
    with _telling_damage(directory.published), reading_published(directory.published) as published:
        if published is None:
            raise NoDataError(
                f"{directory.published} is not there, so nothing has been published: name the folder of the data with "
                "--data-dir, or wait until a window of four weeks is closed"
            )
        return take_snapshot(published, labels, last_day)


@contextmanager
def _telling_damage(published: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError:
        # The disk or a lock is at fault: the file may be sound.
        raise
    except sqlite3.DatabaseError as error:
        raise DamagedError(f"{published} is damaged ({error}): copy published.db from the newest backup") from error


def _write(folder: Path, files: Mapping[str, bytes], inputs: tuple[Path, ...]) -> None:
    """Write files into a new folder or over an older data set; other files there stay.

    The old digests are removed first and the new ones written last, so a half-written folder is not taken for a data
    set.
    """
    _check(folder, files, inputs)
    try:
        (folder / DATA).mkdir(parents=True, exist_ok=True)
        (folder / SUMS).unlink(missing_ok=True)
        for place in DATA_PLACES - files.keys():
            (folder / place).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {folder} ({error.strerror}): name another folder") from error
    for place, content in files.items():
        with output(str(folder / place), "DIR", inputs=inputs) as stream:
            stream.write(content)
        # A data set is public.
        (folder / place).chmod(_MODE)


def _check(folder: Path, files: Mapping[str, bytes], inputs: tuple[Path, ...]) -> None:
    for read in inputs:
        if is_within(folder, read):
            raise OutputError(f"{folder} is among the data in {read}, which is read: name another folder")
    with suppress(OSError, msgspec.DecodeError):
        msgspec.json.decode((folder / DATASET_MANIFEST).read_bytes(), type=DatasetManifest)
        return
    for place in files:
        if (folder / place).exists():
            raise OutputError(f"{folder} has a {place} that is not of a data set: name another folder, or remove it")


def _report(manifest: DatasetManifest, snapshot: Snapshot) -> list[str]:
    rows = ", ".join(f"{number:,} {split}" for split, number in manifest.rows.items())
    lines = [
        f"{amount(len(snapshot.rows), 'row')} ({rows}) of {amount(len(manifest.windows), 'window')} up to "
        f"{manifest.complete_up_to}, content id {manifest.content_id}"
    ]
    if snapshot.made_again:
        starts = ", ".join(window.start for window in snapshot.made_again)
        lines.append(
            f"made again after an installation was excluded, with the labels that were shown then: {starts}. An export "
            "from before differs"
        )
    if manifest.left_out:
        counts = ", ".join(f"{number:,} {kind}" for kind, number in manifest.left_out.items())
        lines.append(f"hidden since their windows were closed, and left out: {counts}. An export from before differs")
    if not manifest.about.licence:
        lines.append("no licence is chosen: set dataset_licence, such as CC-BY-4.0, before you pass it on")
    return lines


def _exclusions(directory: DataDirectory, snapshot: Snapshot) -> list[str]:
    """Return lines about windows that still count an excluded installation or deleted days."""
    if not directory.aggregates.exists():
        # The directory holds only a copy of the published numbers.
        return []
    taken = {window.start for window in snapshot.windows}
    found = [one for one in uncorrected_windows(directory) if one.period == Period.FOUR_WEEKS and one.start in taken]
    waiting = ", ".join(one.start for one in found if one.state == "closing")
    staying = ", ".join(one.start for one in found if one.state != "closing")
    lines = []
    if waiting:
        lines.append(
            f"still counts an installation that was excluded, or deleted days: {waiting}. Export again after the next "
            "publication"
        )
    if staying:
        lines.append(f"counts an installation that was excluded, or deleted days, and cannot be made again: {staying}")
    return lines
