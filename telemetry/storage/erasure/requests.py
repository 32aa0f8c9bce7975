"""Requests to the eraser and its reports; both pass through the admin socket as JSON."""

from enum import StrEnum

import msgspec

from telemetry.catalogue.installations import is_placeholder
from telemetry.catalogue.shapes import is_installation_id


class ErasureKind(StrEnum):
    """``forget`` erases raw events alone; ``exclude`` also subtracts what they added to the numbers, for good.

    ``undo`` ends an exclusion: new events of the installation count again.
    """

    FORGET = "forget"
    EXCLUDE = "exclude"
    UNDO = "undo"


class ErasureRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An order to erase an installation; a dry run only reports."""

    installation: str
    kind: ErasureKind
    dry_run: bool = False

    def __post_init__(self) -> None:
        if is_placeholder(self.installation) or not is_installation_id(self.installation):
            raise ValueError("installation: not the id of one")


class Erased(msgspec.Struct):
    """What was erased, or would be: events by day, and the number of rows of each table that they added to.

    It is not ``finished`` if a stop has left some of it to the next start. ``undone`` tells whether an exclusion was.
    """

    kind: ErasureKind
    dry_run: bool
    events: dict[str, int]
    rows: dict[str, int]
    finished: bool = True
    undone: bool = False
