"""``telemetry labels``."""

from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.arguments import data_to_read
from telemetry.cli.options import settings_options
from telemetry.cli.output.event_lines import printable
from telemetry.published.candidates import find_candidates
from telemetry.published.label_file import decide, read_decided
from telemetry.published.labels import OF_BENCHMARKS, LabelKind
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.wording import amount

_KIND = click.Choice([kind.value for kind in LabelKind])
_SETTINGS = settings_options("environment", "data_dir", "log_format")


@click.group("labels")
def command() -> None:
    """Say which labels the public sees besides those that Drift itself sends.

    A change applies to windows that are closed from then on, and to benchmarks at once. An admitted label with too few
    installations still joins `other`.

    Example: telemetry labels admit framework express
    """


@command.command("list")
@click.option("--days", type=click.IntRange(min=1), default=7, show_default=True, help="How many of the last days.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_SETTINGS
def list_labels(*, days: int, as_json: bool, config: Path | None, **flags: Any) -> None:
    """List labels that the public does not see.

    A label is shown with its installations on the day that had most of them, and its events of all days.

    Example: telemetry labels list --days 28
    """
    directory = data_to_read(config, flags)
    decided = read_decided(directory.public_labels)
    found = find_candidates(directory, directory.days()[-days:], [*decided.admitted, *decided.hidden])
    if as_json:
        candidates = [one._asdict() for one in found]
        listed = {"admitted": decided.admitted, "hidden": decided.hidden, "candidates": candidates}
        click.echo(msgspec.json.encode(listed))
        return
    for state, labels in (("admitted", decided.admitted), ("hidden", decided.hidden)):
        for kind, label in labels:
            click.echo(f"{state}: {kind.value} {printable(label)}")
    for one in found:
        counted = f"{amount(one.installations, 'installation')}, {amount(one.events, 'event')}"
        click.echo(f"{one.kind.value} {printable(one.label)}: {counted}")


@command.command("admit")
@click.argument("kind", type=_KIND)
@click.argument("label")
@_SETTINGS
def admit(*, kind: str, label: str, config: Path | None, **flags: Any) -> None:
    """Let the public see a label.

    Example: telemetry labels admit framework express
    """
    _decide(data_to_read(config, flags), kind, label, admitted=True)


@command.command("hide")
@click.argument("kind", type=_KIND)
@click.argument("label")
@_SETTINGS
def hide(*, kind: str, label: str, config: Path | None, **flags: Any) -> None:
    """Have a label counted as `other`, also one that Drift itself sends.

    Example: telemetry labels hide version 0.13.37
    """
    _decide(data_to_read(config, flags), kind, label, admitted=False)


def _decide(directory: DataDirectory, kind: str, label: str, *, admitted: bool) -> None:
    decide(directory.public_labels, LabelKind(kind), label, admitted=admitted)
    verb = "shown" if admitted else "counted as other"
    since = "from now on" if kind in OF_BENCHMARKS else "in windows that are closed from now on"
    click.echo(f"{kind} {printable(label)} is {verb} {since}")
