"""Reports of benchmarks: what the makers of Drift measure of each release, as CIBench and drift-bench report it."""

import random
from collections.abc import Iterator
from typing import Any

from telemetry.cli.simulation.draws import within
from telemetry.cli.simulation.releases import Release
from telemetry.clock import iso_milliseconds

_RUNS = 3
# Scores of the first release by corpus; those of later ones are a little better.
_CORPORA = {"demo-backend": 71.0, "demo-frontend": 64.0}
_LEVELS = {"perception": 9.0, "understanding": 1.0, "application": -8.0}
_BETTER_EACH = 0.4
_SCORE_SIGMA = 0.3
# Files of a fixture, and microseconds that a file takes in a phase.
_FIXTURES = {"small": 200, "medium": 2_000}
_PHASES = {"discovery": 40, "parsing": 900, "detection": 1_250, "storage": 210}
_DURATION_SIGMA = 0.02


def benchmark_reports(chosen: random.Random, release: Release, number: int, measured_at: float) -> Iterator[Any]:
    """Return the reports of some runs of both benchmarks; ``release`` is the n-th one, measured at Unix seconds."""
    for run in range(_RUNS):
        common = {"version": release.version, "timestamp": iso_milliseconds(measured_at - _RUNS + run)}
        yield common | _cibench(chosen, number)
        for fixture, files in _FIXTURES.items():
            yield common | _drift_bench(chosen, fixture, files, release.slowness)


def _cibench(chosen: random.Random, number: int) -> dict[str, Any]:
    corpora = [
        {
            "corpus": corpus,
            "overallScore": _score(chosen, first + number * _BETTER_EACH),
            "levels": {
                level: {"score": _score(chosen, first + number * _BETTER_EACH + apart), "categories": {}}
                for level, apart in _LEVELS.items()
            },
        }
        for corpus, first in _CORPORA.items()
    ]
    return {"tool": "drift", "duration": chosen.randint(40_000, 50_000), "corpora": corpora}


def _score(chosen: random.Random, expected: float) -> float:
    return round(within(0, chosen.gauss(expected, _SCORE_SIGMA), 100), 2)


def _drift_bench(chosen: random.Random, fixture: str, files: int, slowness: float) -> dict[str, Any]:
    durations = {name: _duration(chosen, files * each_us * slowness) for name, each_us in _PHASES.items()}
    total = sum(durations.values())
    return {
        "fixture": {"size_label": fixture},
        "phases": [
            {"name": name, "duration_us": duration, "items_processed": files} for name, duration in durations.items()
        ],
        "kpis": {"total_duration_us": total, "files_per_second": round(files * 1e6 / total, 1)},
    }


def _duration(chosen: random.Random, expected_us: float) -> int:
    return int(expected_us * chosen.lognormvariate(0, _DURATION_SIGMA)) + 1
