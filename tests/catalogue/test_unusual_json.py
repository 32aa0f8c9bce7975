"""JSON that Python has no value for, or writes otherwise: it costs its event at most, never a neighbour."""

import json
from collections.abc import Iterator

import pytest

from tests.support.http import assert_only_the_neighbours_are_stored, audited, new_installation, stored, with_raw
from tests.support.server import ServerProcess

HALVES = [
    "\\ud800", "\\uDFFF", "a\\udc00b", "\\udc00\\ud800", "\\\\\\ud800", "\\ud83d\\ud83d\\ude00",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("json") / "data") as running:
        yield running


@pytest.mark.case(36)
@pytest.mark.parametrize("value", ["1e999", "-1e999", "1" * 5_000, "-" + "1" * 5_000, f"1.{'0' * 5_000}e999"])
@pytest.mark.parametrize(
    ("event_type", "name"), [("scan_completion", "durationMs"), ("user_action", "category"), ("new_type", "extra")]
)
def test_a_number_beyond_all_limits_costs_its_event_alone(
    server: ServerProcess, event_type: str, name: str, value: str
) -> None:
    installation = new_installation()

    rejection = assert_only_the_neighbours_are_stored(
        server, with_raw(value, name, event_type, installation), installation
    )

    assert rejection["code"] == "field_invalid"


@pytest.mark.case(34)
@pytest.mark.parametrize(
    "text", ["\\ud800", "\\uDFFF", "a\\udc00b", "\\udc00\\ud800", "\\\\\\ud800", "\\ud83d\\ud83d\\ude00"]
)
@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("scan_completion", "driftVersion"),
        ("pattern_signature", "language"),
        ("new_type", "extra"),
        ("new_type", "type"),
    ],
)
def test_half_a_surrogate_pair_costs_its_event_alone(
    server: ServerProcess, event_type: str, name: str, text: str
) -> None:
    installation = new_installation()

    assert_only_the_neighbours_are_stored(server, with_raw(f'"{text}"', name, event_type, installation), installation)


@pytest.mark.parametrize(("written", "value"), [("10.0", 10), ("1e1", 10), ("0.0", 0), ("-0.0", 0), ("1E+3", 1_000)])
@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("scan_completion", "durationMs"),
        ("scan_completion", "filesScanned"),
        ("pattern_signature", "locationCount"),
        ("user_action", "hoursSinceDiscovery"),
        ("new_type", "extra"),
    ],
)
def test_a_whole_number_is_stored_as_one_however_it_was_written(
    server: ServerProcess, event_type: str, name: str, written: str, value: int
) -> None:
    installation = new_installation()

    answer = server.post(with_raw(written, name, event_type, installation))

    assert answer.json == {"success": True, "eventsProcessed": 3}
    payload = stored(server, installation)[1].payload
    assert (payload[name], type(payload[name])) == (value, int)


def test_whole_numbers_inside_a_map_are_stored_as_such(server: ServerProcess) -> None:
    installation = new_installation()

    answer = server.post(with_raw('{"api":3.0}', "patternsByCategory", "aggregate_stats", installation))

    assert answer.json["eventsProcessed"] == 3
    assert json.dumps(stored(server, installation)[1].payload["patternsByCategory"]) == '{"api": 3}'


@pytest.mark.parametrize("written", ["10.5", "1e-1", "9007199254740992.0", "1e300", "-1.0", "-1"])
def test_what_is_no_count_costs_its_event_alone(server: ServerProcess, written: str) -> None:
    installation = new_installation()

    body = with_raw(written, "filesScanned", "scan_completion", installation)

    assert assert_only_the_neighbours_are_stored(server, body, installation)["code"] == "field_invalid"
