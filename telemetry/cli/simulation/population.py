"""The population: who uses Drift, from when to when, and how."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from telemetry.catalogue.installations import UNKNOWN_INSTALLATION
from telemetry.cli.simulation.code_patterns import FAMILIES, Detector, Pattern, detectors, patterns_of
from telemetry.cli.simulation.draws import skewed
from telemetry.cli.simulation.releases import Release, Releases

_UNKNOWN_SHARE = 0.01
_UNNUMBERED_SHARE = 0.06
_DECIDING_SHARE = 0.55


class Use(Enum):
    """What somebody has Drift for: to stay with it, to try it, for one look, in a pipeline, or to develop it.

    A pipeline has a new id for each run, unless the project commits its id. An agent runs Drift for somebody.
    """

    STAYING = "staying"
    TRYING = "trying"
    ONCE = "once"
    PIPELINE = "pipeline"
    COMMITTED_PIPELINE = "committed_pipeline"
    AGENT = "agent"
    DEVELOPING = "developing"


_SHARES = {
    Use.STAYING: 0.46, Use.TRYING: 0.2, Use.ONCE: 0.1, Use.PIPELINE: 0.15, Use.COMMITTED_PIPELINE: 0.03,
    Use.AGENT: 0.03, Use.DEVELOPING: 0.03,
}  # fmt: skip
PIPELINES = {Use.PIPELINE, Use.COMMITTED_PIPELINE}
_CONTEXTS = {Use.COMMITTED_PIPELINE: "ci", Use.AGENT: "agent"}
_SECOND_VERSION_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Installation:
    """One project's Drift. Days are counted from the first simulated one.

    ``decisions`` is how many its users make in a session, and ``leaning`` how much more of them are approvals than
    elsewhere. With ``has_second_actions`` they decide by the actions of version 2. ``slowness`` is how long its machine
    takes beside others.
    """

    id: str
    use: Use
    first_day: int
    last_day: int
    sessions_per_day: float
    weekend_share: float
    hour: float
    upgrade_lag_days: int
    is_unnumbered: bool
    decisions: float
    leaning: float
    has_second_actions: bool
    slowness: float
    files: int
    extensions: tuple[str, ...]
    patterns: tuple[Pattern, ...]

    @property
    def context(self) -> str | None:
        """What its events say of who runs the tool. Pipelines with a new id for each run are from before they could."""
        return _CONTEXTS.get(self.use)

    def release(self, releases: Releases, day: int) -> Release:
        """Return what it runs on a day: it began with the newest, and takes its time with those that follow."""
        if self.use is Use.DEVELOPING:
            return releases.unreleased(day if self.upgrade_lag_days else day | 1)
        if self.is_unnumbered:
            return releases.unnumbered()
        return releases.newest(max(day - self.upgrade_lag_days, self.first_day))


def population(chosen: random.Random, count: int, days: int) -> list[Installation]:
    """Return so many installations, most of which are seen on some of the days."""
    known = detectors(chosen)
    return [_installation(chosen, known, days) for _ in range(count)]


def _installation(chosen: random.Random, known: Sequence[Detector], days: int) -> Installation:
    (use,) = chosen.choices(list(_SHARES), list(_SHARES.values()))
    first_day, lifetime = _stay(chosen, use, days)
    families = sorted({skewed(chosen, range(len(FAMILIES))) for _ in range(chosen.choice((1, 1, 2)))})
    extensions = tuple(dict.fromkeys(extension for family in families for extension in FAMILIES[family]))
    stays = use in {Use.STAYING, Use.AGENT, Use.DEVELOPING}
    return Installation(
        id=UNKNOWN_INSTALLATION
        if chosen.random() < _UNKNOWN_SHARE
        else str(UUID(int=chosen.getrandbits(128), version=4)),
        use=use,
        first_day=first_day,
        last_day=first_day + lifetime,
        sessions_per_day=min(chosen.lognormvariate(-0.4, 0.8), 8),
        weekend_share=0.02 if use in PIPELINES else chosen.choice((0.05, 0.15, 0.3, 0.7)),
        hour=chosen.gauss(14, 5) % 24,
        upgrade_lag_days=0 if use in PIPELINES else _upgrade_lag_days(chosen),
        is_unnumbered=use is Use.STAYING and chosen.random() < _UNNUMBERED_SHARE,
        decisions=chosen.uniform(2, 7) if stays and chosen.random() < _DECIDING_SHARE else 0,
        leaning=chosen.gauss(0, 0.05),
        has_second_actions=chosen.random() < _SECOND_VERSION_SHARE,
        slowness=chosen.lognormvariate(0, 0.35),
        files=int(min(chosen.lognormvariate(6.5, 1.1), 100_000)) + 5,
        extensions=extensions,
        patterns=patterns_of(chosen, known, extensions),
    )


def _stay(chosen: random.Random, use: Use, days: int) -> tuple[int, int]:
    """Return the first day, and how many days lie between it and the last."""
    match use:
        case Use.ONCE | Use.PIPELINE:
            # A pipeline without a config file has a fresh id for each run.
            return chosen.randrange(days), 0
        case Use.TRYING:
            return chosen.randrange(-7, days), int(chosen.expovariate(1 / 6)) + 1
        case _:
            # Most were there before the first day.
            return chosen.randrange(-2 * days, days), int(chosen.expovariate(1 / 150)) + 7


def _upgrade_lag_days(chosen: random.Random) -> int:
    """Return how long after a release an installation has it: soon, within two weeks, or at some time."""
    kind = chosen.random()
    if kind < 0.4:  # noqa: PLR2004
        return int(chosen.expovariate(1 / 1.5))
    return 1 + int(chosen.lognormvariate(1.6, 0.6) if kind < 0.88 else chosen.expovariate(1 / 40))  # noqa: PLR2004
