"""Every case of the fault list has a test: what the table of `make torture` says is then true of all."""

import ast
from pathlib import Path

from tests.support.case_report import CaseResult, table
from tests.support.cases import CASES
from tests.support.tally import Tally

TESTS = sorted(Path(__file__).parent.rglob("test_*.py"))


def marked(path: Path) -> set[int]:
    """Return the cases that the tests of a module prove."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    marks = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "case"]
    return {argument.value for mark in marks for argument in mark.args if isinstance(argument, ast.Constant)}  # type: ignore[misc]


def test_every_case_is_proved_by_a_test_and_every_proof_has_a_case() -> None:
    assert set(range(1, 41)) <= set(CASES)
    assert set().union(*map(marked, TESTS)) == set(CASES)


def test_the_table_tells_what_held_what_broke_and_what_was_not_tried() -> None:
    rows = table(
        {
            1: CaseResult(Tally(tries=3, acknowledged=1_000), ["passed", "passed"]),
            2: CaseResult(Tally(tries=1, lost=1), ["passed"]),
            3: CaseResult(Tally(tries=1), ["passed", "failed"]),
            4: CaseResult(Tally(tries=1), ["passed", "skipped"]),
            5: CaseResult(Tally(), ["skipped"]),
        }
    )

    verdicts = [row.strip("| ").rpartition("| ")[2] for row in rows[2:8]]
    assert verdicts == ["held", "BROKEN", "BROKEN", "held (1 skipped)", "skipped", "not run"]
    assert "| 3 | 1,000 | 0 | 0 |" in rows[2]
