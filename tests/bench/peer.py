"""The peer: Fastify over node:sqlite, where a Node.js that has it and Fastify are installed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

NODE_MIN = (22, 13)
"""The first release of Node.js whose SQLite needs no flag."""
_PROGRAM = Path(__file__).with_name("node") / "server.mjs"
_FOLDER = Path(sys.prefix) / "peer"
"""Where `make` installs what ``node/package-lock.json`` pins; on x86-64 that is Node.js too."""


class Peer(NamedTuple):
    """How to start the peer, and the versions of what it is made of."""

    command: tuple[str, ...]
    versions: dict[str, str]


def find_peer(folder: Path = _FOLDER) -> Peer | str:
    """Return the peer, or a sentence that says why there is none."""
    node = shutil.which("node", path=str(folder / "node_modules" / ".bin")) or shutil.which("node")
    fastify = folder / "node_modules" / "fastify" / "package.json"
    if node is None or not fastify.exists():
        missing = "npm" if node else "Node.js"
        return f"Fastify was not measured: {missing} was missing when `make` prepared the environment."
    version = _version(node)
    if version < NODE_MIN:
        wanted, found = (".".join(map(str, each)) for each in (NODE_MIN, version))
        return f"Fastify was not measured: it needs Node.js {wanted}, and {node} is {found}."
    versions = {"Node.js": ".".join(map(str, version)), "Fastify": json.loads(fastify.read_bytes())["version"]}
    return Peer((node, str(_PROGRAM), str(folder)), versions)


def _version(node: str) -> tuple[int, ...]:
    """Return the version of a program; (0,) if it does not say."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else (0,)
