"""The fields that are read of benchmark reports, in their two formats."""

from typing import Any

import msgspec
from msgspec.structs import asdict

from telemetry.catalogue.timestamps import parse_timestamp
from telemetry.clock import iso_milliseconds
from telemetry.errors import ErrorCode, Refusal

ReportedNumber = float
_DETAIL_LENGTH_MAX = 160
_YEAR_10000 = 253_402_300_800
# Greater numbers are milliseconds: as seconds, they would be after the year 5138.
_MILLISECONDS_MIN = 100_000_000_000


class _Scored(msgspec.Struct):
    score: ReportedNumber | None = None


class CiBenchLevel(msgspec.Struct):
    """A level of CIBench: its score from 0 to 100, and those of its categories."""

    score: ReportedNumber | None = None
    categories: dict[str, ReportedNumber | _Scored | None] = {}


class CiBenchCorpus(msgspec.Struct, rename="camel"):
    """What CIBench found in one corpus. ``errors`` and ``warnings`` are only counted."""

    corpus: str
    overall_score: ReportedNumber | None = None
    levels: dict[str, CiBenchLevel | None] = {}
    calibration: dict[str, ReportedNumber | None] | None = None
    probes: dict[str, ReportedNumber | None] | None = None
    errors: list[msgspec.Raw] = []
    warnings: list[msgspec.Raw] = []


class _PhaseNumbers(msgspec.Struct):
    duration_us: ReportedNumber | None = None
    items_processed: ReportedNumber | None = None
    bytes_processed: ReportedNumber | None = None
    items_per_second: ReportedNumber | None = None
    bytes_per_second: ReportedNumber | None = None
    us_per_item: ReportedNumber | None = None


class DriftBenchPhase(_PhaseNumbers, kw_only=True):
    """A phase of drift-bench."""

    name: str
    sub_metrics: dict[str, ReportedNumber | None] = {}

    def numbers(self) -> dict[str, ReportedNumber | None]:
        """Return the numbers that every phase has, by name."""
        return {name: value for name, value in asdict(self).items() if name in _PhaseNumbers.__struct_fields__}


class _Fixture(msgspec.Struct):
    size_label: str


class _Regression(msgspec.Struct):
    regressed: bool | None = None


class _Tool(msgspec.Struct):
    name: str
    version: str | None = None


class BenchmarkReport(
    msgspec.Struct, rename={"overall_score": "overallScore", "version_in_camel_case": "driftVersion"}
):
    """A report of either benchmark: CIBench sends ``corpora``, drift-bench sends ``phases``."""

    timestamp: str | ReportedNumber
    tool: str | _Tool | None = None
    version: str | None = None
    drift_version: str | None = None
    version_in_camel_case: str | None = None
    corpora: list[CiBenchCorpus] | None = None
    overall_score: ReportedNumber | None = None
    duration: ReportedNumber | None = None
    phases: list[DriftBenchPhase] | None = None
    kpis: dict[str, ReportedNumber | dict[str, ReportedNumber | None] | None] = {}
    fixture: _Fixture | None = None
    regressions: list[_Regression] | None = None

    def tool_name(self) -> str | None:
        """Return the name of the tool, if it is sent."""
        return self.tool.name if isinstance(self.tool, _Tool) else self.tool

    def tool_version(self) -> str | None:
        """Return the version of the tool, if one is sent under any of its names."""
        own = self.tool.version if isinstance(self.tool, _Tool) else None
        return own or self.version or self.drift_version or self.version_in_camel_case


_decode = msgspec.json.Decoder(BenchmarkReport).decode


def decode_report(body: bytes) -> BenchmarkReport:
    """Return the report in a body; raise ``Refusal`` if the body is not a report."""
    try:
        report = _decode(body)
    except msgspec.ValidationError as error:
        # msgspec's message has places and types, never a value.
        raise Refusal(ErrorCode.FEEDBACK_INVALID, detail=str(error)[:_DETAIL_LENGTH_MAX]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(ErrorCode.INVALID_JSON) from None
    if report.corpora is None and report.phases is None:
        raise Refusal(ErrorCode.FEEDBACK_INVALID, detail="it has neither corpora nor phases")
    return report


def reported_at(sent: Any) -> str | None:
    """Return a time as RFC 3339, given as RFC 3339 or as Unix seconds or milliseconds; None if it is neither."""
    if isinstance(sent, str):
        if not (sent.isascii() and sent.isdigit()):
            return sent if parse_timestamp(sent) is not None else None
        sent = float(sent)
    seconds = sent / 1_000 if sent >= _MILLISECONDS_MIN else sent
    return iso_milliseconds(seconds) if 0 <= seconds < _YEAR_10000 else None
