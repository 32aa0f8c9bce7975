"""The table of fault cases at the end of a run, and the bounds of a long one. ``tests/conftest.py`` registers it."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.cases import CASES
from tests.support.tally import Tally, tallying

MINUTES_MAX = 40
# Seconds for the table, and for ending what tests have started.
ENDING_S = 60
PROGRESS_EVERY_S = 10.0
HEADER = ("#", "case", "tries", "acknowledged", "lost", "double-counted", "verdict")
_tally = pytest.StashKey[Tally]()


_SEED = "TORTURE_SEED"


def choose_seed(*, long: bool) -> None:
    """Choose the seed of this run and of the processes that it starts, unless it is given.

    A long run tries something else every day; others do the same every time.
    """
    os.environ.setdefault(_SEED, f"{datetime.now(UTC):%Y%m%d}" if long else "1")


def seed() -> int:
    """Return the seed of this run: what is random in a test derives from it alone."""
    return int(os.environ[_SEED])


@dataclass
class CaseResult:
    """What all tests of a case found, and how they ended."""

    tally: Tally = field(default_factory=Tally)
    outcomes: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether some test has proved the case and none has failed, or found anything lost or miscounted."""
        broken = self.tally.lost or self.tally.double_counted or "failed" in self.outcomes
        return "passed" in self.outcomes and not broken

    @property
    def verdict(self) -> str:
        """One word, and what was left out."""
        skipped = self.outcomes.count("skipped")
        if self.held:
            return f"held ({skipped} skipped)" if skipped else "held"
        return "skipped" if set(self.outcomes) == {"skipped"} else "BROKEN" if self.outcomes else "not run"


def table(results: dict[int, CaseResult]) -> list[str]:
    """Return all cases as the lines of a Markdown table, also those without a result."""
    rows: list[tuple[str, ...]] = [HEADER, ("---", "---", "---:", "---:", "---:", "---:", "---")]
    for number, title in CASES.items():
        found = results.get(number, CaseResult())
        counts = (found.tally.tries, found.tally.acknowledged, found.tally.lost, found.tally.double_counted)
        rows.append((str(number), title, *(f"{count:,}" for count in counts), found.verdict))
    return [f"| {' | '.join(row)} |" for row in rows]


class CaseReport:
    """Collects what tests of cases find; with ``--torture`` it tells progress, ends in time and writes the table."""

    def __init__(self, config: pytest.Config) -> None:
        self.results: dict[int, CaseResult] = defaultdict(CaseResult)
        self._config = config
        self._long: bool = config.getoption("--torture")
        self._started_at = self._told_at = time.monotonic()

    @pytest.fixture(autouse=True)
    def tally(self, request: pytest.FixtureRequest) -> Generator[Tally]:
        """What this test finds; a test that does not say how often it tried has tried once."""
        with tallying(lambda tally: self._tell(request.node, tally)) as found:
            request.node.stash[_tally] = found
            yield found

    def pytest_report_header(self) -> str:
        """Say how to run the same again."""
        return f"seed: {seed()} (run the same again with {_SEED}={seed()})"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a test of a case ended, and what it had found by then."""
        report = yield
        numbers = [number for mark in item.iter_markers("case") for number in mark.args]
        for number in numbers:
            if report.when == "call" or report.outcome != "passed":
                self.results[number].outcomes.append(report.outcome)
            if report.when == "teardown" and (found := item.stash.get(_tally, None)) is not None:
                tried = Tally(tries=0 if found.tries else 1)
                self.results[number].tally = self.results[number].tally.put_together(found).put_together(tried)
        return report

    def pytest_sessionstart(self) -> None:
        """Have a long run end when it takes longer than it may, whatever it is waiting for."""
        if self._long:
            signal.signal(signal.SIGALRM, _time_is_up)
            signal.alarm(MINUTES_MAX * 60)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a long run fail when a case is not proved, be it that what its tests need is missing."""
        if self._long and not session.config.option.collectonly:
            unproved = [number for number in CASES if not self.results[number].held]
            if unproved and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of a long run, and write it down."""
        if not self._long:
            return
        lines = table(self.results)
        minutes = (time.monotonic() - self._started_at) / 60
        today = datetime.now(UTC).date().isoformat()
        told = f"{today}, seed {seed()}, {minutes:.1f} minutes on {os.cpu_count()} cores."
        write_markdown(self._config.rootpath / "build" / "torture" / "torture.md", [*lines, "", told])
        terminalreporter.section("fault cases")
        for line in [*lines, "", told]:
            terminalreporter.write_line(line)

    def _tell(self, item: pytest.Item, found: Tally) -> None:
        if self._long and time.monotonic() - self._told_at > PROGRESS_EVERY_S:
            self._told_at = time.monotonic()
            minutes = (self._told_at - self._started_at) / 60
            self._config.get_terminal_writer().line(
                f"\n{minutes:.1f} min: {item.name}: {found.tries:,} tries, {found.acknowledged:,} acknowledged,"
                f" {found.lost:,} lost, {found.double_counted:,} double-counted"
            )


def _time_is_up(_number: int, _frame: object) -> None:
    # A thread that a test has left behind would hold the process for ever.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(ENDING_S)
    raise KeyboardInterrupt(f"torture took longer than {MINUTES_MAX} minutes")


def write_markdown(path: Path, lines: Iterable[str]) -> None:
    """Write lines into a file whose folder may not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
