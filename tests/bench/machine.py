"""Where the numbers come from: the machine and the versions of what runs on it."""

import os
import platform
import sqlite3
import timeit
from importlib.metadata import version
from pathlib import Path


def describe() -> dict[str, str]:
    """Return what a reader needs to compare numbers with their own."""
    return {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": _system(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("aiohttp", "aiosqlite", "msgspec", "orjson")},
        "two million additions in a loop": f"{_additions_s():.2f} s",
    }


def _additions_s() -> float:
    """Return what tells a fast hour of a shared machine from a slow one: the best of five times of the same work."""
    return min(timeit.repeat("total += 1", "total = 0", number=2_000_000, repeat=5))


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
