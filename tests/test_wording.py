"""Sentences for people count in English."""

import pytest

from telemetry.wording import amount


@pytest.mark.parametrize(
    ("number", "plural", "said"),
    [(0, "", "0 days"), (1, "", "1 day"), (2, "", "2 days"), (12_345, "", "12,345 days"), (1, "weeks", "1 day")],
)
def test_an_amount_is_singular_for_one_alone(number: int, plural: str, said: str) -> None:
    assert amount(number, "day", plural) == said


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert amount(2, "batch", "batches") == "2 batches"
