"""Simulated traffic: installations that come, work, upgrade, decide and leave; the same for the same seed."""
