"""SQL longer than a line lives in ``sql/``, where tools and people find it."""

from pathlib import Path

import pytest

import telemetry
from tests.support.sql_in_code import statements

STATEMENT_LENGTH_MAX = 100
MODULES = sorted(Path(telemetry.__file__).parent.rglob("*.py"))
LONG = "SELECT day, watermark, rows, sealed_at, retired_at FROM segments WHERE retired_at IS NULL AND sealed_at IS NULL"
HALF, REST = LONG[:50], LONG[50:]


def too_long(source: str) -> list[str]:
    found = statements(source)
    return [sql for sql in found if len(sql) > STATEMENT_LENGTH_MAX or "\n" in sql.strip()]


@pytest.mark.parametrize(
    "source",
    [
        f'a = "{LONG}"',
        f'a = ("{HALF}"\n "{REST}")',
        f'a = "{HALF}" + "{REST}"',
        f'a = "{HALF}" + table + "{REST}"',
        f'a = f"{HALF}{{table}}{REST}"',
        f'a = f"{HALF}" f"{REST}{{table}}"',
        f'a = " ".join(("{HALF}", "{REST}"))',
        f'a = "".join(["{HALF}", table, "{REST}"])',
        f'a = "{LONG} %s" % table',
        f'a = "{LONG} {{}}".format(table)',
        'a = """SELECT day\nFROM segments"""',
        'a = "SELECT day\\nFROM segments"',
        f'run(f"""\n  {LONG}\n""".strip())',
    ],
)
def test_a_long_statement_is_found_however_it_is_put_together(source: str) -> None:
    assert len(too_long(source)) == 1


@pytest.mark.parametrize(
    "source",
    ['a = "SELECT day FROM segments"', f'a = "Select one of these, and read on: {LONG.lower()}"', f"# {LONG}\na = 1"],
)
def test_short_statements_and_sentences_may_stay(source: str) -> None:
    assert too_long(source) == []


def test_statements_longer_than_a_line_live_in_files() -> None:
    assert {path.name: found for path in MODULES if (found := too_long(path.read_text()))} == {}
