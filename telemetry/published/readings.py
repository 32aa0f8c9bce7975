"""Readings: how the payloads of one event type are read, and for which series of a window."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from telemetry.published.field_voices import FieldVoices
from telemetry.published.observations import DECODERS
from telemetry.published.series import Series


class PayloadReading(NamedTuple):
    """How the payloads of one event type are read, and for which series."""

    decode: Callable[[Any], Any]
    voices: list[FieldVoices]
    series: list[str]


def readings_of(series: list[Series], voices: list[FieldVoices]) -> Mapping[bytes, PayloadReading]:
    """Return the readings of some series by stored type; ``voices`` are of each that reads payloads."""
    types = {event_type for one in series for event_type in one.payloads}
    return {event_type.encode(): _reading(event_type, series, voices) for event_type in types}


def _reading(event_type: str, series: list[Series], voices: list[FieldVoices]) -> PayloadReading:
    names = [one.name for one in series if event_type in one.payloads]
    return PayloadReading(DECODERS[event_type].decode, [one for one in voices if one.name in names], names)
