"""The live strip: what a page says about today, which is not published yet. It is put in when the page is sent."""

from typing import NamedTuple

import htpy as h

from telemetry.web.pages.shelf import Rendered
from telemetry.wording import amount

LIVE_PLACE = h.fragment[h.p(id="live")]
_MARK = str(LIVE_PLACE).encode()


class LiveTotals(NamedTuple):
    """The events of the present UTC day, None if they are not known; and whether events are stored at present."""

    events_today: int | None
    is_storing: bool


def with_live(made: Rendered, live: LiveTotals) -> Rendered:
    """Return a page that says what is live; its ETag changes with what it says."""
    strip = str(_strip(live)).encode()
    name = f"{'' if live.events_today is None else live.events_today}-{live.is_storing:d}"
    return Rendered(made.body.replace(_MARK, strip), f'{made.etag[:-1]}-{name}"', made.is_there)


def _strip(live: LiveTotals) -> h.Element:
    if not live.is_storing:
        return h.p("#live.live.alarm")["Events cannot be stored at present; ", h.a(href="/v1/health")["why"], "."]
    if live.events_today is None:
        return h.p("#live.live")["Events are stored."]
    return h.p("#live.live")[f"Today so far: {amount(live.events_today, 'event')}, in the numbers tomorrow."]
