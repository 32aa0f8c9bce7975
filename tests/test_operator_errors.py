"""Every error that an operator is told of has a meaning of its own, which survives the way through the admin socket."""

import ast
from pathlib import Path

import pytest

from telemetry import operator_errors
from telemetry.operator_errors import MEANINGS, OperatorError, UnavailableError, meaning, named

PACKAGE = Path(operator_errors.__file__).parent


def test_the_table_has_a_meaning_for_each_error_and_no_two_share_a_code_or_a_sentence() -> None:
    errors = {each for each in vars(operator_errors).values() if isinstance(each, type)}
    assert {each for each in errors if issubclass(each, OperatorError)} - {OperatorError} == MEANINGS.keys()
    assert len({each.code for each in MEANINGS.values()}) == len(MEANINGS)
    assert len({each.sentence for each in MEANINGS.values()}) == len(MEANINGS)


@pytest.mark.parametrize("error", MEANINGS)
def test_an_error_is_the_same_after_its_way_through_the_socket(error: type[OperatorError]) -> None:
    told = named(meaning(error("x is wrong: mend it")).code, "x is wrong: mend it")
    assert type(told) is error
    assert str(told) == "x is wrong: mend it"


def test_a_code_of_another_program_is_an_answer_that_cannot_be_used() -> None:
    assert type(named("from_the_future", "wait")) is UnavailableError


def test_no_module_raises_an_error_without_a_meaning_or_keeps_one_to_itself() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != OperatorError.__name__, path
            if isinstance(node, ast.ClassDef) and path.name != "operator_errors.py":
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                assert not bases & {each.__name__ for each in (*MEANINGS, OperatorError)}, f"{path}: {node.name}"
