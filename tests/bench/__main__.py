"""The command of the benchmark: ``python -m tests.bench quick | full | growth | closing | soak``."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.bench import beside, closing, growth, known, machine, plan, report, soak
from tests.bench.events import Population
from tests.bench.load import LoadError, require_wrk
from tests.bench.measure import Timing
from tests.bench.results import Results
from tests.bench.server import ServerError

Measure = Callable[[plan.Bench, Results], None]

_output = click.option(
    "--output", type=click.Path(path_type=Path), default=Path("build/bench"), show_default=True, help="For the results."
)


@click.group()
def cli() -> None:
    """Measure the service, baselines beside it, and compare them with what is required."""


@cli.command()
@_output
def quick(output: Path) -> None:
    """Take a rough look in two minutes, while developing."""
    _run_plan(plan.QUICK, output)


@cli.command()
@_output
def full(output: Path) -> None:
    """Measure everything three times and take medians; about twenty minutes."""
    _run_plan(plan.FULL, output)


@cli.command("growth")
@click.option("--rows", type=int, multiple=True, default=(0, 5_000_000, 20_000_000), show_default=True)
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--run-s", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--replay-events", type=int, default=1_000_000, show_default=True)
@click.option("--installations", type=click.IntRange(min=1), default=3_000_000, show_default=True)
@click.option("--signatures", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option("--only-known", is_flag=True, help="Leave out what depends on the segment.")
@_output
def growth_command(
    *,
    rows: tuple[int, ...],
    runs: int,
    run_s: int,
    replay_events: int,
    installations: int,
    signatures: int,
    only_known: bool,
    output: Path,
) -> None:
    """Measure with many installations and signatures known, many rows in today's segment, and much to replay."""

    def measure(bench: plan.Bench, results: Results) -> None:
        known.run(bench, results, Population(installations, signatures), runs)
        if not only_known:
            growth.run(bench, results, sorted(rows), runs, replay_events)

    _measure("growth", runs, Timing(2, run_s), output, measure)


@cli.command("closing")
@click.option("--events", type=int, multiple=True, default=(1_000_000, 5_000_000), show_default=True, help="In a day.")
@click.option(
    "--daily", type=int, default=250_000, show_default=True, help="On each day of four weeks; 0 leaves them out."
)
@click.option("--installations", type=click.IntRange(min=1), default=300_000, show_default=True)
@click.option("--signatures", type=click.IntRange(min=1), default=100_000, show_default=True)
@click.option("--paced-s", type=int, default=20, show_default=True, help="Of load beside it; 0 leaves it out.")
@_output
def closing_command(
    *, events: tuple[int, ...], daily: int, installations: int, signatures: int, paced_s: int, output: Path
) -> None:
    """Measure closing the windows of a day and of four weeks, and batches at half of the maximum meanwhile.

    Four weeks of fewer events than a million a day have as many installations and signatures fewer.
    """

    def measure(bench: plan.Bench, results: Results) -> None:
        population = Population(installations, signatures)
        # The load is the same beside any day: the first one is enough.
        for number, one in enumerate(sorted(events)):
            closing.measure_day(bench, results, one, population, 0 if number else paced_s)
        if daily:
            closing.measure_four_weeks(bench, results, daily, population)

    _measure("closing", 1, Timing(1, 3), output, measure)


@cli.command("soak")
@click.option("--minutes", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--lives", type=click.IntRange(min=1), default=3, show_default=True, help="One more than restarts.")
@_output
def soak_command(minutes: int, lives: int, output: Path) -> None:
    """Load at four fifths of the maximum for a long time, with readers, slow clients and restarts.

    Ends with 1 if a request failed, an event is missing or a process grew by a twentieth.
    """

    def measure(bench: plan.Bench, results: Results) -> None:
        soak.run(bench, results, minutes, lives)

    soaked = _measure("soak", 1, Timing(2, 10), output, measure).soak
    if soaked is not None and not soaked.held:
        sys.exit(1)


def _run_plan(chosen: plan.Plan, output: Path) -> None:
    def measure(bench: plan.Bench, results: Results) -> None:
        plan.run(chosen, bench, results)
        beside.run(bench, results, chosen.reader_turns)

    _measure(chosen.name, chosen.runs, chosen.timing, output, measure)


def _measure(mode: str, runs: int, timing: Timing, output: Path, measure: Measure) -> Results:
    started_at = time.monotonic()

    def tell(sentence: str) -> None:
        click.echo(f"{time.monotonic() - started_at:6.0f} s  {sentence}")

    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    results = Results(mode, date, machine.describe(), runs, timing.run_s)
    output.mkdir(parents=True, exist_ok=True)
    try:
        require_wrk()
        with TemporaryDirectory(prefix="scratch-", dir=output) as scratch:
            measure(plan.Bench(Path(scratch).resolve(), timing, tell), results)
    except (LoadError, ServerError) as error:
        if results.loads:
            click.echo(f"What was measured by then is in {report.write(results, output)}")
        raise click.ClickException(str(error)) from error
    path = report.write(results, output)
    click.echo(f"\n{report.markdown(results)}")
    click.echo(f"Written to {path} and {path.with_suffix('.json')}")
    return results


if __name__ == "__main__":
    cli(prog_name="python -m tests.bench")
