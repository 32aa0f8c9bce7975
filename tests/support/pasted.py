"""A host that is a folder, on which blocks of the manual are run as they are pasted.

What only a real host has is stood in for: `systemctl` is written down, and makes the backup that it is told to start;
users and groups of the service are not here.
"""

import os
import re
import subprocess
from pathlib import Path

from tests.support.processes import COMMAND

_INSTANCE = 'TELEMETRY_ENVIRONMENT=production TELEMETRY_DATA_DIR="$ROOT/var/lib/drift-telemetry/production"'
_BACKUPS = '"$ROOT/var/lib/drift-telemetry-backups/production"'
_STAND_INS = {
    "sudo": 'exec "$@"',
    "make": ":",
    "systemd-sysusers": ":",
    "runuser": 'shift 3; exec "$@"',
    "telemetry-production": f'{_INSTANCE} exec {COMMAND} "$@"',
    "systemctl": f"""echo "$*" >>"$ROOT/systemctl"
case "$*" in
    "start drift-telemetry-backup@production.service") exec telemetry-production backup {_BACKUPS} ;;
esac""",
    "install": """skip=
for argument; do
    shift
    case $argument in
        -o | -g) skip=1 ;;
        *) [ -n "$skip" ] || set -- "$@" "$argument"; skip= ;;
    esac
done
exec /usr/bin/install "$@\"""",
    "mount": """grep " $1 none bind " "$ROOT/etc/fstab" | {
    read -r source target rest
    exec /bin/mount --bind "$source" "$target"
}""",
}
_FOLDERS = ("bin", "etc/drift-telemetry", "var/lib", "opt/drift-telemetry/releases", "data")


class Host:
    """The folder that is the root of a host; ``data`` is the data directory of its instance `production`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "var/lib/drift-telemetry/production"
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True)
        for name, text in _STAND_INS.items():
            (root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (root / "bin" / name).chmod(0o755)

    def paste(self, block: str) -> str:
        """Run a block, each line of which must succeed, and return what it prints."""
        ran = self._run(["bash", "-e", "-o", "pipefail"], block)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def paste_all(self, block: str) -> str:
        """Run all lines of a block, as a terminal does when one of them fails, and return what they print."""
        return self._run(["bash"], block).stdout

    def _run(self, shell: list[str], block: str) -> "subprocess.CompletedProcess[str]":
        block = re.sub(r"(?<![\w./])/(etc|var|opt|data)(?=[/ ])", rf"{self.root}/\1", block)
        block = re.sub(r"(?<=cd )/(?= )", str(self.root), block)
        environment = os.environ | {"PATH": f"{self.root}/bin:{os.environ['PATH']}", "ROOT": str(self.root)}
        return subprocess.run([*shell, "-c", block], env=environment, capture_output=True, text=True, check=False)
