"""The shapes of short texts, at every length and alphabet."""

import string
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.shapes import (
    TEXT_LENGTH_MAX,
    is_address,
    is_framework,
    is_installation_id,
    is_label,
    is_signature_hash,
    is_type_name,
)

ALNUM = string.ascii_letters + string.digits
LABEL_CHARS = ALNUM + "._+#-"
PREDICATES: list[Callable[[str], bool]] = [
    is_installation_id,
    is_label,
    is_signature_hash,
    is_type_name,
    is_framework,
]
LENGTHS = range(1, TEXT_LENGTH_MAX + 1)
# What the clients of today send.
CATEGORIES = [
    "api",
    "auth",
    "security",
    "errors",
    "logging",
    "testing",
    "data-access",
    "config",
    "types",
    "structural",
    "components",
    "styling",
    "accessibility",
    "documentation",
    "performance",
]
LANGUAGES = [
    "typescript",
    "javascript",
    "python",
    "java",
    "csharp",
    "php",
    "go",
    "rust",
    "cpp",
    "c",
    "kotlin",
    "ruby",
    "c#",
    "c++",
    "f#",
    "objective-c",
]
FRAMEWORKS = [
    "express",
    "react",
    "next.js",
    "vue.js",
    "asp.net",
    "node.js",
    "spring-boot",
    "d3.js",
    "socket.io",
    "nuxt.js",
]
# Labels of newer clients, and what a careless rule would take for a host or an address.
OTHER_LABELS = [
    "ts", "tsx", "mts", "cts", "jsx", "mjs", "cjs", "py", "pyi", "cs", "razor", "rs", "cc", "cxx", "hpp", "h",
    "h++", "rb", "svelte", "md", "yml", "json", "vb.net", "python3.12", "es2022", "data_access", "SEC-XSS-001",
    "AstVisitor", "4111-1111-1111-1111", "very-rude-word", "x86-64",
]  # fmt: skip

HOSTS = st.emails().map(lambda mail: mail.rpartition("@")[2])
any_text = st.text(max_size=80) | st.text(st.sampled_from(LABEL_CHARS + " /\\@:\n\x00é"), max_size=80)


HOSTS_AND_FILES = [
    "acme.com", "intranet.local", "secrets.env", "main.py", "john.doe", "d.ts", "next.config.js", "a.b.c", "x.Y",
    "my-mac.local", "10.0.0.1", "192.168.178.255", "10-0-0-1", "192_168_0_17", "ip-10-0-0-1", "00-1b-44-11-3a-b7",
    "aa_bb_cc_dd_ee_ff", ".env", "a..b", "a.", "4.3.2.1-x",
]  # fmt: skip


@pytest.mark.parametrize("label", CATEGORIES + LANGUAGES + OTHER_LABELS)
def test_every_label_in_use_passes(label: str) -> None:
    assert is_label(label)
    assert is_framework(label)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_framework_in_use_passes(name: str) -> None:
    assert is_framework(name)


@pytest.mark.parametrize("name", HOSTS_AND_FILES)
@pytest.mark.parametrize("form", ["{}", "{}+", "{}#", "{}++", "{}#1", "c++{}", "x+{}", "{}+x", "{}-x"])
def test_no_name_of_a_host_or_a_file_and_no_address_is_a_label(name: str, form: str) -> None:
    assert not is_label(form.format(name))
    assert not is_framework(form.format(name))


@given(st.ip_addresses(v=4).map(str), st.sampled_from(".-_+"), st.sampled_from(["{}", "ip-{}", "{}-x", "x_{}"]))
def test_an_address_is_found_whatever_joins_its_numbers(address: str, joint: str, form: str) -> None:
    joined = form.format(address.replace(".", joint))

    assert is_address(joined)
    assert not is_label(joined)


@pytest.mark.parametrize("length", [*LENGTHS, 65, 66, 1_000])
def test_labels_of_every_length_pass_up_to_64(length: int) -> None:
    fits = length <= 64
    for char in ALNUM:
        assert is_label(char * length) is fits
        assert is_installation_id(char * length) is fits
    assert is_type_name("a" * length) is fits
    assert is_signature_hash("0" * length) is fits


@given(st.text(st.sampled_from(ALNUM), min_size=1, max_size=1), st.text(st.sampled_from(ALNUM + "_+#-"), max_size=63))
def test_any_word_of_the_alphabet_is_a_label_unless_it_is_an_address(first: str, rest: str) -> None:
    assert is_label(first + rest) is not is_address(first + rest)


@given(any_text)
def test_what_is_a_label_has_its_alphabet_its_length_and_no_dots_in_odd_places(text: str) -> None:
    if is_label(text):
        assert 1 <= len(text) <= 64
        assert set(text) <= set(LABEL_CHARS)
        assert text[0] in ALNUM
        assert ".." not in text
        assert not text.endswith(".")


@given(any_text, st.sampled_from([chr(code) for code in range(128) if chr(code) not in LABEL_CHARS] + ["é", "\u2028"]))
def test_one_character_beyond_the_alphabet_spoils_any_text(text: str, char: str) -> None:
    for at in (0, len(text) // 2, len(text)):
        spoiled = text[:at] + char + text[at:]
        assert not any(predicate(spoiled) for predicate in PREDICATES)


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "api\n", "api\r\n", "\napi", "api\x00", "a b", "٣", "\uff41pi", "api\u200b"]
)
@pytest.mark.parametrize("predicate", PREDICATES)
def test_no_shape_is_empty_or_takes_white_space_or_foreign_digits(predicate: Callable[[str], bool], text: str) -> None:
    assert not predicate(text)


@given(st.text(st.sampled_from(ALNUM + "_-"), min_size=1, max_size=64))
def test_any_word_of_64_letters_digits_dashes_and_underscores_is_an_installation_id(text: str) -> None:
    assert is_installation_id(text)


@given(st.uuids())
def test_every_uuid_is_an_installation_id(uuid: object) -> None:
    assert is_installation_id(str(uuid))


@given(st.emails() | HOSTS | st.ip_addresses().map(str) | st.just("/home/me"))
def test_no_address_host_or_path_is_an_installation_id(text: str) -> None:
    assert not is_installation_id(text)


@pytest.mark.parametrize("text", ["0", "e92ab45c", "e92ab45cc886c93b", "E92AB45CC886C93B", "f" * 64])
def test_hashes_of_every_documented_length_pass(text: str) -> None:
    assert is_signature_hash(text)


@given(any_text)
def test_a_hash_holds_hexadecimal_digits_and_nothing_else(text: str) -> None:
    assert is_signature_hash(text) is (1 <= len(text) <= 64 and set(text) <= set(string.hexdigits))


@given(any_text)
def test_a_type_name_is_what_the_contract_says(text: str) -> None:
    alphabet = string.ascii_lowercase + string.digits + "_"
    words = text.split(".")
    fits = len(text) <= 64 and text[:1] in set(string.ascii_lowercase) and all(words)
    fits = fits and set("".join(words)) <= set(alphabet)

    assert is_type_name(text) is fits


@pytest.mark.parametrize("predicate", PREDICATES)
def test_long_texts_of_strangers_are_not_kept_in_memory(predicate: Callable[[str], bool]) -> None:
    tracemalloc.start()
    try:
        for number in range(100):
            assert not predicate(f"{number}" + "a/" * 50_000)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 1_000_000
