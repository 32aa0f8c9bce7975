"""Power cuts, replayed: what a disk may hold when the power goes, from a recording of system calls.

What was synced is there. Of what was written since, any part may be, torn at sectors of 512 bytes; so it is with
names that came or went since their folder was synced.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.recording import Call

SECTOR = 512


@dataclass(eq=False)
class Node:
    """A file, or a folder: what programs see, what is on the disk for sure, and what was written since."""

    is_folder: bool = False
    current: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    pending: list[Call] = field(default_factory=list)
    # Whenever it gets to the disk: a mode that comes early or late only makes a file be looked at.
    mode: int = 0o600

    def write(self, call: Call) -> None:
        """Let a call change the content."""
        _write(self.current, call)
        self.pending.append(call)

    def sync(self) -> None:
        """Let everything get to the disk."""
        self.durable = bytes(self.current)
        self.pending.clear()

    def torn(self, chosen: random.Random) -> bytes:
        """Return the content as the disk may hold it."""
        content = bytearray(self.durable)
        for call in self.pending:
            _write_some(content, call, chosen)
        return bytes(content)


Image = dict[str, tuple[Node, bytes]]
"""Files and folders by their names, and the contents of the files."""

Change = dict[str, Node | None]
"""Names that one call gave and took: all of them change at once."""


@dataclass
class Disk:
    """Names as programs see them, as they are on the disk for sure, and their changes that may have got there."""

    names: dict[str, Node] = field(default_factory=dict)
    durable: dict[str, Node] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)

    def apply(self, call: Call) -> None:
        """Let a call happen."""
        match call.name:
            case "create":
                if call.path not in self.names:
                    self._change({call.path: Node()})
            case "mkdir":
                self._change({call.path: Node(is_folder=True, mode=0o700)})
                self.folders.add(Path(call.path))
            case "remove":
                self._change({call.path: None})
            case "rename":
                assert not self.names[call.path].is_folder
                self._change({call.path: None, call.target: self.names[call.path]})
            case "write" | "truncate" | "allocate":
                self.names[call.path].write(call)
            case "chmod":
                self.names[call.path].mode = call.offset
            case "sync":
                self._sync(call.path)
            case "told":
                pass
            case _:
                raise AssertionError(call.name)

    def as_killed(self) -> Image:
        """Return what the next process finds when this one is killed: the kernel keeps what was written."""
        return {path: (node, bytes(node.current)) for path, node in self.names.items()}

    def image(self, chosen: random.Random) -> Image:
        """Return what the disk may hold when the power goes now."""
        names = dict(self.durable)
        # A journalling file system keeps the order of changes to names: what got there is a prefix.
        for change in self.changes[: chosen.randint(0, len(self.changes))]:
            _rename(names, change)
        return {
            path: (node, node.torn(chosen))
            for path, node in names.items()
            # Nothing is found in a folder that has no name.
            if all(str(folder) in names for folder in self.folders.intersection(Path(path).parents))
        }

    def _change(self, change: Change) -> None:
        _rename(self.names, change)
        self.changes.append(change)

    def _sync(self, path: str) -> None:
        if (node := self.names.get(path)) is not None and not node.is_folder:
            node.sync()
            return
        settled = [change for change in self.changes if any(Path(name).parent == Path(path) for name in change)]
        self.changes = [change for change in self.changes if change not in settled]
        for change in settled:
            _rename(self.durable, change)


def _rename(names: dict[str, Node], change: Change) -> None:
    for path, node in change.items():
        if node is None:
            # A folder takes with it what was in it.
            for name in [name for name in names if Path(path) in (Path(name), *Path(name).parents)]:
                del names[name]
        else:
            names[path] = node


def _write(content: bytearray, call: Call) -> None:
    if call.name == "truncate":
        del content[call.offset :]
    content.extend(bytes(max(0, call.offset - len(content))))
    content[call.offset : call.offset + len(call.data)] = call.data


def _write_some(content: bytearray, call: Call, chosen: random.Random) -> None:
    if call.name != "write":
        if chosen.random() < 0.5:
            _write(content, call)
        return
    fate = chosen.random()
    for start in range(0, len(call.data), SECTOR):
        if fate < 0.4 or (fate < 0.7 and chosen.random() < 0.5):
            _write(content, Call(call.name, call.path, call.data[start : start + SECTOR], call.offset + start))
