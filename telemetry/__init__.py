"""Drift's telemetry service: accept, keep, count, flush, serve."""

__version__ = "0.1.0"
