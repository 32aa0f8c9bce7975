"""Thresholds are at most as low as the truth allows, also where few projects decide most."""

import random
from statistics import mean

import pytest

from telemetry.published.field_tallies import new_tally
from telemetry.published.labels import PublicLabels
from telemetry.published.observations import Decided, SeenVersion
from telemetry.published.reading import Number
from telemetry.published.scales import ONE_IN_MILLIONTHS
from telemetry.published.series import SERIES
from telemetry.published.thresholds import STEPS, VOICES_MIN, Stop, thresholds
from telemetry.published.voices import effective_voices, interval, lower_bound

TARGET = 0.85
RUNS = 100
LABELS = PublicLabels()
VERSION = SeenVersion((0, 9, 1), "0.9.1", "0.9.1", is_development=False)
AMOUNTS = next(series.amounts for series in SERIES if series.name == "decisions")
# How often users approve at each step, the highest first; the first below the target is the fourth.
TRUTH = dict(zip(STEPS, (0.97, 0.95, 0.91, 0.84, 0.8, 0.75, 0.7, 0.6, 0.5, 0.3), strict=True))


def voice_of(decisions: list[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return what one installation contributes by step, made by the code that closes windows."""
    tally = new_tally("decisions", LABELS)
    for step, action in decisions:
        decided = Decided(action, "auth", float(step) + 0.01, False)
        tally.add(VERSION, decided)
    return {path[1]: amounts for path, _, amounts in tally.drain()}


def numbers_of(installations: list[list[tuple[str, str]]]) -> list[Number]:
    voices = [voice_of(decisions) for decisions in installations]
    numbers = []
    for step in STEPS:
        there = [voice[step] for voice in voices if step in voice]
        sums = {name: sum(one.get(name, 0) for one in there) / ONE_IN_MILLIONTHS for name in AMOUNTS}
        if len(there) >= 5:
            numbers.append(Number("2026-11-02", ("auth", step), len(there), dict(sums)))
    return numbers


def simulated(chosen: random.Random, installations: int, concentration: float, eager: int) -> list[Number]:
    """Return a window of installations that differ; the first approves ``eager`` patterns of every step at once."""
    numbers = []
    for step, often in TRUTH.items():
        shares = []
        for number in range(installations):
            decisions = chosen.randint(0, 6)
            likes = chosen.betavariate(often * concentration, (1 - often) * concentration) if decisions else 0.0
            approved = sum(chosen.random() < likes for _ in range(decisions))
            at_once = eager if number == 0 else 0
            if decisions + at_once:
                shares.append((approved + at_once) / (decisions + at_once))
        sums = {"approve": sum(shares), "approve_squares": sum(share * share for share in shares)}
        numbers.append(Number("2026-11-02", ("auth", step), len(shares), dict(sums)))
    return numbers


@pytest.mark.parametrize(
    ("installations", "concentration", "eager"), [(40, 2.0, 1_500), (100, 0.5, 1_500), (60, 100.0, 0)]
)
def test_a_threshold_is_too_low_in_at_most_one_run_of_twenty(
    installations: int, concentration: float, eager: int, seed: int
) -> None:
    chosen, too_low, answered = random.Random(seed), 0, 0
    for _ in range(RUNS):
        (found,) = thresholds(simulated(chosen, installations, concentration, eager), TARGET)
        answered += found.threshold is not None
        too_low += found.threshold is not None and TRUTH[f"{found.threshold:.2f}"] < TARGET
    assert too_low <= 0.05 * RUNS
    assert answered > 0


def test_many_voices_find_the_true_threshold() -> None:
    chosen = random.Random(1)
    (found,) = thresholds(simulated(chosen, 600, 4.0, 1_500), TARGET)

    assert found.threshold == float(STEPS[2])
    assert (found.stopped_at, found.stopped_by) == (STEPS[3], Stop.BELOW_TARGET)
    assert [step.step for step in found.steps] == list(STEPS[:4])


def test_a_step_with_few_voices_has_no_answer_and_ends_the_way_down() -> None:
    everyone = [[(STEPS[0], "approve")] for _ in range(100)]
    few = [[(STEPS[0], "approve"), (STEPS[1], "approve")] for _ in range(VOICES_MIN - 1)]

    (found,) = thresholds(numbers_of(everyone + few), TARGET)

    assert (found.threshold, found.stopped_at, found.stopped_by) == (0.95, STEPS[1], Stop.TOO_FEW_VOICES)
    assert found.steps[1].approval is None
    assert thresholds([], TARGET) == []


def test_one_project_with_many_decisions_has_one_voice() -> None:
    everyone = [[(STEPS[0], "ignore")] for _ in range(50)]
    (without,) = thresholds(numbers_of([*everyone, [(STEPS[0], "approve")]]), TARGET)
    (found,) = thresholds(numbers_of([*everyone, [(STEPS[0], "approve")] * 1_500]), TARGET)

    assert found == without


def test_the_lower_bound_is_missed_in_at_most_one_run_of_twenty_whatever_the_voices_are(seed: int) -> None:
    chosen = random.Random(seed)

    def mostly_sure(_: object) -> float:
        return 0.0 if chosen.random() < 0.05 else 0.9

    for draw, truth in ((mostly_sure, 0.855), (lambda _: float(chosen.random() < 0.9), 0.9)):
        missed = 0
        for _ in range(1_000):
            voices = [draw(None) for _ in range(VOICES_MIN)]
            squares = sum(one * one for one in voices)
            effective = effective_voices(len(voices), sum(voices), squares)
            missed += lower_bound(mean(voices), effective) > truth
        assert missed / 1_000 <= 0.05 + 0.02


def test_an_interval_holds_its_average_and_shrinks_with_the_voices() -> None:
    for average in (0.0, 0.3, 1.0):
        few, many = interval(average, 20), interval(average, 2_000)
        assert 0 <= few[0] <= many[0] <= average <= many[1] <= few[1] <= 1
