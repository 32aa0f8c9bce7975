"""Recordings: the system calls by which a program changes a folder, made by strace with names and full data."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# With threads and children; the program stands still for those calls alone that are traced.
_STRACE = ("strace", "-f", "--seccomp-bpf")
_BY_DESCRIPTOR = {"write", "pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate", "fchmod"}
_BY_NAME = {"openat", "rename", "mkdir", "rmdir", "unlink", "unlinkat", "chmod"}
# What else changes files: nothing is meant to call it, and a recording that holds it says so.
_UNKNOWN = (
    "writev,pwritev,pwritev2,copy_file_range,sendfile,renameat,renameat2,mkdirat,link,linkat,symlink,symlinkat,"
    "truncate,creat,fchmodat"
)
_LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_ON_FILE = re.compile(r"^\d+<([^>]*)>")
_WRITE = re.compile(r'^\d+<([^>]*)>, "([^"]*)"(?:, (\d+))?(?:, (\d+))?$')
_NAME = re.compile(r'(?:\d+<([^>]*)>, |AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)"')


@dataclass(frozen=True)
class Call:
    """A change that succeeded.

    It is one of create, write, truncate and allocate (to a length of ``offset``), sync, mkdir, remove, rename (to
    ``target``) and chmod (to ``offset``); or what the program told.
    """

    name: str
    path: str
    data: bytes = b""
    offset: int = 0
    target: str = ""


def record(module: str, data_dir: Path, trace: Path, *arguments: str) -> list[Call]:
    """Run a module under strace; return its changes of the data directory, and its writes to standard output."""
    traced = ",".join([*sorted(_BY_DESCRIPTOR | _BY_NAME), _UNKNOWN])
    command = [*_STRACE, "-qq", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={traced}"]
    command += [sys.executable, "-m", module, str(data_dir), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.PIPE, env=unmeasured())
    return list(_parse(whole_lines(trace.read_text()), data_dir))


def unmeasured() -> dict[str, str]:
    """Return the environment of a program that the coverage report leaves out.

    Other tests run the same lines, measuring is expensive under strace, and a program that is killed reports nothing.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def whole_lines(text: str) -> Iterator[str]:
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


def _parse(lines: Iterator[str], folder: Path) -> Iterator[Call]:
    for line in lines:
        found = _LINE.match(line)
        if not found or int(found[3]) < 0:
            continue
        name, arguments = found[1], found[2]
        for call in _on_descriptor(name, arguments) if name in _BY_DESCRIPTOR else _on_name(name, arguments):
            # What the program tells is a list; a process that it starts has a standard output of its own.
            if name == "write" and arguments.startswith("1<") and call.data.startswith(b"["):
                yield Call("told", "", call.data)
            elif folder in (path := Path(call.path), *path.parents) or (call.name == "sync" and path == folder.parent):
                assert name in _BY_DESCRIPTOR | _BY_NAME, line
                yield call


def _on_descriptor(name: str, arguments: str) -> Iterator[Call]:
    on_file = _ON_FILE.match(arguments)
    path = _text(on_file[1]) if on_file else ""
    if name in {"write", "pwrite64"}:
        written = _WRITE.match(arguments)
        assert written, (arguments[:300], arguments[-300:])
        yield Call("write", path, _bytes(written[2]), int(written[4] or 0))
    elif name in {"fdatasync", "fsync"}:
        yield Call("sync", path)
    else:
        last = arguments.rpartition(", ")[2]
        if name == "fallocate":
            yield Call("allocate", path, offset=sum(map(int, arguments.split(", ")[-2:])))
        else:
            yield Call(name.removeprefix("f"), path, offset=int(last, 8 if name == "fchmod" else 10))


def _on_name(name: str, arguments: str) -> Iterator[Call]:
    paths = [str(Path(_text(folder)) / _text(found)) for folder, found in _NAME.findall(arguments)]
    match name:
        case "openat":
            if "O_CREAT" in arguments:
                yield Call("create", paths[0])
            if "O_TRUNC" in arguments:
                yield Call("truncate", paths[0])
        case "rename":
            yield Call(name, paths[0], target=paths[1])
        case "rmdir" | "unlink" | "unlinkat":
            yield Call("remove", paths[0])
        case "chmod":
            yield Call(name, paths[0], offset=int(arguments.rpartition(", ")[2], 8))
        case _ if paths:
            yield Call(name, paths[0])


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _text(text: str) -> str:
    return _bytes(text).decode() if text.startswith("\\x") else text
