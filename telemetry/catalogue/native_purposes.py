"""Purposes of the fields of version 2's events."""

from telemetry.catalogue.purpose import DETECTION, PERFORMANCE, PRODUCT, RELEASES, Purpose

_DURATIONS = ("durations", "automated_durations")
_LANGUAGES = Purpose("Relates the cost to the languages; files by language.", PERFORMANCE)

OF_NATIVE_TYPE: dict[str, dict[str, Purpose]] = {
    "workspace_init": {
        "filesTotal": Purpose("Shows how large new projects are.", PRODUCT),
        "totalSizeBytes": Purpose("Shows how large new projects are.", PRODUCT),
        "languages": Purpose("Shows in which languages new projects are; files by language.", PRODUCT),
    },
    "scan_completed": {
        "durationMs": Purpose("Shows how long scans take.", PERFORMANCE, _DURATIONS),
        "filesTotal": Purpose("Relates the duration to the work.", PERFORMANCE),
        "filesAdded": Purpose("Relates the duration to the work.", PERFORMANCE),
        "filesModified": Purpose("Relates the duration to the work.", PERFORMANCE),
        "filesRemoved": Purpose("Relates the duration to the work.", PERFORMANCE),
        "filesUnchanged": Purpose("Tells incremental scans from full ones.", PERFORMANCE, _DURATIONS),
        "errorsCount": Purpose("Shows how often files cannot be read.", DETECTION),
        "status": Purpose("Shows how often a scan ends early.", PERFORMANCE),
        "cacheHitRate": Purpose("Shows what the cache saves.", PERFORMANCE),
        "totalSizeBytes": Purpose("Relates the duration to the work.", PERFORMANCE),
        "memoryPeakBytes": Purpose("Shows how much memory a scan needs.", PERFORMANCE),
        "languages": _LANGUAGES,
    },
    "quality_gate_check": {
        "passed": Purpose("Shows how often gates hold.", PRODUCT),
        "gatesTotal": Purpose("Shows how many gates are used.", PRODUCT),
        "gatesFailed": Purpose("Shows how often gates hold.", PRODUCT),
        "violations": Purpose("Shows how much a gate finds.", DETECTION),
        "durationMs": Purpose("Shows how long gates take.", PERFORMANCE),
    },
    "mcp_server_started": {
        "transport": Purpose("Shows which transports to support.", PRODUCT),
        "toolsTotal": Purpose("Shows how many of the server's tools are turned on.", PRODUCT),
        "durationMs": Purpose("Shows how long a start takes.", PERFORMANCE),
    },
    "cli_command": {
        "command": Purpose("Shows which commands are used.", PRODUCT),
        "succeeded": Purpose("Shows which commands fail.", PRODUCT),
        "durationMs": Purpose("Shows how long commands take.", PERFORMANCE),
    },
    "error_encountered": {
        "code": Purpose("Shows which errors to mend first.", RELEASES),
        "component": Purpose("Shows where errors come from.", RELEASES),
        "recovered": Purpose("Tells errors that stop the tool from others.", RELEASES),
    },
    "license_tier_active": {"tier": Purpose("Shows which features have users.", PRODUCT)},
    "ci_detected": {"provider": Purpose("Shows which pipelines to support.", PRODUCT)},
    "rust.scan.completed": {
        "durationMs": Purpose("Shows how long scans in Rust take.", PERFORMANCE, _DURATIONS),
        "filesTotal": Purpose("Relates the duration to the work.", PERFORMANCE),
        "languages": _LANGUAGES,
    },
    "rust.parse.error": {
        "language": Purpose("Shows which parsers to mend first.", DETECTION),
        "errors": Purpose("Shows which parsers to mend first.", DETECTION),
        "code": Purpose("Shows what the parser stumbled over.", DETECTION),
    },
    "rust.analysis.completed": {
        "analysisTimeUs": Purpose("Shows how long an analysis takes.", PERFORMANCE, _DURATIONS),
        "phaseTimesUs": Purpose("Shows which phase takes longest.", PERFORMANCE),
        "callGraphSize": Purpose("Relates the duration to the work.", PERFORMANCE),
        "couplingSize": Purpose("Relates the duration to the work.", PERFORMANCE),
        "boundariesSize": Purpose("Relates the duration to the work.", PERFORMANCE),
    },
    "napi.bridge.latency": {
        "function": Purpose("Shows which calls wait.", PERFORMANCE, _DURATIONS),
        "calls": Purpose("Makes the time of one call of the time of all.", PERFORMANCE, _DURATIONS),
        "durationUs": Purpose("Shows how long calls wait.", PERFORMANCE, _DURATIONS),
    },
    "parse_timing": {
        "language": Purpose("Compares parsers.", PERFORMANCE, _DURATIONS),
        "files": Purpose("Makes the time of one file of the time of all.", PERFORMANCE, _DURATIONS),
        "parseTimeUs": Purpose("Shows how long parsing takes.", PERFORMANCE, _DURATIONS),
        "detectTimeUs": Purpose("Shows how long detectors take after parsing.", PERFORMANCE),
        "errors": Purpose("Shows which parsers to mend first.", DETECTION),
    },
    "native_calls": {
        "function": Purpose("Compares native functions.", PERFORMANCE, _DURATIONS),
        "calls": Purpose("Makes the time of one call of the time of all.", PERFORMANCE, _DURATIONS),
        "durationUs": Purpose("Shows how long native functions take.", PERFORMANCE, _DURATIONS),
        "errors": Purpose("Shows which functions fail.", RELEASES),
    },
}  # fmt: skip
