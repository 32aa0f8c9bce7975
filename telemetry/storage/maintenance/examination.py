"""The examination of a data directory: every check, and the aggregates against a recount of the raw events."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from telemetry.clock import Clock
from telemetry.counting.limits import CountingLimits
from telemetry.operator_errors import ConflictError
from telemetry.storage.aggregates.comparison import Difference, differences
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.loss import aggregates_loss
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.scratch import temporary
from telemetry.storage.directory.segment_files import segment_name
from telemetry.storage.erasure.erasures import known_erasures
from telemetry.storage.maintenance.bulk_decisions import count_bulk_decisions
from telemetry.storage.maintenance.catalogue_checks import check_reviews
from telemetry.storage.maintenance.client_checks import check_refusals
from telemetry.storage.maintenance.file_checks import (
    check_aside,
    check_database,
    check_erasures,
    check_foreign,
    check_id_key,
    check_missing,
    check_owner,
    check_permissions,
    check_saved,
)
from telemetry.storage.maintenance.findings import Finding, Severity
from telemetry.storage.maintenance.host_checks import check_clock, check_disk, check_sqlite
from telemetry.storage.maintenance.pseudonyms import Pseudonyms, copy_pseudonymously
from telemetry.storage.maintenance.recount import Recount, RecountedSegment, recount
from telemetry.storage.maintenance.sorting import sort_signatures
from telemetry.storage.sqlite.copying import PATIENCE_S, Progress, no_progress
from telemetry.wording import amount

CURRENT, EXPECTED = "current.db", "expected.db"
_SHOWN_PER_TABLE = 5
# A lock that is held for a moment, as by a reader that opens a file, is no finding.
_WAIT_MIN_S = 0.1
_REPAIR = "stop the service and run `telemetry repair`"


@dataclass(slots=True)
class Recounted:
    """The aggregates beside a recount: how many rows of each table differ, and some of them."""

    recount: Recount = field(default_factory=Recount)
    counts: dict[str, int] = field(default_factory=dict)
    shown: list[Difference] = field(default_factory=list)


@dataclass(slots=True)
class Examination:
    """What was found, worst first, and what it was found by."""

    findings: list[Finding]
    files: int
    recounted: Recounted | None

    @property
    def failed(self) -> bool:
        """Whether something needs a person."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def find_sound(
    directory: DataDirectory, *, full: bool, aggregates: bool = True, on_bytes: Progress = no_progress
) -> tuple[list[Finding], dict[str, Path]]:
    """Check the segments and, if wanted, the aggregates; return what was found, and the segments that can be read.

    All files that stay locked are waited for as long as one would be.
    """
    findings: list[Finding] = []
    if aggregates:
        findings += check_database(directory.aggregates, "aggregates", full=full, on_bytes=on_bytes)
    sound, patience_s = {}, float(PATIENCE_S)
    for day, path in directory.segments().items():
        began_at = time.monotonic()
        found = list(check_database(path, "segment", full=full, on_bytes=on_bytes, wait_s=patience_s))
        if any(finding.severity is Severity.ERROR for finding in found):
            patience_s = max(_WAIT_MIN_S, patience_s - (time.monotonic() - began_at))
        else:
            sound[day] = path
        findings += found
    return findings, sound


async def examine(
    directory: DataDirectory,
    limits: CountingLimits,
    clock: Clock,
    *,
    id_key: str,
    full: bool,
    on_bytes: Progress = no_progress,
) -> Examination:
    """Examine a data directory that may be in use; nothing in it is changed.

    ``id_key`` is the setting, empty if the key is in its file.

    Raises ``ConflictError`` if an installation is erased meanwhile.
    """
    loss, exists = aggregates_loss(directory), directory.aggregates.exists()
    # To open an empty file is to delete the log beside it.
    findings, sound = find_sound(directory, full=full, aggregates=exists and loss is None, on_bytes=on_bytes)
    files = len(directory.days()) + exists
    recounted = None
    if loss is not None:
        findings.append(Finding(Severity.ERROR, directory.aggregates.name, loss))
    elif not exists:
        sentence = "does not exist yet: the service makes it when it starts"
        findings.append(Finding(Severity.NOTE, directory.aggregates.name, sentence))
    elif not damage_of(directory.aggregates, findings):
        with temporary() as folder:
            # What is left of it if this is killed names nobody.
            pseudonyms = Pseudonyms()
            copy_pseudonymously(directory.aggregates, folder / CURRENT, pseudonyms)
            recounted = await compare(folder, sound, limits, on_bytes, pseudonyms=pseudonyms)
            # Its events would be missed, and the advice to restore them would bring them back.
            if known_erasures(folder / CURRENT) != known_erasures(directory.aggregates):
                raise ConflictError("an installation was erased meanwhile: do this again")
        findings += _number_findings(recounted)
        findings += check_erasures(directory)
        findings += check_missing(directory)
    for found in (
        check_permissions(directory), check_owner(directory), check_disk(directory), check_sqlite(directory),
        check_clock(sound, clock), check_foreign(directory), check_aside(directory),
        check_saved(directory), check_refusals(directory, clock),
        check_id_key(directory, id_key), check_reviews(clock),
    ):  # fmt: skip
        findings += found
    severities = list(Severity)
    findings.sort(key=lambda finding: severities.index(finding.severity))
    return Examination(findings, files, recounted)


async def compare(
    folder: Path,
    sound: dict[str, Path],
    limits: CountingLimits,
    on_bytes: Progress = no_progress,
    *,
    pseudonyms: Pseudonyms | None = None,
) -> Recounted:
    """Recount the sound segments into ``EXPECTED``, beside the aggregates as they were copied to ``CURRENT``."""
    current, expected = folder / CURRENT, folder / EXPECTED
    # The copy may be of an older schema than the program's.
    copied = await Aggregates.open(current, synchronous="NORMAL")
    try:
        await sort_signatures(copied, sound)
        await count_bulk_decisions(copied, sound)
    finally:
        await copied.close()
    found = await recount(current, expected, sound, limits, on_bytes, pseudonyms=pseudonyms)
    counts, shown = differences(current, expected, _SHOWN_PER_TABLE)
    return Recounted(found, counts, shown)


def damage_of(path: Path, findings: list[Finding]) -> str | None:
    """Return why a file cannot be read, or None."""
    found = (finding for finding in findings if finding.subject == path.name)
    return next((finding.sentence for finding in found if finding.severity is Severity.ERROR), None)


def _number_findings(recounted: Recounted) -> Iterator[Finding]:
    for state in recounted.recount.segments:
        yield from _segment_findings(state)
    for table, count in recounted.counts.items():
        if count:
            sentence = f"differs from a recount of the raw events in {amount(count, 'row')}: {_REPAIR}"
            yield Finding(Severity.ERROR, table, sentence)
    if past := recounted.recount.past_days:
        days = amount(len(past), "day")
        sentence = (
            f"no raw events are left of {days} up to {past[-1]}: the numbers of these days cannot be recounted, and "
            "all-time sums are checked only as a lower bound"
        )
        yield Finding(Severity.NOTE, "past", sentence)


def _segment_findings(state: RecountedSegment) -> Iterator[Finding]:
    name = segment_name(state.day)
    if state.missing:
        sentence = (
            f"has lost {amount(state.missing, 'event')} of those counted: restore it from a backup if one has them"
        )
        yield Finding(Severity.ERROR, name, sentence)
    if state.misplaced:
        sentence = f"holds {amount(state.misplaced, 'event')} of another day: another program has written to it"
        yield Finding(Severity.ERROR, name, sentence)
    if state.pending:
        sentence = (
            f"holds {amount(state.pending, 'event')} not counted yet: the service counts that when it flushes or starts"
        )
        yield Finding(Severity.NOTE, name, sentence)
