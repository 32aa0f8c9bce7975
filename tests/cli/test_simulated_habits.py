"""Simulated traffic has the habits of real traffic that the public numbers are about."""

import statistics
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from functools import cache

from telemetry.catalogue.decisions import ACTIONS, accepts
from telemetry.cli.simulation.code_patterns import FAMILIES, approval
from telemetry.cli.simulation.traffic import Simulation
from tests.support.events import Fields

LAST_DAY = date(2026, 11, 23)
MISCALIBRATED = {"styling", "performance"}
SURE = 0.85


@cache
def traffic() -> dict[date, list[Fields]]:
    simulation = Simulation(installations=700, days=42, seed=3, last_day=LAST_DAY)
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
    return {
        day: [event for session in simulation.sessions(day) for event in session.events(noon)]
        for day in simulation.days
    }


def events(kind: str) -> list[Fields]:
    return [event for day in traffic().values() for event in day if event["type"] == kind]


def versions_of_a_day(day: list[Fields]) -> dict[str, str]:
    return {event["installationId"]: event["driftVersion"] for event in day}


def test_users_approve_more_when_drift_is_sure_but_for_two_categories() -> None:
    approved: dict[tuple[bool, bool], list[bool]] = defaultdict(list)
    for event in events("user_action"):
        if not event["isBulkAction"]:
            key = event["category"] in MISCALIBRATED, event["confidenceAtAction"] >= SURE
            accepted = accepts(event["action"], event.get("reason"))
            if accepted is not None:
                approved[key].append(accepted)
    shares = {key: statistics.mean(actions) for key, actions in approved.items()}

    assert shares[False, True] > shares[False, False] + 0.15
    assert shares[True, True] < shares[True, False]
    assert shares[True, True] < 0.6
    assert shares[False, True] > 0.7
    assert all(0 < approval(category, 0.9) < 1 for category in ("styling", "auth", "never seen"))


def test_few_decide_and_some_decide_on_much_at_once() -> None:
    decisions = events("user_action")
    everybody = {event["installationId"] for event in events("scan_completion")}

    assert len({event["installationId"] for event in decisions}) < len(everybody) / 3
    assert 0 < sum(event["isBulkAction"] for event in decisions) < len(decisions) / 2


def test_decisions_have_the_actions_of_both_versions_and_reasons() -> None:
    decisions = events("user_action")

    assert {event["action"] for event in decisions} == set(ACTIONS)
    assert {event["reason"] for event in decisions if "reason" in event} == {
        "false_positive", "wont_fix", "not_applicable", "duplicate",
    }  # fmt: skip


def test_some_pipelines_and_agents_say_so_day_by_day() -> None:
    seen = [
        Counter({event["installationId"]: event.get("context") for event in day}.values()) for day in traffic().values()
    ]

    for context in ("ci", "agent"):
        assert statistics.mean(counts[context] for counts in seen) > 3
    assert all(counts[None] > 5 * (counts["ci"] + counts["agent"]) for counts in seen)


def test_every_release_is_measured_three_times_on_its_day() -> None:
    simulation = Simulation(installations=1, days=42, seed=3, last_day=LAST_DAY)
    reports = [report for day in simulation.days for report in simulation.reports(day, 1_764_000_000.0)]
    runs = Counter(report["version"] for report in reports if "corpora" in report)
    durations = defaultdict(list)
    for report in reports:
        if "phases" in report and report["fixture"]["size_label"] == "medium":
            durations[report["version"]].append(report["kpis"]["total_duration_us"])

    assert len(runs) > 4
    assert set(runs.values()) == {3}
    medians = sorted(map(statistics.median, durations.values()))
    assert medians[-1] > 1.3 * medians[-2]


def test_a_new_version_takes_over_within_two_weeks_and_old_ones_never_quite_leave() -> None:
    days = list(traffic().values())
    shares = [Counter(versions_of_a_day(day).values()) for day in days]
    released = Counter(versions_of_a_day(days[-1]).values()).most_common(1)[0][0]
    first_seen = next(number for number, counts in enumerate(shares) if counts[released] > 2)
    growing = [counts[released] / counts.total() for counts in shares[first_seen : first_seen + 14]]

    assert growing[0] < 0.5 < max(growing)
    assert shares[-1]["0.0.1"] > 0
    assert len(shares[-1]) > 4


def test_developers_run_builds_of_their_own() -> None:
    versions = Counter(event["driftVersion"] for event in events("scan_completion"))
    builds = sum(count for version, count in versions.items() if version == "0.0.0" or version.endswith("-dev"))

    assert 0.01 < builds / versions.total() < 0.15


def test_many_installations_are_seen_on_one_day_only_and_many_return() -> None:
    days_seen = Counter(
        installation
        for day in traffic().values()
        for installation in versions_of_a_day(day)
        if installation != "unknown"
    )
    once = sum(count == 1 for count in days_seen.values())

    assert 0.25 < once / len(days_seen) < 0.6
    assert sum(count > 10 for count in days_seen.values()) > len(days_seen) / 10


def test_languages_are_extensions_of_files() -> None:
    known = {extension for family in FAMILIES for extension in family}
    seen = {event["language"] for event in events("pattern_signature")}

    assert seen <= known
    assert {"ts", "py", "go"} <= seen
    by_signature = defaultdict(set)
    for event in events("pattern_signature"):
        by_signature[event["signatureHash"]].add(event["language"])
    assert max(map(len, by_signature.values())) > 5


def test_the_scans_of_one_version_are_slower_than_those_of_its_neighbours() -> None:
    scans = defaultdict(list)
    for event in events("scan_completion"):
        if event["isIncremental"] and not event["driftVersion"].startswith("0.0."):
            scans[event["driftVersion"]].append(event["durationMs"])
    medians = sorted(statistics.median(found) for found in scans.values() if len(found) > 200)

    assert len(medians) >= 4
    assert medians[-1] > 1.3 * medians[-2]
    assert medians[-2] < 1.3 * medians[0]
