"""Results as JSON for programs and as Markdown for people."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.bench.baselines import Inserted
from tests.bench.beside_report import beside_parts
from tests.bench.closing_report import closing_parts
from tests.bench.results import Life, Load, Paced, Results, Soak, median
from tests.bench.tables import number, table
from tests.bench.targets import TARGETS

_LOAD_HEADINGS = (
    "subject", "batch", "connections", "events/s", "requests/s", "CPU us/event", "bytes/event", "p50 ms", "p99 ms",
    "p99.9 ms", "peak RSS MB", "events/group", "failed, missing",
)  # fmt: skip
_INSERT_HEADINGS = ("insert loop", "events in a row", "rows", "events/s", "CPU us/event", "bytes/event")
_PACED_HEADINGS = ("open loop", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "failed")
_LIFE_HEADINGS = (
    "life of minutes", "RSS MB after a minute", "RSS MB at the end", "growth", "descriptors then", "largest WAL MB",
)  # fmt: skip
_STRETCHES = 4


def write(results: Results, folder: Path) -> Path:
    """Write both forms, named after the mode; return the path of the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results.mode}.md"
    path.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2))
    path.write_text(markdown(results), encoding="utf-8")
    return path


def markdown(results: Results) -> str:
    """Return the report."""
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    grown = [msgspec.structs.replace(step.load, subject=f"at {step.rows:,} rows") for step in results.growth]
    if (known := results.known) is not None:
        names = "no population", f"{known.installations:,} installations, {known.signatures:,} signatures"
        pairs = zip((known.nobody, known.load), names, strict=True)
        grown += [msgspec.structs.replace(load, subject=name) for load, name in pairs]
    paced = results.paced + [step.paced for step in results.growth]
    parts = [
        f"Measured on {results.date} in {results.mode} mode{_repetitions(results)}. {machine}.",
        table(("measure", "measured", "required", "stretch", "verdict"), _target_rows(results)),
        table(_LOAD_HEADINGS, map(_load_row, results.loads + grown)),
        table(_INSERT_HEADINGS, map(_insert_row, results.inserts)),
        table(_PACED_HEADINGS, (row for each in paced for row in _paced_rows(each))),
    ]
    parts += beside_parts(results.beside_ingest)
    if (sealing := results.sealing) is not None:
        before, meanwhile = sealing.before.ingest, sealing.meanwhile.ingest
        parts.append(
            f"Sealing {sealing.rows:,} rows took {sealing.seconds:.0f} s and added "
            f"{sealing.added_bytes / sealing.rows:.0f} bytes an event. Batches at half of the maximum load meanwhile: "
            f"p99 {meanwhile.p99_ms:.1f} ms and p99.9 {meanwhile.p999_ms:.1f} ms, "
            f"without it {before.p99_ms:.1f} ms and {before.p999_ms:.1f} ms."
        )
    if results.replay is not None:
        parts.append(
            f"Restart with {results.replay.events:,} events to replay: {results.replay.start_s:.2f} s, "
            f"without any: {results.replay.start_without_s:.2f} s."
        )
    parts += closing_parts(results)
    if results.soak is not None:
        parts += _soak_parts(results.soak)
    return "\n\n".join(filter(None, [*parts, *results.notes])) + "\n"


def _repetitions(results: Results) -> str:
    if results.soak:
        return ""
    if results.runs == 1:
        return f": one run of {results.run_s} s"
    return f": medians of {results.runs} runs of {results.run_s} s each"


def _soak_parts(soak: Soak) -> list[str]:
    minutes = len(soak.minutes)
    stretch = max(1, minutes // _STRETCHES)
    stretches = [(at, median(soak.minutes[at : at + stretch])) for at in range(0, minutes, stretch)]
    return [
        f"{minutes} minutes at {soak.rate:,.0f} batches of {soak.minutes[0].batch} a second, four fifths of the "
        f"maximum, with {len(soak.lives) - 1} restarts: {soak.failed} requests failed, {soak.missing} acknowledged "
        "events are missing.",
        table(_LIFE_HEADINGS, map(_life_row, soak.lives)),
        table(
            ("minutes", *_PACED_HEADINGS),
            ([f"{at + 1} to {at + stretch}", *row] for at, paced in stretches for row in _paced_rows(paced)),
        ),
    ]


def _life_row(life: Life) -> list[str]:
    growth = (life.rss_mb_last / life.rss_mb_first - 1) * 100
    return [
        f"{life.seconds / 60:.1f}", number(life.rss_mb_first), number(life.rss_mb_last), f"{growth:+.1f} %",
        f"{life.descriptors_first}, {life.descriptors_last}", number(life.wal_mb_max),
    ]  # fmt: skip


def _target_rows(results: Results) -> Iterator[list[str]]:
    for target in TARGETS:
        if (value := target.value(results)) is None:
            continue
        sign = "≥" if target.at_least else "≤"
        yield [
            target.measure,
            number(value),
            f"{sign} {number(target.required)}",
            number(target.stretch),
            target.verdict(value),
        ]


def _load_row(load: Load) -> list[str]:
    numbers = (
        load.events_per_s, load.requests_per_s, load.cpu_us_per_event, load.bytes_per_event, load.p50_ms, load.p99_ms,
        load.p999_ms, load.rss_peak_mb, load.events_per_group,
    )  # fmt: skip
    troubles = f"{load.failed}, {load.missing}"
    return [load.subject, str(load.batch), str(load.connections), *map(number, numbers), troubles]


def _insert_row(loop: Inserted) -> list[str]:
    name = "(a) four indexes" if loop.indexed else "(b) no secondary index"
    numbers = (loop.events_per_s, loop.cpu_us_per_event, loop.bytes_per_event)
    return [name, str(loop.in_a_row), f"{loop.rows:,}", *map(number, numbers)]


def _paced_rows(paced: Paced) -> Iterator[list[str]]:
    for name, seen in ((f"batches of {paced.batch}", paced.ingest), ("statistics meanwhile", paced.stats)):
        numbers = (seen.rate, seen.p50_ms, seen.p99_ms, seen.p999_ms, seen.max_ms)
        yield [name, *map(number, numbers), str(seen.failed)]
