"""Power cuts, replayed: what a disk may hold when the power goes, from a recording of system calls.

What was synced is there. Of what was written since, any part may be, torn at sectors of 512 bytes; so it is with
files made or removed since their folder was synced. The recording is made by strace with file names and full data.
"""

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
_CALLS = "openat,pwrite64,ftruncate,fdatasync,fsync,rename,mkdir,unlink,write,writev,chmod,fchmod"
_LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_ON_FILE = re.compile(r"^\d+<([^>]*)>")
_WRITE = re.compile(r'^\d+<([^>]*)>, "([^"]*)"(?:, (\d+))?(?:, (\d+))?$')


@dataclass(frozen=True)
class Call:
    """One system call that succeeded: its name, the file it concerns, and what it wrote where."""

    name: str
    path: str
    data: bytes = b""
    offset: int = 0


def record(module: str, data_dir: Path, trace: Path) -> list[Call]:
    """Run a module under strace and return its calls on the data directory, and its writes to standard output."""
    command = ["strace", "-f", "-qq", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={_CALLS}"]
    subprocess.run([*command, sys.executable, "-m", module, str(data_dir)], check=True, stdout=subprocess.PIPE)
    return list(_parse(_whole_lines(trace.read_text()), str(data_dir)))


def _whole_lines(text: str) -> Iterator[str]:
    """Join calls that other threads interrupted, where they ended."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        thread = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[thread] = line.removesuffix("<unfinished ...>").rstrip()
        elif "resumed>" in line:
            yield begun.pop(thread) + line.partition("resumed>")[2]
        else:
            yield line


def _parse(lines: Iterator[str], folder: str) -> Iterator[Call]:
    for line in lines:
        found = _LINE.match(line)
        if not found or int(found[3]) < 0:
            continue
        name, arguments = found[1], found[2]
        if call := _call(name, arguments):
            # What the program tells is a list; a process that it starts has a standard output of its own.
            stdout = name == "write" and arguments.startswith("1<") and call.data.startswith(b"[")
            if stdout or call.path.startswith(folder):
                yield Call("told", "", call.data) if stdout else call


def _call(name: str, arguments: str) -> Call | None:
    if name in {"write", "pwrite64"}:
        written = _WRITE.match(arguments)
        assert written, (arguments[:300], arguments[-300:])
        return Call(name, _unhex_path(written[1]), _unhex(written[2]), int(written[4] or 0))
    if name in {"fdatasync", "fsync"}:
        on_file = _ON_FILE.match(arguments)
        assert on_file, arguments
        return Call("sync", _unhex_path(on_file[1]))
    if name in {"ftruncate", "fchmod"}:
        on_file = _ON_FILE.match(arguments)
        assert on_file, arguments
        number = int(arguments.rpartition(", ")[2], 8 if name == "fchmod" else 10)
        return Call(name.removeprefix("f"), _unhex_path(on_file[1]), offset=number)
    quoted = re.findall(r'"([^"]*)"', arguments)
    if name == "chmod":
        return Call(name, _unhex(quoted[0]).decode(), offset=int(arguments.rpartition(", ")[2], 8))
    if name == "openat" and "O_CREAT" not in arguments:
        return None
    return Call("create" if name == "openat" else name, _unhex(quoted[0]).decode()) if quoted else None


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _unhex_path(text: str) -> str:
    return _unhex(text).decode() if text.startswith("\\x") else text


@dataclass
class Disk:
    """Files as they are on the disk for sure, and what may have reached it besides."""

    durable: dict[str, bytes] = field(default_factory=dict)
    entries: set[str] = field(default_factory=set)
    current: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[Call]] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    folder_changes: list[Call] = field(default_factory=list)

    def apply(self, call: Call) -> None:
        """Let a call happen."""
        match call.name:
            case "create" if call.path not in self.current:
                self.current[call.path] = bytearray()
                self.folder_changes.append(call)
            case "write" | "pwrite64" | "truncate":
                _write(self.current[call.path], call)
                self.pending.setdefault(call.path, []).append(call)
            case "chmod":
                # Whenever it gets to the disk: a mode that comes early or late only makes a file be looked at.
                self.modes[call.path] = call.offset
            case "unlink":
                self.modes.pop(call.path, None)
                self.current.pop(call.path, None)
                self.pending.pop(call.path, None)
                self.folder_changes.append(call)
            case "sync" if call.path in self.current:
                self.durable[call.path] = bytes(self.current[call.path])
                self.pending.pop(call.path, None)
            case "sync":
                for change in [change for change in self.folder_changes if Path(change.path).parent == Path(call.path)]:
                    self._settle(change)
                    self.folder_changes.remove(change)

    def as_killed(self) -> dict[str, bytes]:
        """Return files as the next process finds them when this one is killed: the kernel keeps what was written."""
        return {path: bytes(content) for path, content in self.current.items()}

    def image(self, chosen: random.Random) -> dict[str, bytes]:
        """Return files as the disk may hold them when the power goes now."""
        entries = set(self.entries)
        # A journalling file system keeps the order of changes to a folder: what got there is a prefix.
        for change in self.folder_changes[: chosen.randint(0, len(self.folder_changes))]:
            (entries.add if change.name == "create" else entries.discard)(change.path)
        files = {}
        for path in entries:
            content = bytearray(self.durable.get(path, b""))
            for call in self.pending.get(path, []):
                _write_some(content, call, chosen)
            files[path] = bytes(content)
        return files

    def _settle(self, change: Call) -> None:
        if change.name == "create":
            self.entries.add(change.path)
        else:
            self.entries.discard(change.path)
            self.durable.pop(change.path, None)


def _write(content: bytearray, call: Call) -> None:
    if call.name == "truncate":
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    content.extend(bytes(max(0, call.offset - len(content))))
    content[call.offset : call.offset + len(call.data)] = call.data


def _write_some(content: bytearray, call: Call, chosen: random.Random) -> None:
    if call.name == "truncate":
        if chosen.random() < 0.5:
            _write(content, call)
        return
    fate = chosen.random()
    for start in range(0, len(call.data), SECTOR):
        if fate < 0.4 or (fate < 0.7 and chosen.random() < 0.5):
            _write(content, Call(call.name, call.path, call.data[start : start + SECTOR], call.offset + start))
