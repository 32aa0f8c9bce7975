"""What an installation id is stored as."""

import hashlib
import hmac
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.installations import is_placeholder
from telemetry.catalogue.shapes import is_installation_id
from telemetry.catalogue.stored_ids import IdKey, is_random_uuid, is_stored_form

KEY = bytes(range(32))
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
MAC_UUID = "2c1e6f3e-9b1a-11ef-8d4b-a4bb6dd1e2f3"


@pytest.mark.parametrize("version", [4, 7])
@given(number=st.integers(0, 2**128 - 1))
def test_a_random_uuid_is_stored_as_it_was_sent_in_any_case_of_letters(version: int, number: int) -> None:
    text = str(uuid.UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | version << 76 | 0x2 << 62))

    for sent in (text, text.upper(), text.capitalize()):
        assert IdKey(KEY).stored(sent) == sent


@given(number=st.integers(0, 2**128 - 1))
def test_a_uuid_of_another_version_or_variant_is_hashed(number: int) -> None:
    sent = uuid.UUID(int=number)
    is_random = sent.variant == uuid.RFC_4122 and sent.version in {4, 7}

    assert is_random_uuid(str(sent)) == is_random
    assert is_stored_form(IdKey(KEY).stored(str(sent))) == (not is_random and not is_placeholder(str(sent)))


@given(sent=IDS)
def test_any_other_id_becomes_the_start_of_its_hmac_and_fits_where_ids_do(sent: str) -> None:
    stored = IdKey(KEY).stored(sent)

    if sent != stored:
        assert stored == "h1_" + hmac.new(KEY, sent.encode(), hashlib.sha256).hexdigest()[:32]
        assert is_stored_form(stored)
        assert is_installation_id(stored)
        assert IdKey(KEY).stored_once(stored) == stored
        assert IdKey(KEY).stored(stored) not in {stored, sent}
        assert IdKey(bytes(32)).stored(sent) != stored
    else:
        assert is_random_uuid(sent) or is_placeholder(sent)


@pytest.mark.parametrize(
    "sent",
    [
        "johns-macbook-pro",
        "a4bb6dd1e2f3",
        MAC_UUID,
        "5387623e62a8468c9fbe92f1c6a8b775",
        "5387623e-62a8-468c-cfbe-92f1c6a8b775",
        "5387623e-62a8-368c-9fbe-92f1c6a8b775",
        "5387623e-62a8-568c-9fbe-92f1c6a8b775",
        "5387623-e62a8-468c-9fbe-92f1c6a8b775",
        "h1_" + "0" * 32,
        "abc123",
        "x" * 64,
    ],
)
def test_what_may_name_somebody_is_hashed(sent: str) -> None:
    stored = IdKey(KEY).stored(sent)

    assert is_stored_form(stored)
    assert sent not in stored


@pytest.mark.parametrize("placeholder", ["unknown", "Unknown", "undefined", "null", "0", str(uuid.UUID(int=0))])
def test_a_placeholder_is_stored_as_it_was_sent(placeholder: str) -> None:
    assert IdKey(KEY).stored(placeholder) == placeholder


@pytest.mark.parametrize("text", ["", "00", "g" * 64, "ab" * 31, "ab" * 33, "é" * 64])
def test_a_key_has_64_hexadecimal_digits(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whoever calls says what was wrong
        IdKey.parse(text)


def test_a_key_is_told_by_its_fingerprint_and_survives_being_written() -> None:
    key = IdKey.random()

    assert IdKey.parse(f"{key.text().upper()}\n").stored("host") == key.stored("host")
    assert IdKey.parse(key.text()).fingerprint == key.fingerprint != IdKey.random().fingerprint
    assert key.fingerprint not in key.text()
