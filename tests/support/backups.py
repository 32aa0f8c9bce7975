"""Backups, made by the real command."""

import json
from pathlib import Path
from typing import Any

from tests.support import oracle
from tests.support.commands import succeed
from tests.support.server import serving


def backup(data_dir: Path, root: Path, *flags: str) -> Any:
    """Make a backup below ``root`` and return what the command says of it."""
    return json.loads(succeed("backup", root, "--data-dir", data_dir, "--json", *flags))


def replayed(data_dir: Path) -> list[oracle.Raw]:
    """Return the events after a start and a stop, the aggregates compared with them."""
    with serving(data_dir) as server:
        assert server.stop() == 0
    return oracle.check(data_dir)
