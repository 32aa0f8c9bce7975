"""What a process and its descendants have used so far, as the kernel counts it."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
# Places in /proc/PID/stat after the name, which may hold spaces and ends in a parenthesis.
_PARENT, _TIMES = 1, slice(11, 15)


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU of all threads, bytes sent to the disk, and the most memory that was resident."""

    cpu_s: float
    written_bytes: int
    rss_peak_bytes: int


def usage(pid: int) -> Usage:
    """Return what the process tree under ``pid`` has used; ended children count with their CPU."""
    family = _family(pid)
    return Usage(
        cpu_s=sum(_cpu_s(member) for member in family),
        written_bytes=sum(_field(member, "io", "write_bytes") for member in family),
        rss_peak_bytes=sum(_field(member, "status", "VmHWM") * 1024 for member in family),
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds at a moment."""

    rss_bytes: int
    descriptors: int


def held(pid: int) -> Held:
    """Return what a process holds now; raise ``OSError`` if it has gone."""
    return Held(_field(pid, "status", "VmRSS") * 1024, len(list((_PROC / str(pid) / "fd").iterdir())))


def _family(pid: int) -> list[int]:
    parents = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(_stat(path)[_PARENT])
        except (FileNotFoundError, ProcessLookupError):
            continue
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def _stat(path: Path) -> list[str]:
    return path.read_text().rpartition(")")[2].split()


def _cpu_s(pid: int) -> float:
    return sum(map(int, _stat(_PROC / str(pid) / "stat")[_TIMES])) / _TICKS_PER_S


def _field(pid: int, file: str, name: str) -> int:
    for line in (_PROC / str(pid) / file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise KeyError(name)
