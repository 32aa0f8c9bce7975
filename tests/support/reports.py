"""Reports of benchmarks, as CIBench and drift-bench write them."""

import json
from typing import Any

from tests.support.events import timestamp

SECRETS = ("/home/anna/secret.ts", "annas-laptop", "9f2c1d0e")


def cibench(**changes: Any) -> bytes:
    """Return a report of CIBench with twelve results, and texts that must not be kept."""
    corpus = {
        "corpus": "demo-backend",
        "overallScore": 71.5,
        "levels": {
            "perception": {"score": 80, "categories": {"patternRecognition": 81.25, "callGraphAccuracy": 78.75}},
            "understanding": None,
        },
        "calibration": {"ece": 0.25, "mce": 0.5},
        "probes": {"passed": 3, "total": 4, "score": 75},
        "warnings": [f"cannot read {SECRETS[0]}"],
        "errors": [],
    }
    report = {
        "tool": "drift", "timestamp": timestamp(), "duration": 1234, "levels": ["perception"], "corpora": [corpus],
        "overallScore": None,
    }  # fmt: skip
    return json.dumps(report | changes).encode()


def drift_bench(**changes: Any) -> bytes:
    """Return a report of drift-bench with ten results, and names that must not be kept."""
    report = {
        "timestamp": timestamp(),
        "commit_sha": SECRETS[2],
        "environment": {"os": "linux", "arch": "x86_64", "cpu_count": 8, "hostname": SECRETS[1], "profile": "release"},
        "fixture": {"size_label": "small", "file_count": 10, "total_lines": 1_000, "total_bytes": 30_000},
        "phases": [
            {
                "name": "parse", "duration_us": 1_500, "items_processed": 10, "bytes_processed": 30_000,
                "items_per_second": 6_666.5, "bytes_per_second": 20_000_000, "us_per_item": 150,
                "sub_metrics": {"duration_us": 1_000},
            }
        ],
        "kpis": {"total_duration_us": 1_500, "files_per_second": None, "phase_ratios": {"parse/scan": 0.5}},
        "regressions": [{"phase": "parse", "current_us": 1_500, "baseline_us": 1_000, "regressed": True}],
    }  # fmt: skip
    return json.dumps(report | changes).encode()
