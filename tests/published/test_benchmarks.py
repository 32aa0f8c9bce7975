"""Which results of benchmarks the public sees, under which names, and what they say."""

from typing import Any

import pytest
from msgspec.structs import asdict

from telemetry.catalogue.benchmarks import OPEN, WITH_TOKEN
from telemetry.counting.exact import in_millionths
from telemetry.published.benchmarks import BenchmarkPolicy, StoredResults, public_benchmarks
from telemetry.published.label_file import DecidedLabels
from telemetry.published.labels import LabelKind

CORPUS, TOOL, MEASURE = LabelKind.CORPUS, LabelKind.TOOL, LabelKind.MEASURE


def stored(*values: float, source: str = OPEN, **changes: str) -> StoredResults:
    names = {
        "tool": "drift",
        "version": "0.9.48",
        "corpus": "demo",
        "level": "overall",
        "category": "overall",
    } | changes
    whole = [in_millionths(value) for value in values]
    squares = sum(one * one for one in whole)
    return StoredResults(tuple(names.values()), source, len(values), sum(whole), squares, min(whole), max(whole))


def public(*results: StoredResults, everything: bool = False, **decided: Any) -> list[dict[str, Any]]:
    rows = public_benchmarks(results, BenchmarkPolicy(DecidedLabels(**decided), everything=everything))
    return [{name: value for name, value in asdict(row).items() if value is not None} for row in rows]


def test_a_result_of_a_stranger_is_public_once_its_tool_or_its_corpus_is_admitted() -> None:
    assert public(stored(1)) == []
    (by_corpus,) = public(stored(1), admitted=[(CORPUS, "demo")])
    (by_tool,) = public(stored(1), admitted=[(TOOL, "drift")])
    (by_both,) = public(stored(1), admitted=[(TOOL, "drift"), (CORPUS, "demo")])

    assert (by_corpus["tool"], by_corpus["corpus"], by_corpus["mean"]) == ("other", "demo", 1)
    assert (by_tool["tool"], by_tool["corpus"], by_tool["mean"]) == ("drift", "other", 1)
    assert (by_both["tool"], by_both["corpus"]) == ("drift", "demo")


def test_a_result_with_the_token_is_public_at_once_with_all_its_names() -> None:
    (row,) = public(stored(1, 2, source=WITH_TOKEN, level="parse", category="anything", version="1.0.0-beta.1"))

    assert row == {
        "tool": "drift", "version": "1.0.0-beta.1", "corpus": "demo", "level": "parse", "category": "anything",
        "count": 2, "mean": 1.5, "stddev": pytest.approx(0.5**0.5), "min": 1, "max": 2,
    }  # fmt: skip


def test_strangers_cannot_write_on_the_page_what_nobody_has_admitted() -> None:
    admitted = [(TOOL, "drift"), (CORPUS, "demo")]
    rude = {"level": "rude-word", "category": "rude-word", "version": "rude-word"}
    for name, value in rude.items():
        (row,) = public(stored(5, **{name: value}), admitted=admitted)
        assert row[name] == "other"
        assert ("mean" in row) == (name == "version")


def test_what_is_hidden_stays_hidden_with_a_token_and_in_development() -> None:
    hidden = [(CORPUS, "demo"), (MEASURE, "overall")]
    for results, everything in ((stored(1, source=WITH_TOKEN), False), (stored(1), True)):
        (row,) = public(results, everything=everything, hidden=hidden)
        assert (row["corpus"], row["category"]) == ("other", "other")


def test_results_of_strangers_and_of_the_operator_are_one_number_when_both_are_public() -> None:
    (row,) = public(stored(1, 2), stored(6, source=WITH_TOKEN), admitted=[(CORPUS, "demo")])

    assert (row["count"], row["mean"], row["min"], row["max"]) == (3, 3, 1, 6)


def test_the_change_is_since_the_release_before_and_builds_from_source_are_none() -> None:
    versions = {"0.9.48": 70, "0.10.0": 75, "0.10.1": 73, "0.0.0": 10, "0.11.0-dev": 11}
    rows = public(*(stored(score, version=version) for version, score in versions.items()), everything=True)

    found = {row["version"]: (row.get("previous_version"), row.get("change")) for row in rows}
    assert found == {
        "0.0.0": (None, None), "0.9.48": (None, None), "0.10.0": ("0.9.48", 5), "0.10.1": ("0.10.0", -2),
        "0.11.0-dev": (None, None),
    }  # fmt: skip
