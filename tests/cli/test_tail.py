import json
import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.tail import LogTail
from tests.support.cli import DAYS, exclusively_locked, fill, run_on_terminal, running_command, seal
from tests.support.commands import run
from tests.support.events import Fields, encode, make_event, timestamp
from tests.support.service import HandClock, service


def documents(printed: str) -> list[Fields]:
    return [json.loads(line) for line in printed.splitlines()]


async def test_events_are_followed_across_midnight_restarts_and_a_clock_that_is_set_back(data_dir: Path) -> None:
    hand = HandClock("2026-11-22T23:59:50")
    numbers = iter(range(100))

    def some(count: int = 2) -> bytes:
        moment = timestamp(hand.now)
        return encode([make_event(timestamp=moment, durationMs=next(numbers)) for _ in range(count)])

    async with service(data_dir, hand) as started:
        await started.service.accept(some(12))
        with running_command("tail", "--json", "-n", "1", "--data-dir", data_dir) as tail:
            lines = tail.lines(1)
            await started.service.accept(some())
            lines += tail.lines(2)
            hand.pass_time(20)
            await started.service.accept(some())
            lines += tail.lines(2)
            hand.jump(-60)
            await started.service.accept(some())
            lines += tail.lines(2)
            # Sealed or removed: what has been shown is of no concern.
            (data_dir / "events" / "2026-11-23.db").unlink()
            hand.jump(3 * 86_400)
            await started.service.accept(some())
            lines += tail.lines(2)
            assert tail.interrupt() == 130
            assert tail.lines_left() == []

    seen = [(event["day"], event["payload"]["durationMs"]) for event in map(json.loads, lines)]
    days = ["2026-11-22"] * 3 + ["2026-11-23"] * 2 + ["2026-11-22"] * 2 + ["2026-11-25"] * 2
    assert seen == list(zip(days, range(11, 20), strict=True))


async def test_a_restart_of_the_service_is_no_end(data_dir: Path) -> None:
    await fill(data_dir)
    hand = HandClock(f"{DAYS[-1]}T11:00:00")
    with running_command("tail", "-n", "1", "--data-dir", data_dir) as tail:
        tail.lines(1)
        for _ in range(2):
            async with service(data_dir, hand) as started:
                hand.pass_time(1)
                await started.service.accept(encode([make_event("user_action", timestamp=timestamp(hand.now))]))
                (line,) = tail.lines(1)
                assert "user_action" in line


async def test_each_type_is_one_readable_line(data_dir: Path) -> None:
    hand = HandClock()
    moment = timestamp(hand.now)
    events = [
        make_event("pattern_signature", timestamp=moment, locationCount=1, outlierCount=2),
        make_event("aggregate_stats", timestamp=moment, frameworks=[]),
        make_event("user_action", timestamp=moment, isBulkAction=True),
        make_event("scan_completion", timestamp=moment),
        make_event("scan_completion", timestamp=moment, durationMs=7, isIncremental=False),
        make_event("invented_type", timestamp=moment, speed=3, nested={"a": 1}),
    ]
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(events))

    printed = run("tail", "--no-follow", "--data-dir", data_dir).stdout

    assert printed.splitlines() == [
        "2026-11-23 12:00:00  pattern_signature  0.9.1     "
        "api/typescript, e92ab45cc886c93b, confidence 0.90, 1 location, 2 outliers, ast",
        "2026-11-23 12:00:00  aggregate_stats    0.9.1     small code base, 7 patterns, typescript",
        "2026-11-23 12:00:00  user_action        0.9.1     approve auth, confidence 0.88, after 2 h, bulk",
        "2026-11-23 12:00:00  scan_completion    0.9.1     "
        "incremental scan in 1.2 s, 10 files, 1 new pattern, 4 workers",
        "2026-11-23 12:00:00  scan_completion    0.9.1     full scan in 7 ms, 10 files, 1 new pattern, 4 workers",
        "2026-11-23 12:00:00  invented_type      0.9.1     speed=3",
    ]


async def test_the_last_events_that_match_are_found_on_earlier_days(data_dir: Path) -> None:
    accepted = await fill(data_dir)
    wanted = [
        event["timestamp"]
        for event in accepted
        if event["type"] in {"user_action", "pattern_signature"}
        and event["category"] in {"api", "auth"}
        and event["driftVersion"] == "0.9.2"
    ]
    assert len(wanted) > 4

    filters = ("--type", "user_action", "--type", "pattern_signature", "--category", "api", "--category", "auth")
    printed = run("tail", "--no-follow", "--json", "--data-dir", data_dir, *filters, "--version", "0.9.2", "-n", "4")
    all_days = run("tail", "--no-follow", "--json", "--data-dir", data_dir, *filters, "--version", "0.9.2", "-n", "99")

    assert [event["timestamp"] for event in documents(printed.stdout)] == wanted[-4:]
    assert [event["timestamp"] for event in documents(all_days.stdout)] == wanted
    assert {event["day"] for event in documents(all_days.stdout)} == set(DAYS)


async def test_installation_ids_are_shown_only_when_asked_for(data_dir: Path) -> None:
    accepted = await fill(data_dir, DAYS[1:])
    ids = [event["installationId"] for event in accepted]
    shown = ("tail", "--no-follow", "-n", "99", "--data-dir", data_dir)

    for hidden in (run(*shown).stdout, run(*shown, "--json").stdout):
        assert not [installation for installation in ids if installation in hidden]
    text, lines = run(*shown, "--installations").stdout, run(*shown, "--installations", "--json").stdout
    assert [event["installation_id"] for event in documents(lines)] == ids
    assert all(installation in line for installation, line in zip(ids, text.splitlines(), strict=True))


async def test_colours_are_for_terminals_that_want_them(data_dir: Path) -> None:
    await fill(data_dir, DAYS[1:], batches=1)
    arguments = ("tail", "--no-follow", "-n", "1", "--data-dir", data_dir)

    assert "\x1b[" in run_on_terminal(*arguments)
    assert "\x1b[" not in run_on_terminal(*arguments, NO_COLOR="1")
    assert "\x1b[" not in run(*arguments).stdout


async def test_what_another_program_has_stored_cannot_act_upon_the_terminal(data_dir: Path) -> None:
    await fill(data_dir, DAYS[1:], batches=1)
    values = [
        ("scan_completion", '{"filesScanned": "\\u001b[2J", "durationMs": "long"}'),
        ("user_action", '{"confidenceAtAction": null}'),
        ("odd\x1b]0;type\x07", "no JSON"),
        ("list", "[1]"),
    ]
    columns = "type, timestamp, installation_id, drift_version, payload"
    with closing(sqlite3.connect(data_dir / "events" / f"{DAYS[1]}.db", isolation_level=None)) as connection:
        connection.executemany(f"INSERT INTO events ({columns}) VALUES (?, 'then', 'i', 'v', ?)", values)

    printed = run("tail", "--no-follow", "-n", "4", "--data-dir", data_dir)

    assert (printed.returncode, printed.stderr) == (0, "")
    assert "\x1b" not in printed.stdout
    assert "full scan in ?, \ufffd[2J files" in printed.stdout
    assert len(printed.stdout.splitlines()) == 4


async def test_a_segment_that_is_locked_while_it_is_sealed_has_its_turn_later(data_dir: Path) -> None:
    await fill(data_dir, DAYS[:1])
    segment = data_dir / "events" / f"{DAYS[0]}.db"
    seal(segment)
    tail = LogTail(DataDirectory(data_dir))
    segment.chmod(0o600)
    columns = "type, timestamp, installation_id, drift_version"
    with closing(sqlite3.connect(segment, isolation_level=None)) as connection:
        connection.execute(f"INSERT INTO events ({columns}) SELECT {columns} FROM events LIMIT 5")

    with exclusively_locked(segment):
        assert list(tail.newer()) == []

    assert len(list(tail.newer())) == 5
    assert list(tail.newer()) == []
