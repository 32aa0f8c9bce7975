"""Files of charts and badges: an exhibit as SVG, CSV or JSON, in the form and the colours that an address asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from telemetry.charts.drawing import NARROW, WIDE, Caption
from telemetry.charts.sparkline import sparkline
from telemetry.charts.theme import Theme
from telemetry.published.dashboard.overview import Overview
from telemetry.published.reading import PublicNumbers
from telemetry.web.answers import CORS_HEADERS
from telemetry.web.pages.badges import NO_VALUE, badge_of
from telemetry.web.pages.exhibits import Exhibit, no_exhibit
from telemetry.web.pages.shelf import Rendered, rendered
from telemetry.web.pages.subject_drawings import exhibit_of

_COURSE = "course-"
_KINDS = ("svg", "csv", "json")
_SHARED = CORS_HEADERS | {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin"}
# The style of a chart is in its file; nothing else is let in.
_SVG_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
FILE_HEADERS = {
    "svg": _SHARED | _SVG_POLICY | {"Content-Type": "image/svg+xml; charset=utf-8"},
    "csv": _SHARED | {"Content-Type": "text/csv; charset=utf-8"},
    "json": _SHARED | {"Content-Type": "application/json"},
}


@dataclass(frozen=True, slots=True)
class ChartFile:
    """What an address names: an exhibit and how it is wanted. It always answers: proxies of images keep errors."""

    name: str
    kind: str
    theme: Theme
    is_narrow: bool
    has_heading: bool

    def made_of(self, seen: Overview | None, numbers: PublicNumbers | None) -> Rendered:
        """Return the file; one without data says so, and is not kept."""
        if seen is None or numbers is None:
            return self._nothing()
        if self.name.startswith(_COURSE):
            return self._course(seen)
        exhibit = exhibit_of(self.name, seen, numbers)
        return rendered(self._written(exhibit)) if exhibit is not None else self._nothing()

    def _nothing(self) -> Rendered:
        return rendered(self._written(no_exhibit("")), is_there=False)

    def _written(self, exhibit: Exhibit) -> bytes:
        if self.kind == "csv":
            return exhibit.csv()
        if self.kind == "json":
            return exhibit.json()
        form = NARROW if self.is_narrow else WIDE
        return exhibit.svg(form, self.theme, heading=self.has_heading)

    def _course(self, seen: Overview) -> Rendered:
        figure = next((one for one in seen.figures if _COURSE + one.key == self.name), None)
        if figure is None:
            return self._nothing()
        caption = Caption(figure.name, f"{figure.shown}, {figure.about}.")
        return rendered(sparkline(caption, figure.course, theme=self.theme).encode())


@dataclass(frozen=True, slots=True)
class BadgeFile:
    """What an address of a badge names. It always answers, too."""

    name: str
    kind: str

    def made_of(self, seen: Overview | None, _numbers: PublicNumbers | None) -> Rendered:
        """Return the file; one that has no value says so, and is not kept."""
        made = badge_of(self.name, seen)
        return rendered(made.json() if self.kind == "json" else made.svg(), is_there=made.value != NO_VALUE)


def badge_file(address: str) -> BadgeFile:
    """Return what the last part of an address asks for: a picture, or JSON."""
    name, _, kind = address.rpartition(".")
    return BadgeFile(name, "json" if kind == "json" else "svg")


def chart_file(address: str, query: Mapping[str, str]) -> ChartFile:
    """Return what the last part of an address and its query ask for; what is not understood has its default.

    ``theme`` is light, dark or auto, ``form`` narrow or wide, ``heading`` 1 where a chart stands alone.
    """
    name, _, kind = address.rpartition(".")
    theme = next((one for one in Theme if one.value == query.get("theme")), Theme.AUTO)
    return ChartFile(
        name,
        kind if kind in _KINDS else "svg",
        theme,
        query.get("form") == "narrow",
        query.get("heading") == "1",
    )
