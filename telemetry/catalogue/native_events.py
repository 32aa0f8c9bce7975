"""The events of version 2 of the tool, and of its parts in Rust.

No release of the tool defines the fields of these events, so their names are the service's own. Fields may be missing;
further fields that the tool sends are kept as any unknown field is. The unit is the last part of a name.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from msgspec import Meta
from msgspec.structs import replace

from telemetry.catalogue.documents import whole
from telemetry.catalogue.event import Event, fits_label
from telemetry.catalogue.fields import Count, CountByLabel, Duration, Label, Language, Share

_PHASES_MAX = 16


class NativeEvent(Event, frozen=True):
    """What the events of version 2 have in common."""

    since = 2
    # Fields that are labels or have labels as keys, and fields that may be fractions.
    labelled: ClassVar[tuple[str, ...]] = ()
    measured: ClassVar[tuple[str, ...]] = ("duration_ms",)

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        found: list[str] = []
        for value in (getattr(self, name) for name in self.labelled):
            found += [value] if isinstance(value, str) else value or ()
        return tuple(filter(None, found))

    def as_stored(self) -> Self:
        """Return a well-shaped event as it is stored: its timestamp in the stored form, whole numbers as integers."""
        stored = super().as_stored()
        values = {name: getattr(stored, name, None) for name in self.measured}
        changes = {name: whole(value) for name, value in values.items() if isinstance(value, float)}
        return replace(stored, **changes) if changes else stored

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether the fields that this class adds are well shaped and in stored form in all of its ``events``."""
        if any(isinstance(getattr(event, name, None), float) for event in events for name in cls.measured):
            return False
        return all(fits_label(label) for event in events for label in event.labels())


class WorkspaceInit(NativeEvent, frozen=True):
    """A project was set up for the tool."""

    labelled = ("languages",)

    files_total: Count | None = None
    total_size_bytes: Count | None = None
    languages: CountByLabel | None = None


class ScanCompleted(NativeEvent, frozen=True):
    """One finished scan of version 2 and its cost."""

    labelled = ("status", "languages")

    duration_ms: Duration | None = None
    files_total: Count | None = None
    files_added: Count | None = None
    files_modified: Count | None = None
    files_removed: Count | None = None
    files_unchanged: Count | None = None
    errors_count: Count | None = None
    status: Label | None = None
    cache_hit_rate: Share | None = None
    total_size_bytes: Count | None = None
    memory_peak_bytes: Count | None = None
    languages: CountByLabel | None = None


class QualityGateCheck(NativeEvent, frozen=True):
    """Quality gates were checked."""

    passed: bool | None = None
    gates_total: Count | None = None
    gates_failed: Count | None = None
    violations: Count | None = None
    duration_ms: Duration | None = None


class McpServerStarted(NativeEvent, frozen=True):
    """The server for agents was started."""

    labelled = ("transport",)

    transport: Label | None = None
    tools_total: Count | None = None
    duration_ms: Duration | None = None


class CliCommand(NativeEvent, frozen=True):
    """A command was run; only its name, never its arguments."""

    labelled = ("command",)

    command: Label | None = None
    succeeded: bool | None = None
    duration_ms: Duration | None = None


class ErrorEncountered(NativeEvent, frozen=True):
    """An error, by its code; never its text."""

    labelled = ("code", "component")

    code: Label | None = None
    component: Label | None = None
    recovered: bool | None = None


class LicenseTierActive(NativeEvent, frozen=True):
    """The licence that the tool runs with."""

    labelled = ("tier",)

    tier: Label | None = None


class CiDetected(NativeEvent, frozen=True):
    """The tool runs in a pipeline."""

    labelled = ("provider",)

    provider: Label | None = None


class RustScanCompleted(NativeEvent, frozen=True):
    """One finished scan of the part in Rust."""

    labelled = ("languages",)

    duration_ms: Duration | None = None
    files_total: Count | None = None
    languages: CountByLabel | None = None


class RustParseError(NativeEvent, frozen=True):
    """Files of a language that the parser in Rust could not read."""

    labelled = ("language", "code")

    language: Language | None = None
    errors: Count | None = None
    code: Label | None = None


class RustAnalysisCompleted(NativeEvent, frozen=True):
    """One finished analysis: how long its phases took, and the size of its results."""

    analysis_time_us: Count | None = None
    phase_times_us: Annotated[list[Count], Meta(max_length=_PHASES_MAX)] | None = None
    call_graph_size: Count | None = None
    coupling_size: Count | None = None
    boundaries_size: Count | None = None


class NapiBridgeLatency(NativeEvent, frozen=True):
    """Calls over the bridge between JavaScript and Rust: how many, and how long all of them waited."""

    labelled = ("function",)

    function: Label | None = None
    calls: Count | None = None
    duration_us: Count | None = None


class ParseTiming(NativeEvent, frozen=True):
    """Parsing of the files of a language: how many, and how long all of them took."""

    labelled = ("language",)

    language: Language
    files: Count
    parse_time_us: Count
    detect_time_us: Count | None = None
    errors: Count | None = None


class NativeCalls(NativeEvent, frozen=True):
    """Calls of a native function: how many, and how long all of them took."""

    labelled = ("function",)

    function: Label
    calls: Count
    duration_us: Count
    errors: Count | None = None


NativeEvents = (
    WorkspaceInit
    | ScanCompleted
    | QualityGateCheck
    | McpServerStarted
    | CliCommand
    | ErrorEncountered
    | LicenseTierActive
    | CiDetected
    | RustScanCompleted
    | RustParseError
    | RustAnalysisCompleted
    | NapiBridgeLatency
    | ParseTiming
    | NativeCalls
)
