"""Versions: every form in use passes, and none that carries the name of a host or a person, or an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.shapes import TEXT_LENGTH_MAX
from telemetry.catalogue.versions import is_version

IN_USE = [
    "0.0.0", "0.0.1", "0.9.1", "0.9.48", "1", "1.2", "v1.2.3", "dev", "unknown", "0.0.0-dev", "1.2.3.4",
    "dev-build", "unknown-dirty",
    "131.0.6778.85", "2026.11.3.1", "1.2.3rc1", "1.2.3a1", "1.2.3.dev4", "1.2.3.post1", "1.2.3rc1.dev2",
    "1.2.3b2+g1a2b3c4", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-0.3.7", "1.0.0-x.7.z.92",
    "1.0.0-x-y-z.--", "1.0.0-rc1", "1.2.3-rc.1+exp.sha.5114f85", "1.2.3+build.5", "1.0.0+20130313144700",
    "1.0.0+21AF26D3----117B344092BD", "1.2.3-SNAPSHOT", "1.2.3-dirty", "1.2.3-pr.123", "0.9.1-5-gabcdef0",
    "1.2.3-canary.20261123.abcdef1", "1.2.3-next.4", "0.9.1-feature-x.5", "0.9.1-fix-auth",
    "0.9.1-feature.3.gabc1234", "0.1.0+linux.x86-64", "1.0.0-nightly.20261123T1200Z",
]  # fmt: skip
REFUSED = [
    "1/2", "a@b", "1.2.3-", "-1", "1..2", "1.", "1.2.3.4.5", "1.2.3_x", "1.2.3+a+b", "drift.example.org",
    "10.0.0.1", "192.168.0.17", "172.16.0.1", "1+192.168.0.17", "0.9.1-10.0.0.1", "0.9.1+ip-10-0-0-1",
    "ip-10-0-0-1", "0.9.1+00-1b-44-11-3a-b7", "0.9.1-john.doe", "0.9.1+john.corp.example.com",
    "0.9.1-johns-macbook.local", "0.9.1+main.py", "0.9.1+dev.macbook", "0.9.1-beta.local", "0.9.1+x.com",
    "1.2.3-rc.1.acme.com", "0.9.1+john.1.doe", "0.9.1+john.doe-example.com", "1.2.3rc1+web01.prod.example",
    "0.9.1+acme.a1b2c3d.com", "0.9.1+johns-macbook-pro", "0.9.1-john-gmail-com", "1.2.3-rc.1+johns-mac-book",
    "johns-macbook-pro", "DESKTOP-4X2K8QJ", "johns_macbook", "0.9.1+2c1e6f3e-9b1a-11ef-8d4b-a4bb6dd1e2f3",
]  # fmt: skip
WORDS = st.from_regex(r"[a-z]{2,12}", fullmatch=True)


@pytest.mark.parametrize("text", IN_USE)
def test_versions_in_use_pass(text: str) -> None:
    assert is_version(text)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_version_or_names_a_host_or_a_person_does_not_pass(text: str) -> None:
    assert not is_version(text)


@given(st.emails().map(lambda mail: mail.replace("@", ".")), st.sampled_from("-+"))
def test_no_mail_address_with_its_sign_replaced_is_a_suffix(mail: str, sign: str) -> None:
    host = mail.rpartition(".")[2]
    if len(host) > 1:
        assert not is_version(f"0.9.1{sign}john.{mail}")


@given(st.ip_addresses(v=4).map(str), st.sampled_from("-+"), st.sampled_from(".-"), st.sampled_from(["", "ip-", "rc."]))
def test_no_address_is_a_suffix(address: str, sign: str, joint: str, before: str) -> None:
    assert not is_version(f"0.9.1{sign}{before}{address.replace('.', joint)}")


@given(st.lists(st.integers(0, 99_999), min_size=1, max_size=3), WORDS, st.integers(0, 99))
def test_any_numbers_pass_with_one_word_and_a_number_behind(numbers: list[int], word: str, build: int) -> None:
    core = ".".join(map(str, numbers))

    assert is_version(core)
    assert is_version(f"{core}-{word}")
    assert is_version(f"{core}-{word}.{build}")


@pytest.mark.parametrize("length", [1, 2, TEXT_LENGTH_MAX, TEXT_LENGTH_MAX + 1, 10_000])
def test_a_version_is_bounded_in_length(length: int) -> None:
    assert is_version("1" * length) is (length <= TEXT_LENGTH_MAX)
