"""Badges: one number for the top of a README, as a picture and in the schema of shields.io's endpoint."""

from collections.abc import Callable
from typing import NamedTuple

import orjson

from telemetry.charts.badge import Tone, badge
from telemetry.charts.units import Unit
from telemetry.published.approval import TARGET
from telemetry.published.dashboard.claims import p95_ms
from telemetry.published.dashboard.overview import Overview

NO_VALUE = "no data yet"
_RELEASE = "release-"
# The names that shields.io has for the colours of our own.
_COLOURS = {
    Tone.GOOD: "brightgreen", Tone.WARNING: "yellow", Tone.BAD: "red", Tone.NEUTRAL: "blue", Tone.UNKNOWN: "lightgrey",
}  # fmt: skip
# Within so much of the target a share is a warning.
_NEAR_TARGET = 0.1


class Badge(NamedTuple):
    """What a badge says."""

    label: str
    value: str
    tone: Tone

    def svg(self) -> bytes:
        """Return it as a picture."""
        return badge(self.label, self.value, self.tone).encode()

    def json(self) -> bytes:
        """Return it for shields.io, which refuses keys that it does not know."""
        shown = {"schemaVersion": 1, "label": self.label, "message": self.value, "color": _COLOURS[self.tone]}
        return orjson.dumps(shown)


def badge_of(name: str, seen: Overview | None) -> Badge:
    """Return the badge with a name; one that says that there is no data where there is none, or no such badge."""
    if seen is not None and name.startswith(_RELEASE):
        return _release(name.removeprefix(_RELEASE), seen)
    make = BADGES.get(name)
    return make(seen) if make is not None and seen is not None else Badge("drift", NO_VALUE, Tone.UNKNOWN)


def _figure(key: str, label: str) -> Callable[[Overview], Badge]:
    def make(seen: Overview) -> Badge:
        figure = next(one for one in seen.figures if one.key == key)
        return _neutral(label, figure.shown if figure.value is not None else None)

    return make


def _neutral(label: str, value: str | None) -> Badge:
    return Badge(label, NO_VALUE, Tone.UNKNOWN) if value is None else Badge(label, value, Tone.NEUTRAL)


def _approved(seen: Overview) -> Badge:
    decided = seen.newest_decided
    if decided is None or decided.high is None:
        return Badge("approved when sure", NO_VALUE, Tone.UNKNOWN)
    share = decided.high.share
    tone = Tone.GOOD if share >= TARGET else Tone.WARNING if share >= TARGET - _NEAR_TARGET else Tone.BAD
    return Badge("approved when sure", Unit.SHARE.figure(share), tone)


def _newest(seen: Overview) -> Badge:
    newest = seen.adoption.newest
    return _neutral("newest version in use", None if newest is None else newest.version)


def _complete(seen: Overview) -> Badge:
    return Badge("numbers up to", seen.trust.complete_up_to.isoformat(), Tone.NEUTRAL)


def _release(version: str, seen: Overview) -> Badge:
    """Return how many of the installations have a version on the last day."""
    if all(one.version != version for one in seen.adoption.releases):
        return Badge("release", NO_VALUE, Tone.UNKNOWN)
    counts = seen.adoption.days.get(seen.trust.complete_up_to, {})
    total = sum(counts.values())
    return _neutral(version, f"{Unit.SHARE.figure(counts.get(version, 0) / total)} of installations" if total else None)


def _speed(seen: Overview) -> Badge:
    days = seen.days
    value = p95_ms(seen.speed.between(days[0], days[-1]))
    return _neutral("scan p95", None if value is None else Unit.DURATION.figure(value))


BADGES: dict[str, Callable[[Overview], Badge]] = {
    "active": _figure("active", "active installations"),
    "returning": _figure("returning", "returning installations"),
    "approved": _approved,
    "scan-p95": _speed,
    "version": _newest,
    "complete": _complete,
}
"""The badges that have an address, by name; `release-` and a version is one more for each version."""
