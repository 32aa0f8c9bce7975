"""The privacy gate: measurements pass, and nothing that could be content does."""

import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.gate import DEPTH_MAX, VALUES_MAX, WORDS_MAX, check_unknown
from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.wire import decode_batch
from telemetry.errors import EventRejected, RejectionCode
from tests.support import oracle
from tests.support.events import KNOWN_TYPES, encode, make_event, timestamp
from tests.support.service import HandClock, service

WORDS = st.from_regex(r"[a-z][a-z0-9_-]{0,30}", fullmatch=True)
MEASUREMENTS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e300, 1e300)
HOSTS = ["localhost.localdomain", "www.example.com", "example.com", "db-1.internal", "a.b", "mail.example.co.uk",
         "xn--bcher-kva.example", "10.0.0.1", "192.168.178.255", "ip-10.0.0.1", "10.0.0.1_8080", "::1", "fe80::1%eth0",
         "localhost:8080", "example.com.", "my_host.example.com",
         "2c1e6f3e-9b1a-11ef-8d4b-a4bb6dd1e2f3", "host_2c1e6f3e_9b1a_11ef_8d4b_a4bb6dd1e2f3"]  # fmt: skip
PATHS = ["/etc/passwd", "../secret", "./a", "C:\\Users\\me", "\\\\server\\share", "~/x", "src/main", "file:///x", "a/b",
         "main.py", "README.md", "secrets.env", ".env", "node_modules/x", "id_rsa.pub", "src.main.java"]  # fmt: skip
MAILS = ["me@example.com", "me@localhost", "me+tag@example.co.uk", '"a b"@example.com', "me(at)example.com",
         "Me <me@example.com>", "mailto:me", "me%example.com@relay"]  # fmt: skip
CODE = ["import os", "x = 1", "x=1", "foo()", "a;b", "def f(x): return x", "{}", "[0]", "<div>", "a&&b", "// note",
        "/* note */", "#!/bin/sh", "# note", "SELECT * FROM users", "'quoted'", '"quoted"', "`ls`", "$HOME", "a,b",
        "x!", "x?", "a|b", "a\nb", "a\tb", "\x00", "é", "obj.method", "this.password", "os.environ", "a:b", "\u202e",
        "x" * 65, ""]  # fmt: skip
CONTENT = HOSTS + PATHS + MAILS + CODE


def refused(fields: dict[str, Any]) -> bool:
    try:
        check_unknown(fields)
    except EventRejected as rejected:
        assert rejected.code is RejectionCode.CONTENT_REFUSED  # noqa: PT017
        return True
    return False


def placements(text: str) -> Iterator[dict[str, Any]]:
    """Return fields that hold a text as a value at every depth."""
    value: Any = text
    for _ in range(DEPTH_MAX - 1):
        yield {"extra": value}
        yield {"fine": 1, "extra": [1, value]}
        value = {"inner": value}


def rules() -> BatchRules:
    now = datetime.now(UTC)
    return BatchRules(100, now - timedelta(days=90), now + timedelta(hours=24))


@pytest.mark.parametrize("text", CONTENT)
def test_nothing_that_could_be_content_passes_as_a_value(text: str) -> None:
    for fields in placements(text):
        assert refused(fields), fields


@pytest.mark.parametrize("text", CONTENT)
def test_nothing_that_could_be_content_passes_as_a_name(text: str) -> None:
    assert refused({text: 1})
    assert refused({"extra": {text: 1}})
    assert refused({"extra": [{"deep": {text: 1}}]})


@given(st.emails())
def test_no_mail_address_passes(text: str) -> None:
    assert refused({"extra": text})


@given(st.emails().map(lambda mail: mail.rpartition("@")[2]))
def test_no_host_name_passes(text: str) -> None:
    assert refused({"extra": text})


@given(st.ip_addresses().map(str), st.sampled_from(["{}", "{}:80", "{}/24", "ip-{}", "{}-24", "{}_80", "v{}", "{}.1"]))
def test_no_network_address_passes(address: str, form: str) -> None:
    assert refused({"extra": form.format(address)})


@given(
    st.lists(WORDS, min_size=2, max_size=5),
    st.sampled_from(["/", "\\", "./", "::", " ", "(", "@", "=", ";", ".", "\n"]),
)
def test_no_words_joined_as_in_code_or_a_path_pass(words: list[str], joint: str) -> None:
    assert refused({"extra": joint.join(words)})


@given(st.text(min_size=1, max_size=70))
def test_what_passes_is_one_short_word_of_plain_letters_digits_and_few_signs(text: str) -> None:
    if not refused({"extra": text}):
        assert len(text) <= 64
        assert set(text) <= set(string.ascii_letters + string.digits + "._+#-")


@given(st.dictionaries(WORDS, MEASUREMENTS | WORDS | st.lists(MEASUREMENTS, max_size=5), max_size=8))
def test_measurements_pass(fields: dict[str, Any]) -> None:
    check_unknown(fields)


@given(st.lists(WORDS, min_size=2, max_size=20))
def test_no_words_pass_one_after_the_other(words: list[str]) -> None:
    for fields in (
        {"extra": words},
        {"extra": [[word] for word in words]},
        {"extra": [{"word": word} for word in words]},
        {"extra": {"deep": [words[0]]}, "other": [{"deep": words[1]}]},
        {"extra": [1, words[0]], "other": [None, words[1]]},
        {"extra": [{"word": word, "flag": True} for word in words]},
        {"extra": [{"one": word, "other": word, "value": 1} for word in words]},
        {"extra": [{"value": 1, "words": [word]} for word in words]},
        {"extra": [{"value": 1, "inner": {"word": word}} for word in words]},
    ):
        assert refused(fields)


def test_a_list_of_names_passes_where_each_stands_beside_its_measurements() -> None:
    phases = [{"name": f"phase-{number}", "duration_us": number, "done": True} for number in range(WORDS_MAX)]
    check_unknown({"phases": phases})
    check_unknown({"languages": [{"name": "ts", "files": 3, "times_us": [1, 2]}, {"name": "py", "share": 0.5}]})
    assert refused({"phases": [*phases, {"name": "phase", "duration_us": 1}]})
    assert refused({"phases": [{"name": "main.py", "duration_us": 1}]})


def test_sixteen_words_pass_in_fields_of_their_own_and_one_more_does_not() -> None:
    check_unknown({f"n{number}": "word" for number in range(WORDS_MAX)})
    check_unknown({"inner": {f"n{number}": "word" for number in range(WORDS_MAX - 1)}, "listed": ["word", 1]})
    assert refused({f"n{number}": "word" for number in range(WORDS_MAX + 1)})
    assert refused({"a": {"b": {f"n{number}": "word" for number in range(WORDS_MAX + 1)}}})


@pytest.mark.parametrize("text", ["fast", "c++", "c#", "gpt-4", "es2022", "1.2.3", "python3.12", "a" * 64, "A_b-c+d#e"])
def test_short_names_and_versions_pass(text: str) -> None:
    for fields in placements(text):
        check_unknown(fields)


def nested(depth: int, kind: type) -> dict[str, Any]:
    """Return fields nested to a depth, those of the event themselves being the first level."""
    value: Any = 1
    for _ in range(depth - 1):
        value = {"a": value} if kind is dict else [value]
    return {"a": value}


@pytest.mark.parametrize("kind", [dict, list])
def test_four_levels_pass_and_the_fifth_does_not(kind: type) -> None:
    for depth in range(1, DEPTH_MAX + 1):
        check_unknown(nested(depth, kind))
    for depth in (5, 6, 17, 300):
        assert refused(nested(depth, kind))


@pytest.mark.parametrize("empty", [{}, []])
def test_an_empty_level_counts_as_a_level(empty: Any) -> None:
    check_unknown({"a": {"b": {"c": 1}, "d": [empty]}})
    assert refused({"a": {"b": {"c": {"d": empty}}}})


def test_content_is_found_at_the_deepest_level_too() -> None:
    assert refused({"a": {"b": {"c": "two words"}}})
    assert refused({"a": {"b": {"c": {"d": "two words"}}}})
    assert refused({"a": {"b": {"c": {"two words": 1}}}})


@pytest.mark.parametrize("shape", ["flat", "list", "spread"])
def test_two_hundred_values_pass_and_one_more_does_not(shape: str) -> None:
    def fields(count: int) -> dict[str, Any]:
        if shape == "flat":
            return {f"n{number}": number for number in range(count)}
        if shape == "list":
            return {"values": [1] * (count - 1)}
        return {"one": [1] * 98, "other": [1] * (count - 100)}

    check_unknown(fields(VALUES_MAX))
    assert refused(fields(VALUES_MAX + 1))


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63, 2**64, 10**400])
def test_integers_beyond_53_bits_do_not_pass(number: int) -> None:
    assert refused({"extra": number})
    assert refused({"extra": {"deep": [number]}})


def test_a_payload_of_4096_bytes_is_kept_and_one_more_is_not() -> None:
    full = {f"{number:02}{'n' * 58}": 1 for number in range(62)} | {"p" * 60: 1}
    assert len(json.dumps(full, separators=(",", ":"))) == 4_096
    longer = {name if name[0] != "p" else name + "p": value for name, value in full.items()}

    batch = decode_batch(encode([make_event("new_type", **fields) for fields in (full, longer)]), rules())

    assert [len(row.payload) for row in batch.rows] == [4_096]
    assert [rejection.code for rejection in batch.rejections] == [RejectionCode.CONTENT_REFUSED]


@pytest.mark.parametrize("event_type", [*KNOWN_TYPES, "new_type"])
async def test_content_never_reaches_the_disk_through_any_type(data_dir: Path, event_type: str) -> None:
    hand = HandClock()
    secrets = [text for text in HOSTS[:8] + PATHS + MAILS + CODE if len(text) > 5][:99]
    hostile = [make_event(event_type, timestamp=timestamp(hand.now), extra={"deep": [text]}) for text in secrets]
    async with service(data_dir, hand) as started:
        receipt = json.loads(
            await started.service.accept(encode([make_event(timestamp=timestamp(hand.now)), *hostile]))
        )

    assert receipt["eventsProcessed"] == 1
    assert len(oracle.check(data_dir)) == 1
    held = databases(data_dir)
    assert b"scan_completion" in held
    assert not [text for text in secrets if json.dumps(text)[1:-1].encode() in held]


def databases(data_dir: Path) -> bytes:
    """Return everything that the databases hold, as it lies on the disk."""
    return b"".join(path.read_bytes() for path in data_dir.rglob("*.db*"))
