"""Reference client: a queue on the disk, batches of 100, patience, and a way out. Needs the standard library alone."""

import json
import os
import random
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

BATCH, QUEUED_MAX, TRIES, PATIENCE_S = 100, 1_000, 3, 10


class Telemetry:
    """Records events in a folder of the user's. With DO_NOT_TRACK set, nothing is recorded, kept or sent."""

    def __init__(self, url: str, folder: Path, version: str) -> None:
        self.url, self.version, self.queue, self.id = f"{url}/v1/events", version, folder / "queue", folder / "id"
        self.is_on = os.environ.get("DO_NOT_TRACK", "0") in ("", "0")
        self.context = "ci" if any(map(os.environ.get, ("CI", "TF_BUILD", "JENKINS_URL"))) else "human"
        folder.mkdir(parents=True, exist_ok=True)
        if self.is_on and not self.id.exists():
            self.id.write_text(str(uuid.uuid4()))

    def record(self, kind: str, **fields: object) -> None:
        """Queue an event."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self.is_on:
            base = {"type": kind, "timestamp": now, "installationId": self.id.read_text(), "driftVersion": self.version}
            with self.queue.open("a") as queue:
                queue.write(json.dumps({**base, "context": self.context, **fields}) + "\n")

    def waiting(self) -> list[str]:
        """Return what would be sent, oldest first: show it to a user who asks."""
        return self.queue.read_text().splitlines()[-QUEUED_MAX:] if self.queue.exists() else []

    def send(self) -> None:
        """Send what waits, and keep what is not taken for the next time. Call it when the command is done."""
        if not self.is_on:
            self.queue.unlink(missing_ok=True)
        elif self.queue.exists():
            claimed = self.queue.rename(self.queue.with_suffix(f".{os.getpid()}"))  # No other process sends it too.
            lines = claimed.read_text().splitlines()[-QUEUED_MAX:]
            while lines and self._post(lines[:BATCH]):
                lines = lines[BATCH:]
            with self.queue.open("a") as queue:
                queue.writelines(f"{line}\n" for line in lines)
            claimed.unlink()

    def _post(self, lines: list[str]) -> bool:
        """Return whether a batch is done with: it was taken, or would be refused each time."""
        body = f'{{"events":[{",".join(lines)}]}}'.encode()
        for attempt in range(TRIES):
            wait_s = 2**attempt * random.random()
            try:
                with urlopen(Request(self.url, body, {"Content-Type": "application/json"}), timeout=5) as answer:
                    return "eventsProcessed" in json.load(answer)
            except HTTPError as error:
                if error.code in (400, 413):  # Find the event that is at fault, and give up that one alone.
                    half = len(lines) // 2
                    return not half or (self._post(lines[:half]) and self._post(lines[half:]))
                asked = error.headers.get("Retry-After", "0")
                wait_s = max(wait_s, int(asked) if asked.isdigit() else 0)
            except (OSError, ValueError):  # Nobody answers, or not in JSON.
                pass
            if wait_s > PATIENCE_S:
                return False
            time.sleep(wait_s if attempt < TRIES - 1 else 0)
        return False
