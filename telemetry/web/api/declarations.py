"""Declarations: what the read API serves. Routes, OpenAPI and the reference page follow from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec import Struct

from telemetry.published.series import SERIES
from telemetry.web.api import answers, documents, questions, summaries

NAME = "{name}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that answers GET. ``names`` are the values of the part of it that is ``{name}``."""

    path: str
    summary: str
    question: type[questions.Question]
    document: type[Struct]
    read: Callable[..., Any]
    example: str = ""
    names: tuple[str, ...] = ()

    def readers(self) -> dict[str, Callable[..., Any]]:
        """Return what answers by address."""
        if not self.names:
            return {self.path: self.read}
        return {self.path.replace(NAME, name): partial(self.read, name=name) for name in self.names}

    @property
    def example_path(self) -> str:
        """An address to try."""
        return (self.path.replace(NAME, self.names[0]) if self.names else self.path) + self.example


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "/v1/series", "All series: their windows, labels and amounts.",
        questions.ListedQuestion, documents.SeriesList, answers.list_series,
    ),
    Endpoint(
        f"/v1/series/{NAME}", "The numbers of a series, by window and labels.",
        questions.RowsQuestion, documents.NumberRows, answers.read_series,
        example="?cohort=regular", names=tuple(sorted(series.name for series in SERIES)),
    ),
    Endpoint(
        "/v1/decisions", "What users decide, by category and step of confidence, with intervals by voices.",
        questions.DecisionsQuestion, documents.DecisionRows, answers.read_decisions, example="?category=auth",
    ),
    Endpoint(
        "/v1/thresholds", "From which confidence on a category is approved as often as is wanted. It is advice.",
        questions.ThresholdsQuestion, documents.ThresholdRows, answers.read_thresholds, example="?target=0.85",
    ),
    Endpoint(
        "/v1/durations", "Percentiles of scans, parses and native calls, by kind and version, over at most 366 days.",
        questions.DurationsQuestion, documents.DurationRows, answers.read_durations, example="?what=scan",
    ),
    Endpoint(
        "/v1/signatures", "Pattern signatures, with shares of languages and methods.",
        questions.SignaturesQuestion, documents.SignatureRows, answers.read_signatures,
    ),
)  # fmt: skip
"""The addresses that are answered from published numbers."""
SUMMARY = Endpoint(
    "/v1/feedback/summary", "Results of benchmarks that are public, with the change since the release before.",
    questions.BenchmarksQuestion, documents.BenchmarkRows, summaries.read_benchmarks, example="?level=overall",
)  # fmt: skip
"""The address that is answered from the public results of benchmarks, as of the last flush."""
