"""Benchmark results: events that the service makes of reports to ``/v1/feedback``, one for each measured number."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from telemetry.catalogue.event import Event
from telemetry.catalogue.fields import Label

VALUE_MAX = 1_000_000_000_000
"""The greatest value of a result: a terabyte, or eleven days in microseconds. The least is its negative."""
ResultSource = Literal["open", "token"]
OPEN: ResultSource = "open"
WITH_TOKEN: ResultSource = "token"
WHOLE_RUN = "all"
"""The corpus of numbers that were measured over all corpora together."""
OVERALL = "overall"
"""The category of a level's score, and the level of a corpus's score."""

LEVELS = frozenset(
    {
        "perception", "understanding", "application", "validation", OVERALL, "calibration", "probes", "problems", "run",
        "kpis", "phase_ratios", "regressions",
    }
)  # fmt: skip
MEASURES = frozenset(
    {
        OVERALL, "patternRecognition", "callGraphAccuracy", "dataFlowTracking", "architecturalIntent",
        "causalReasoning", "uncertaintyQuantification", "tokenEfficiency", "compositionalReasoning",
        "iterativeRefinement", "negativeKnowledge", "humanCorrelation", "ece", "mce", "passed", "total", "score",
        "errors", "warnings", "duration_ms", "duration_us", "items_processed", "bytes_processed", "items_per_second",
        "bytes_per_second", "us_per_item", "total_duration_us", "files_per_second", "loc_per_second",
        "functions_per_second", "patterns_per_ms", "rows_per_second", "regressed",
    }
)  # fmt: skip
"""Names that CIBench and drift-bench have for levels and for what they measure there."""

ResultValue = Annotated[int, Meta(ge=-VALUE_MAX, le=VALUE_MAX)] | Annotated[float, Meta(ge=-VALUE_MAX, le=VALUE_MAX)]


class BenchmarkResult(Event, frozen=True, gc=False, tag="benchmark-result"):
    """One number that a benchmark of Drift or of another tool has measured; of no installation."""

    # No type on the wire has a hyphen: no client can send such an event in a batch, with a ``source`` of its choice.
    type: ClassVar[str] = "benchmark-result"
    prefix: ClassVar[str] = "results"
    since: ClassVar[int] = 2

    tool: Label
    corpus: Annotated[Label, Meta(description="The code that was measured; `all` is all of it.")]
    level: Annotated[Label, Meta(description="A level of CIBench, or a phase of drift-bench.")]
    category: Annotated[Label, Meta(description="What was measured there; `overall` is the score of the level.")]
    value: ResultValue
    source: Annotated[ResultSource, Meta(description="Whether the result came with the operator's token.")]

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        return (self.tool, self.corpus, self.level, self.category)
