"""Feedback: turns benchmark reports into results, one event for each measured number.

There are two formats. CIBench scores how well a tool understands code; drift-bench measures how fast the tool's phases
are. Only numbers and their names are kept. Errors and warnings are counted; the host and the commit are not read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from telemetry.catalogue.batches import Batch, Rejection
from telemetry.catalogue.benchmarks import OVERALL, VALUE_MAX, WHOLE_RUN, BenchmarkResult, ResultSource
from telemetry.catalogue.documents import whole
from telemetry.catalogue.installations import UNKNOWN_INSTALLATION
from telemetry.catalogue.reports import (
    BenchmarkReport,
    CiBenchCorpus,
    DriftBenchPhase,
    ReportedNumber,
    decode_report,
    reported_at,
)
from telemetry.catalogue.rows import digests, to_rows
from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.shapes import is_label
from telemetry.catalogue.versions import is_version
from telemetry.errors import ErrorCode, EventRejected, Refusal, RejectionCode

RESULTS_MAX = 5_000
"""The most results in one report."""
DRIFT_BENCH = "drift-bench"
_NO_VERSION = "0.0.0"
_encode = msgspec.json.Encoder().encode


class Measured(NamedTuple):
    """A number in a report, and what it measures."""

    corpus: str
    level: str
    category: str
    value: ReportedNumber | None


def decode_feedback(body: bytes, rules: BatchRules, source: ResultSource) -> Batch:
    """Decode a report; raise ``Refusal`` if the body is not a report, or if its tool or version is malformed.

    A result whose name is not a label, or whose value is out of range, is rejected alone. If the time of the report is
    out of the window, the batch has only one event, which is ``mistimed``.
    """
    report = decode_report(body)
    batch = Batch()
    accepting = _Accepting(batch, rules, _origin(report), source)
    for measured in _measured_by(report):
        accepting.take(measured)
        if batch.mistimed:
            return batch
    batch.rows = to_rows(accepting.accepted)
    batch.events.extend(accepting.accepted)
    batch.digests = digests(batch.rows)
    return batch


def encode_feedback_receipt(processed: int, rejections: list[Rejection]) -> bytes:
    """Return the answer to a report."""
    receipt: dict[str, Any] = {"success": True, "resultsProcessed": processed}
    return _encode(receipt | {"rejected": rejections} if rejections else receipt)


class _Origin(NamedTuple):
    timestamp: str
    tool: str
    version: str


@dataclass(slots=True)
class _Accepting:
    """Turns measured numbers into events, and rejects those that cannot be events."""

    batch: Batch
    rules: BatchRules
    origin: _Origin
    source: ResultSource
    accepted: list[BenchmarkResult] = field(default_factory=list)
    index: int = -1

    def take(self, measured: Measured) -> None:
        if measured.value is None:
            return
        self.index += 1
        if self.index >= RESULTS_MAX:
            raise Refusal(ErrorCode.TOO_MANY_RESULTS, limit=RESULTS_MAX)
        timestamp, tool, version = self.origin
        event = BenchmarkResult(
            timestamp, UNKNOWN_INSTALLATION, version, tool, measured.corpus, measured.level, measured.category,
            whole(measured.value), self.source,
        )  # fmt: skip
        if rejected := self._rejection(event):
            self.batch.reject(self.index, rejected, version)
        else:
            self.accepted.append(event.as_stored())

    def _rejection(self, event: BenchmarkResult) -> EventRejected | None:
        if not -VALUE_MAX <= event.value <= VALUE_MAX:
            return EventRejected(RejectionCode.FIELD_INVALID, f"a value is beyond {VALUE_MAX:,}")
        return self.rules.rejection(event)


def _origin(report: BenchmarkReport) -> _Origin:
    """Return the time, tool and version of a report; raise ``Refusal`` if one is missing or malformed."""
    timestamp = reported_at(report.timestamp)
    if timestamp is None:
        raise _invalid("timestamp: send RFC 3339 such as 2026-11-23T16:22:38.222Z, or Unix seconds")
    tool = report.tool_name() or (DRIFT_BENCH if report.corpora is None else "")
    if not is_label(tool):
        raise _invalid("tool: send its name, of letters, digits and _ + # -, at most 64")
    version = report.tool_version() or _NO_VERSION
    if not is_version(version):
        raise _invalid("version: send a version such as 1.2.3 or 1.2.3-beta.1")
    return _Origin(timestamp, tool, version)


def _invalid(detail: str) -> Refusal:
    return Refusal(ErrorCode.FEEDBACK_INVALID, detail=detail)


def _measured_by(report: BenchmarkReport) -> Iterator[Measured]:
    if report.corpora is not None:
        yield Measured(WHOLE_RUN, OVERALL, OVERALL, report.overall_score)
        yield Measured(WHOLE_RUN, "run", "duration_ms", report.duration)
        for corpus in report.corpora:
            yield from _of_corpus(corpus)
        return
    fixture = report.fixture.size_label if report.fixture is not None else WHOLE_RUN
    for phase in report.phases or ():
        yield from _of_phase(fixture, phase)
    for name, value in report.kpis.items():
        if isinstance(value, dict):
            yield from (Measured(fixture, name, pair.replace("/", "-per-"), ratio) for pair, ratio in value.items())
        else:
            yield Measured(fixture, "kpis", name, value)
    if report.regressions is not None:
        regressed = sum(one.regressed is True for one in report.regressions)
        yield Measured(fixture, "regressions", "regressed", regressed)


def _of_corpus(corpus: CiBenchCorpus) -> Iterator[Measured]:
    name = corpus.corpus
    yield Measured(name, OVERALL, OVERALL, corpus.overall_score)
    for level, scored in corpus.levels.items():
        if scored is not None:
            yield Measured(name, level, OVERALL, scored.score)
            for category, score in scored.categories.items():
                yield Measured(name, level, category, score if isinstance(score, float | None) else score.score)
    for level, numbers in (("calibration", corpus.calibration), ("probes", corpus.probes)):
        yield from (Measured(name, level, category, value) for category, value in _numbers(numbers))
    yield Measured(name, "problems", "errors", len(corpus.errors))
    yield Measured(name, "problems", "warnings", len(corpus.warnings))


def _of_phase(fixture: str, phase: DriftBenchPhase) -> Iterator[Measured]:
    own = dict(_numbers(phase.numbers()))
    for name, value in own.items():
        yield Measured(fixture, phase.name, name, value)
    for name, value in phase.sub_metrics.items():
        yield Measured(fixture, phase.name, f"sub_{name}" if name in own else name, value)


def _numbers(values: dict[str, ReportedNumber | None] | None) -> Iterable[tuple[str, ReportedNumber | None]]:
    return (values or {}).items()
