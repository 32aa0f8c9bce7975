"""The settings file of an instance is read as systemd reads it, as systemd's own parser says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.environment_file import read

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the Debian package systemd")

EXAMPLES = {
    "A=30": "30",
    "A = 30 ": "30",
    "A=30\r\nB=1": "30",
    "\r\n  A=30": "30",
    "A=3\\\n0": "30",
    "A=3\\\r\n0": "3",
    'A="3 0" # no comment': "3 0# no comment",
    "A='3 0' ": "3 0",
    'A="3\\"\\$\\x0"': '3"$\\x0',
    "A='3\\0'": "3\\0",
    "A=3\\ 0\\ ": "3 0 ",
    "A=1\nA=30": "30",
    "#A=1\n;A=2\nA=30#": "30#",
    "A=x=30": "x=30",
    "A=\"3\"0'4'": "30'4'",
    "A=$HOME`id`": "$HOME`id`",
}


@pytest.mark.parametrize(("text", "value"), EXAMPLES.items())
def test_a_value_is_what_systemd_makes_of_it(text: str, value: str) -> None:
    assert read(text)["A"] == value


@needs_analyze
def test_systemd_itself_reads_the_same(tmp_path: Path) -> None:
    # Its parser of such files reads those that name an operating system too, and a condition tells what it read.
    names = [f"A{number}" for number in range(len(EXAMPLES))]
    file = tmp_path / "release"
    texts = [
        text.replace("A=", f"{name}=").replace("A ", f"{name} ") for name, text in zip(names, EXAMPLES, strict=True)
    ]
    file.write_bytes("\n".join(texts).encode())
    escapes = str.maketrans({"\\": "\\\\", '"': '\\"', "%": "%%"})
    conditions = [
        f'ConditionOSRelease="{name}={value.translate(escapes)}"'
        for name, value in zip(names, EXAMPLES.values(), strict=True)
    ]
    ran = subprocess.run(
        ["systemd-analyze", "condition", *conditions],
        env=os.environ | {"SYSTEMD_OS_RELEASE": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr


@given(st.text(st.sampled_from("A= \t\n\r'\"\\#;$b0\x01\u00e9")))
def test_any_text_is_read_to_its_end(text: str) -> None:
    assert all("\x01" not in value for value in read(text).values())
    assert read(f"{text}\n'\n\"\nZ=1") is not None


def test_names_that_are_none_are_passed_over() -> None:
    assert read("1A=1\nexport A=1\n=1\nA-B=1\nA") == {}
