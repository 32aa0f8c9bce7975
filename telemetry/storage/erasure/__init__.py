"""Forget and exclude: one installation is taken out of the log and, when excluded, out of the numbers."""
