"""``telemetry dataset``."""

from collections import Counter
from pathlib import Path

import click
import msgspec

from telemetry.cli.output.event_lines import printable
from telemetry.dataset.comparison import Comparison, RowChange, compare_datasets
from telemetry.dataset.drift import Drift
from telemetry.dataset.folder import StoredDataset, read_dataset
from telemetry.wording import amount

_ROWS_SHOWN = 10
_LABELS_SHOWN = 3
_Folder = click.Path(path_type=Path)


@click.group("dataset")
def command() -> None:
    """Verify an exported data set, or compare two versions.

    `telemetry export dataset DIR` makes a data set.

    Example: telemetry dataset verify ./drift-pattern-signatures
    """


@command.command("verify")
@click.argument("folder", metavar="DIR", type=_Folder)
def verify(folder: Path) -> None:
    """Verify every byte of a data set against its digests, and its rows against its content id.

    Example: telemetry dataset verify ./drift-pattern-signatures
    """
    click.echo(f"no byte of it has changed: {_described(read_dataset(folder))}")


@command.command("diff")
@click.argument("first", metavar="A", type=_Folder)
@click.argument("second", metavar="B", type=_Folder)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every row that was added or vanished.")
def diff(first: Path, second: Path, *, as_json: bool) -> None:
    """Show how data set B differs from A: rows added and vanished, with the reason, and drift.

    Drift is the share of the rows that would have to move to make two distributions equal.

    Example: telemetry dataset diff ./october ./november
    """
    before, after = read_dataset(first), read_dataset(second)
    found = compare_datasets(before, after)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in _lines(before, after, found):
        click.echo(line)


def _described(stored: StoredDataset) -> str:
    manifest = stored.manifest
    rows, windows = amount(len(stored.rows), "row"), amount(len(manifest.windows), "window")
    made_of = f"{rows} of {windows} up to {manifest.complete_up_to}"
    return f"version {manifest.version}, {made_of}, content id {manifest.content_id}"


def _lines(before: StoredDataset, after: StoredDataset, found: Comparison) -> list[str]:
    lines = [f"A {_described(before)}", f"B {_described(after)}"]
    if before.manifest.content_id == after.manifest.content_id:
        return [*lines, "the same rows"]
    lines.append(f"in both {found.same + found.changed:,}, of which {found.changed:,} have other numbers")
    lines += _changes("added", found.added)
    lines += _changes("vanished", found.vanished)
    lines.append("drift")
    return lines + [_drift(one) for one in found.drift]


def _changes(name: str, changes: list[RowChange]) -> list[str]:
    lines = [f"{name} {len(changes):,}"]
    lines += [f"  {number:,} {why}" for why, number in sorted(Counter(one.why for one in changes).items())]
    lines += [f"    {printable(one.category)} {printable(one.label)}" for one in changes[:_ROWS_SHOWN]]
    if len(changes) > _ROWS_SHOWN:
        lines.append(f"    and {len(changes) - _ROWS_SHOWN:,} more: --json lists all")
    return lines


def _drift(one: Drift) -> str:
    moved = [label for label in one.labels[:_LABELS_SHOWN] if label.first != label.second]
    said = ", ".join(f"{printable(label.label)} {label.first:.1%} to {label.second:.1%}" for label in moved)
    return f"  {one.name:<14}{one.distance:>7.1%}  {said}".rstrip()
