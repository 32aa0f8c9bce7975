"""What a scripted life writes to standard output, so that a recording has it in order with the writes."""

import json
import os
from collections.abc import Sequence

from tests.support.events import Fields
from tests.support.oracle import Raw


def tell_batch(batch: list[Fields]) -> None:
    """Tell that a batch was acknowledged."""
    _tell({"batch": batch})


def tell_begun(kind: str, rows: Sequence[Raw]) -> None:
    """Tell that events are about to be taken back: from now on they may be gone, all of them."""
    _tell({"begun": kind, "rows": rows})


def tell_finished(kind: str) -> None:
    """Tell that they are gone."""
    _tell({"finished": kind})


def _tell(notice: Fields) -> None:
    os.write(1, json.dumps([notice]).encode())
