"""Metric families: numbers with the name, the meaning and the labels that Prometheus asks for."""

from collections.abc import Mapping
from math import isinf

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from telemetry.histogram import Histogram

METRIC_PREFIX = "drift_telemetry_"


def gauge(name: str, meaning: str, value: float) -> Metric:
    """Return a number that goes up and down."""
    return GaugeMetricFamily(METRIC_PREFIX + name, meaning, value)


def gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    """Return one number for each value of a label."""
    family = GaugeMetricFamily(METRIC_PREFIX + name, meaning, labels=(label,))
    for labelled, value in values.items():
        family.add_metric((labelled,), value)
    return family


def counter(name: str, meaning: str, value: float) -> Metric:
    """Return a number that only grows; Prometheus adds ``_total`` to its name."""
    return CounterMetricFamily(METRIC_PREFIX + name, meaning, value)


def counters(name: str, meaning: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> Metric:
    """Return one growing number for each combination of labels."""
    family = CounterMetricFamily(METRIC_PREFIX + name, meaning, labels=labels)
    for labelled, value in values.items():
        family.add_metric(labelled, value)
    return family


def histogram(name: str, meaning: str, observed: Histogram) -> Metric:
    """Return how observations are distributed."""
    buckets = [("+Inf" if isinf(bound) else str(float(bound)), count) for bound, count in observed.buckets()]
    return HistogramMetricFamily(METRIC_PREFIX + name, meaning, buckets, observed.sum)
