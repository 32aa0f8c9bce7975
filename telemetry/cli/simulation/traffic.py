"""The traffic of some days.

Everything is drawn from seeded generators, one for the population and one for each day, so that a day is the same
whether the days before it were asked for or not.
"""

import random
from datetime import date, timedelta
from typing import Any

from telemetry.cli.simulation.benchmark_reports import benchmark_reports
from telemetry.cli.simulation.population import population
from telemetry.cli.simulation.releases import Releases
from telemetry.cli.simulation.sessions import Session, sessions_of

_SATURDAY = 5


class Simulation:
    """The traffic of ``days`` days that end with ``last_day``."""

    def __init__(self, *, installations: int, days: int, seed: int, last_day: date) -> None:
        self._seed = seed
        self._first_day = last_day - timedelta(days=days - 1)
        self.days = [self._first_day + timedelta(days=number) for number in range(days)]
        self._releases = Releases(random.Random(f"{seed}/releases"), days)
        self._installations = population(random.Random(f"{seed}/population"), installations, days)

    def reports(self, day: date, measured_at: float) -> list[Any]:
        """Return the reports of benchmarks of a day, measured at Unix seconds: those of the releases of the day."""
        chosen = random.Random(f"{self._seed}/benchmarks/{day.toordinal()}")
        measured = self._releases.measured((day - self._first_day).days)
        return [
            report for number, release in measured for report in benchmark_reports(chosen, release, number, measured_at)
        ]

    def sessions(self, day: date) -> list[Session]:
        """Return what is submitted on a day, in order."""
        chosen = random.Random(f"{self._seed}/{day.toordinal()}")
        number = (day - self._first_day).days
        found = [
            session
            for installation in self._installations
            if installation.first_day <= number <= installation.last_day
            for session in sessions_of(
                chosen,
                installation,
                installation.release(self._releases, number),
                is_first_day=number == installation.first_day,
                weekend=day.weekday() >= _SATURDAY,
            )
        ]
        return sorted(found, key=lambda session: session.second)
