import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from telemetry.catalogue.installations import UNKNOWN_INSTALLATION
from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.wire import decode_batch
from telemetry.cli.simulation.population import population
from telemetry.cli.simulation.traffic import Simulation
from tests.support import oracle
from tests.support.cli import rows, run_on_terminal
from tests.support.commands import run
from tests.support.events import Fields, encode
from tests.support.refusing import refusing
from tests.support.server import serving

SMALL = ("simulate", "--installations", "100", "--days", "4")
MONDAY = date(2026, 11, 23)


def traffic(seed: int = 1, days: int = 28) -> dict[date, list[Fields]]:
    simulation = Simulation(installations=400, days=days, seed=seed, last_day=MONDAY)
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
    return {
        day: [event for session in simulation.sessions(day) for event in session.events(noon)]
        for day in simulation.days
    }


def test_past_days_are_lived_through_and_every_aggregate_equals_a_recount(data_dir: Path) -> None:
    simulated = run(*SMALL, "--environment", "staging", "--data-dir", data_dir)

    everything = oracle.check(data_dir)
    events = [event for event in everything if event.type != "benchmark-result"]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert simulated.returncode == 0, simulated.stderr
    # Of the days that pass, nothing is told.
    assert simulated.stderr == ""
    assert simulated.stdout == f"{len(events):,} events of 4 days in {data_dir}\n"
    assert len(events) > 300
    assert {event.day for event in events} == {str(yesterday - timedelta(days=back)) for back in range(4)}
    assert {event.type for event in events} == {
        "pattern_signature", "aggregate_stats", "user_action", "scan_completion",
    }  # fmt: skip
    # The releases that are in use from the first day on have been measured, by those who have the token.
    assert len(everything) - len(events) > 100
    assert {event.payload["source"] for event in everything if event.type == "benchmark-result"} == {"token"}
    # As a service leaves it whose days are over.
    sealed = rows(data_dir / "telemetry.db", "SELECT day FROM segments WHERE sealed_at IS NOT NULL ORDER BY day")
    assert [day for (day,) in sealed] == sorted({event.day for event in events})
    # And as one of that environment has published them.
    published = rows(data_dir / "published.db", "SELECT window_start, threshold FROM windows WHERE period = 'day'")
    assert published == [(day, 5) for (day,) in sealed]


def test_the_same_seed_makes_the_same_events_and_another_one_others(tmp_path: Path) -> None:
    def simulated(name: str, seed: str) -> list[oracle.Raw]:
        flags = ("--installations", "40", "--days", "2", "--until", "2026-11-20", "--seed", seed)
        assert run("simulate", *flags, "--data-dir", tmp_path / name).returncode == 0
        return oracle.raw_events(tmp_path / name)

    once = simulated("once", "7")
    assert once == simulated("again", "7")
    assert once != simulated("other", "8")
    assert once[-1].day == "2026-11-20"


def test_events_are_never_mixed_with_real_ones_or_put_under_a_running_service(data_dir: Path, tmp_path: Path) -> None:
    with serving(data_dir):
        locked = run(*SMALL, "--data-dir", data_dir)
    assert run(*SMALL, "--data-dir", data_dir).returncode == 0
    again = run(*SMALL, "--data-dir", data_dir)
    today = run(*SMALL, "--until", str(datetime.now(UTC).date()), "--data-dir", tmp_path / "other")

    assert locked.returncode == 75
    assert again.returncode == 73
    assert "holds events already" in again.stderr
    assert today.returncode == 2
    assert "use --url for today" in today.stderr
    oracle.check(data_dir)


def test_progress_is_shown_on_a_terminal(data_dir: Path) -> None:
    shown = run_on_terminal("simulate", "--installations", "9", "--days", "2", "--data-dir", data_dir)

    assert "100%" in shown
    assert "events of 2 days" in shown


def test_a_running_service_is_posted_one_days_events_no_faster_than_told(data_dir: Path) -> None:
    with serving(data_dir) as server:
        started = datetime.now(UTC)
        posted = run("simulate", "--url", server.url, "--installations", "60", "--rate", "400")
        took_s = (datetime.now(UTC) - started).total_seconds()
        assert server.stop() == 0

    events = oracle.check(data_dir)
    assert posted.stdout == f"{len(events)} events posted to {server.url}\n"
    assert len(events) > 50
    # The last batch need not be waited for.
    assert took_s > (len(events) - 40) / 400
    assert all(abs(datetime.fromisoformat(event.timestamp) - started) < timedelta(minutes=2) for event in events)


def test_a_service_that_asks_for_patience_gets_it(data_dir: Path) -> None:
    arguments = ("simulate", "--installations", "10", "--rate", "100000", "--url")
    with refusing(503, 429, 200) as (url, bodies):
        patient = run(*arguments, url)
        assert patient.returncode == 0
        assert bodies[0] == bodies[1] == bodies[2] != bodies[3]
    with refusing(503) as (url, bodies):
        exhausted = run(*arguments, url)
        assert len(bodies) == 5
    with refusing(404) as (url, bodies):
        elsewhere = run(*arguments, url)
        assert len(bodies) == 1
    gone = run(*arguments, url)

    assert [exhausted.returncode, elsewhere.returncode, gone.returncode] == [69, 69, 69]
    assert "lower --rate" in exhausted.stderr
    assert "answers with 404" in elsewhere.stderr
    assert "cannot post to" in gone.stderr


def test_every_simulated_event_is_one_that_the_service_accepts_and_none_is_a_duplicate() -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    rules = BatchRules(100, noon - timedelta(days=1), noon + timedelta(days=1))
    for events in traffic(days=3).values():
        bodies = [encode(events[start : start + 100]) for start in range(0, len(events), 100)]
        assert not [rejection for body in bodies for rejection in decode_batch(body, rules).rejections]
        assert len({json.dumps(event) for event in events}) == len(events)


def test_simulated_traffic_has_the_shape_of_real_traffic() -> None:
    days = traffic(seed=2)
    by_weekday = {
        weekend: [len(e) for d, e in days.items() if (d.weekday() >= 5) is weekend] for weekend in (True, False)
    }
    everything = [event for events in days.values() for event in events]
    signatures = [event for event in everything if event["type"] == "pattern_signature"]
    installations = [{event["installationId"] for event in events} for events in days.values()]

    assert max(by_weekday[True]) < min(by_weekday[False])
    # Some labels are far more common than others, and signatures recur.
    for name in ("category", "language", "signatureHash"):
        counts = [count for _, count in Counter(event[name] for event in signatures).most_common()]
        assert counts[0] > 5 * counts[-1]
        assert len(counts) < len(signatures) / 3
    # Installations come and go ...
    assert installations[0] - set().union(*installations[14:])
    assert installations[-3] - set().union(*installations[:14])
    # ... and those that stay never go back to an older version.
    for installation in set.intersection(installations[1], installations[-3]) - {UNKNOWN_INSTALLATION}:
        versions = [event["driftVersion"] for event in everything if event["installationId"] == installation]
        numbers = [list(map(int, version.removesuffix("-dev").split("."))) for version in versions]
        assert all(before <= after or "0.0.0" in versions for before, after in pairwise(numbers))
    assert len({event["driftVersion"] for event in everything}) > 3


def test_one_in_a_hundred_simulated_clients_has_no_id() -> None:
    everybody = [one.id for one in population(random.Random(1), 3_000, 28)]

    assert 10 < everybody.count(UNKNOWN_INSTALLATION) < 60


def test_a_simulated_directory_can_be_looked_at(data_dir: Path) -> None:
    assert run(*SMALL, "--data-dir", data_dir).returncode == 0

    stats = json.loads(run("stats", "--json", "--data-dir", data_dir).stdout)
    ((stored,),) = rows(data_dir / "telemetry.db", "SELECT sum(value) FROM daily_stats WHERE metric LIKE 'events:%'")

    events = [event for event in oracle.raw_events(data_dir) if event.type != "benchmark-result"]
    assert stats["totalEvents"] == stored == len(events)


@pytest.mark.parametrize("flag", [("--installations", "0"), ("--days", "0"), ("--rate", "0"), ("--until", "soon")])
def test_what_makes_no_sense_is_refused(flag: tuple[str, str]) -> None:
    assert run("simulate", *flag).returncode == 2
