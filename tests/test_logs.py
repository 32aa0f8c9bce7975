import errno
import io
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry import logs
from tests.support.events import Traffic, encode
from tests.support.server import ServerProcess, serving


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON; the logging of the test run is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    for handler in handlers:
        root.removeHandler(handler)
    logs.configure(as_json=True, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_one_json_object_with_what_the_call_gave(lines: io.StringIO) -> None:
    logging.getLogger("telemetry.test").info("replayed %s", "events", extra={"day": "2026-11-23", "events": 5})

    line = json.loads(lines.getvalue())
    assert line["message"] == "replayed events"
    assert (line["level"], line["day"], line["events"]) == ("info", "2026-11-23", 5)


def test_repeated_failures_are_written_once_a_minute_with_their_number() -> None:
    now = [0.0]
    repeat = logs.RepeatFilter(monotonic=lambda: now[0])

    def passes() -> logging.LogRecord | None:
        record = logging.makeLogRecord({"name": "a", "msg": "append failed", "levelno": logging.ERROR})
        return record if repeat.filter(record) else None

    assert passes()
    assert [passes() for _ in range(5)] == [None] * 5
    now[0] = 61
    written = passes()
    assert written is not None
    assert logs.extra_fields(written) == {"repeated": 5}
    assert passes() is None


def test_the_same_said_of_another_day_or_file_is_not_held_back() -> None:
    repeat = logs.RepeatFilter()
    subjects = [{"day": "2026-11-22"}, {"day": "2026-11-23"}, {"path": "a"}, {"path": "b"}]
    records = [
        logging.makeLogRecord({"msg": "a segment is missing", "levelno": logging.ERROR} | subject)
        for subject in [*subjects, *subjects]
    ]

    assert [repeat.filter(record) for record in records] == [True] * 4 + [False] * 4


def test_what_is_remembered_of_repeated_failures_is_bounded() -> None:
    repeat = logs.RepeatFilter()
    for number in range(1_000):
        assert repeat.filter(logging.makeLogRecord({"msg": f"failure {number}", "levelno": logging.ERROR}))

    assert len(repeat._seen) <= 256


def test_a_text_line_shows_the_traceback_of_a_failure() -> None:
    error = ValueError("a reason")
    record = logging.LogRecord("a", logging.ERROR, "", 0, "request failed", (), (ValueError, error, None))

    assert logs.TextFormatter().format(record).endswith("ValueError: a reason")
    assert json.loads(logs.JsonFormatter().format(record))["exception"] == "ValueError: a reason"


def test_logs_of_a_day_hold_neither_bodies_nor_addresses_nor_installation_ids(data_dir: Path) -> None:
    traffic = Traffic()
    batches = [traffic.batch(3) for _ in range(5)]
    with serving(data_dir, "--environment", "production") as server:
        for batch in batches:
            server.post(encode([*batch, {"type": "x", "secret": "hunter2"}]))
        server.post(b"hunter2")
        server.kill()
    with serving(data_dir, "--environment", "production") as again:
        again.stop()

    logged = "\n".join(server.output + again.output).replace(server.url, "").replace(again.url, "")
    for batch in batches:
        for event in batch:
            assert event["installationId"] == "unknown" or event["installationId"] not in logged
    assert "hunter2" not in logged
    assert "127.0.0.1" not in logged


def journal_of(server: ServerProcess) -> list[tuple[str, str]]:
    """Return the priorities and texts of what the journal would have read."""
    return [(line[:3], line[3:]) for line in server.output]


def test_the_journal_gets_each_line_with_its_priority(data_dir: Path, tmp_path: Path) -> None:
    journal = ("bash", "-c", 'export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1); exec "$@"', "bash")
    with serving(data_dir, "--environment", "production", prefix=journal) as server:
        assert server.stop() == 0
    priorities = {"<6>": "info", "<4>": "warning", "<3>": "error"}
    for priority, text in journal_of(server):
        assert json.loads(text)["level"] == priorities[priority]

    failed = ServerProcess(tmp_path / "x", "--synchronous", "NO", prefix=journal)
    assert failed.wait() == 78
    assert [priority for priority, _ in journal_of(failed)] == ["<3>"]


def test_every_line_of_a_text_has_its_priority() -> None:
    with tempfile.TemporaryFile("w") as stream, pytest.MonkeyPatch.context() as patched:
        assert logs.for_journal("a\nb", logging.CRITICAL, stream) == "a\nb"
        status = os.fstat(stream.fileno())
        patched.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert logs.for_journal("a\nb", logging.CRITICAL, stream) == "<2>a\n<2>b"


def test_a_text_line_begins_with_date_time_and_zone() -> None:
    record = logging.makeLogRecord({"msg": "stopping", "levelname": "INFO", "created": 1_795_698_512.5})

    assert logs.TextFormatter().format(record) == "2026-11-26T13:08:32Z  info    stopping"


def test_the_name_of_a_file_that_is_not_utf8_gets_into_a_line(lines: io.StringIO) -> None:
    logging.getLogger("telemetry.test").warning("ignored", extra={"path": os.fsdecode(b"\xff.db")})

    assert os.fsencode(json.loads(lines.getvalue())["path"]) == b"\xff.db"


def test_lines_that_cannot_be_written_are_lost_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    logs._Handler(Full()).emit(logging.makeLogRecord({"msg": "text"}))

    assert capfd.readouterr().err == ""
