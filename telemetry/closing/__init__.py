"""Closing: makes the public numbers of windows from sealed segments, in a process of its own."""
