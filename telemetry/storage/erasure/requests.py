"""What may be asked of the eraser, and what it reports; both travel through the admin socket as JSON."""

from enum import StrEnum

import msgspec

from telemetry.catalogue.installations import is_placeholder
from telemetry.catalogue.shapes import is_installation_id


class ErasureKind(StrEnum):
    """What is taken away: the raw events alone, or the numbers they made too, for good.

    To undo an exclusion takes nothing away: new events count again.
    """

    FORGET = "forget"
    EXCLUDE = "exclude"
    UNDO = "undo"


class ErasureRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for; a dry run only reports."""

    installation: str
    kind: ErasureKind
    dry_run: bool = False

    def __post_init__(self) -> None:
        if is_placeholder(self.installation) or not is_installation_id(self.installation):
            raise ValueError("installation: not the id of one")


class Erased(msgspec.Struct):
    """What was erased, or would be: events by day, and how many rows of each table they have a part in.

    It is not ``finished`` if a stop has left some of it to the next start. ``undone`` tells whether an exclusion was.
    """

    kind: ErasureKind
    dry_run: bool
    events: dict[str, int]
    rows: dict[str, int]
    finished: bool = True
    undone: bool = False
