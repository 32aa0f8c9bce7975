"""Fuzzing: what is promised of any bytes, a corpus of nasty ones, and a search for worse."""
