"""Processes that work in the background: they let everyone else go first, and never outlive the service."""

import ctypes
import os
import signal
import sys

_NICENESS = 19
_PR_SET_PDEATHSIG = 1


class NotNowError(Exception):
    """The work has to wait for something; what was to be worked on is as good as it was."""


def step_back(parent: int) -> None:
    """Take the lowest priority, and end with the process ``parent``, which wants this done."""
    end_with(parent)
    # Not SCHED_IDLE: a process that never gets the CPU keeps its kernel locks, and other processes wait for them.
    os.nice(_NICENESS)


def end_with(parent: int) -> None:
    """Have this process end when ``parent`` ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
