"""The settings: every limit and default an operator may change, in one place."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from telemetry.networks.addresses import Networks
from telemetry.networks.forwarded import hop_reader
from telemetry.networks.hosts import read_hosts

Environment = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=10_000_000)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an operator may set. Units come last in a name; ``_max`` marks a bound."""

    environment: Annotated[
        Environment, Meta(description="Name of the instance; any other than `development` has production's defaults.")
    ] = "development"
    host: Annotated[
        str,
        Meta(
            min_length=1,
            description="Addresses to listen on, separated by commas; `*` is all of both IPs, `unix:/PATH` a socket.",
        ),
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on; 0 takes any free one.")] = 8787
    data_dir: Annotated[str, Meta(min_length=1, description="Folder of the databases.")] = "data"
    admin_host: Annotated[str, Meta(min_length=1, description="Address to serve metrics on, if on a port.")] = (
        "127.0.0.1"
    )
    admin_port: Annotated[Port, Meta(description="Port to serve metrics on; 0 serves them on `admin.sock` only.")] = 0
    admin_token: Annotated[
        str,
        Meta(
            description="What the metrics port asks for. No flag: other users see the flags of a process.",
            extra_json_schema={"writeOnly": True},
        ),
    ] = ""
    feedback_token: Annotated[
        str,
        Meta(
            description="What a benchmark report brings along so that its results are public at once. No flag.",
            extra_json_schema={"writeOnly": True},
        ),
    ] = ""
    id_key: Annotated[
        str,
        Meta(
            pattern=r"^([0-9A-Fa-f]{64})?$",
            description="Key of hashed installation ids, 64 hexadecimal digits; without it, that in `id.key`. No flag.",
            extra_json_schema={"writeOnly": True},
        ),
    ] = ""
    log_format: Annotated[
        Literal["auto", "json", "text"],
        Meta(description="`auto` is JSON lines, but text on a terminal or in development."),
    ] = "auto"
    synchronous: Annotated[
        Literal["FULL", "NORMAL"],
        Meta(description="`FULL` survives a power cut; `NORMAL` can lose the last acknowledged events in one."),
    ] = "FULL"
    flush_interval_s: Annotated[
        Seconds,
        Meta(description="How often counters go into the aggregates; up to six times as long when flushes are slow."),
    ] = 5.0
    flush_keys_max: Annotated[
        Positive,
        Meta(description="Counters beyond this are flushed early; up to 2.5 times this if `telemetry.db` is large."),
    ] = 100_000
    counter_keys_max: Annotated[
        Positive, Meta(description="Counters beyond this, when flushes fail, refuse new batches.")
    ] = 500_000
    daily_labels_max: Annotated[
        int, Meta(ge=8, description="Distinct labels counted under a name of their own, by prefix and day.")
    ] = 1_000
    daily_signatures_max: Annotated[
        int, Meta(ge=0, description="New rows of `signature_counts` by day; what is new beyond them counts as `other`.")
    ] = 100_000
    batch_events_max: Annotated[Positive, Meta(description="Events in one batch.")] = 100
    batch_events_v2_max: Annotated[Positive, Meta(description="Events in one batch of version 2 of the tool.")] = 1_000
    batch_events_retry_max: Annotated[
        int, Meta(ge=0, description="Events in a batch whose body comes again within ten minutes; 0 turns this off.")
    ] = 5_000
    body_bytes_max: Annotated[Positive, Meta(description="Size of one request body.")] = 4_194_304
    reading_bytes_max: Annotated[
        Positive,
        Meta(description="Bytes of requests that are still arriving, and of answers that wait for their clients."),
    ] = 67_108_864
    body_timeout_s: Annotated[Seconds, Meta(description="Time for one request body to arrive.")] = 10.0
    keepalive_timeout_s: Annotated[Seconds, Meta(description="Time before an idle connection is closed.")] = 15.0
    shutdown_timeout_s: Annotated[Seconds, Meta(description="Time for requests in flight when stopping.")] = 5.0
    rate_limit_requests_per_minute: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="Requests a minute from one client network; 0 is no limit.")
    ] = 600
    rate_limit_burst: Annotated[Positive, Meta(description="Requests at once from one client network.")] = 600
    rate_limit_clients_max: Annotated[Positive, Meta(description="Client networks remembered at the same time.")] = (
        100_000
    )
    trusted_proxies: Annotated[
        str, Meta(description="Networks of proxies that speak for their clients, such as `127.0.0.1/32, ::1/128`.")
    ] = ""
    client_address_header: Annotated[
        str, Meta(description="The only header of theirs that is believed: a list of addresses, or `Forwarded`.")
    ] = "X-Forwarded-For"
    queue_events_max: Annotated[Positive, Meta(description="Events waiting for their commit.")] = 20_000
    queue_bytes_max: Annotated[Positive, Meta(description="Bytes of bodies waiting for their commit.")] = 16_777_216
    duplicate_window_s: Annotated[
        Seconds, Meta(description="An event sent again within this time is not stored again ...")
    ] = 600.0
    duplicate_window_events: Annotated[
        Positive, Meta(description="... nor within this many events, whichever is shorter.")
    ] = 400_000
    resend_window_days: Annotated[
        int,
        Meta(ge=0, le=366, description="An event with an older timestamp is compared with those of this many days ..."),
    ] = 7
    resend_window_events: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000_000,
            description="... and this many events, 15 bytes each, whichever is shorter; 0 of either is off.",
        ),
    ] = 2_000_000
    wal_alarm_bytes: Annotated[
        Positive, Meta(description="Size of the write-ahead logs above which a warning is logged.")
    ] = 134_217_728
    retention_days: Annotated[
        int,
        Meta(
            ge=1,
            le=36_500,
            description="How long events are kept, in production 35 days at least; older timestamps are rejected.",
        ),
    ] = 90
    cluster: Annotated[
        str,
        Meta(
            description="ClickHouse to forward to, such as `clickhouse://drift@ch1:8123,ch2:8123/drift?cluster=main`."
        ),
    ] = ""
    cluster_password: Annotated[
        str,
        Meta(description="Password of the cluster's user. No flag.", extra_json_schema={"writeOnly": True}),
    ] = ""
    publish_from: Annotated[
        Literal["log", "cluster"],
        Meta(description="Public numbers are made from the `log`, or by `telemetry publish` from a `cluster`."),
    ] = "log"
    forward_interval_s: Annotated[Seconds, Meta(description="How often what was counted is forwarded.")] = 5.0
    disk_bytes_max: Annotated[
        int, Meta(ge=0, description="Bytes of all files beyond which events are refused; 0 is no limit.")
    ] = 0
    datasets_dir: Annotated[
        str, Meta(description="Folder of exported data sets that `/datasets/` lists; without it there is no such page.")
    ] = ""
    dataset_licence: Annotated[
        str,
        Meta(
            pattern=r"^([A-Za-z0-9][A-Za-z0-9.+-]{0,63}|https?://[^\s\"<>()]{1,200})?\Z",
            description="Licence of exported data sets: an SPDX identifier such as `CC-BY-4.0`, or an address.",
        ),
    ] = ""
    dataset_creator: Annotated[
        str,
        Meta(max_length=200, description="Who publishes exported data sets: the name of a project or an organisation."),
    ] = ""
    dataset_url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s\"<>()]{1,200})?\Z",
            description="Address of the page where exported data sets are found.",
        ),
    ] = ""


# A batch or a body larger than what may wait would be refused for ever.
_NOT_ABOVE = (
    ("batch_events_max", "queue_events_max"),
    ("body_bytes_max", "queue_bytes_max"),
    ("body_bytes_max", "reading_bytes_max"),
)

# Public numbers of four weeks are made from the raw events of their days, and days are sealed a while after their end.
_RETENTION_DAYS_MIN = 35

LISTS = frozenset({"host", "trusted_proxies"})
"""Settings that hold several values, separated by commas; a settings file may have a list of texts instead."""

OF_FORWARDING = frozenset({"cluster", "forward_interval_s"})
"""Settings that the service itself does not read."""

DATA_ROOT = "/var/lib/drift-telemetry"


class Problem(NamedTuple):
    """What is wrong with a setting: a sentence that says what to do."""

    setting: str
    sentence: str


def default_data_dir(environment: str) -> str:
    """Return the default data directory of an environment."""
    return Settings().data_dir if environment == Settings().environment else f"{DATA_ROOT}/{environment}"


def inconsistencies(settings: Settings) -> Iterator[Problem]:
    """Find settings that contradict each other, or have the right type but no meaning."""
    for smaller, larger in _NOT_ABOVE:
        if getattr(settings, smaller) > getattr(settings, larger):
            yield Problem(smaller, f"it must not be above {larger}, which is {getattr(settings, larger)}")
    if settings.environment != Settings().environment and settings.retention_days < _RETENTION_DAYS_MIN:
        yield Problem(
            "retention_days",
            f"{settings.retention_days} is too short, public numbers are made of four weeks of events: set it to "
            f"{_RETENTION_DAYS_MIN} or more",
        )
    if settings.admin_port and not settings.admin_token and not _is_loopback(settings.admin_host):
        yield Problem("admin_token", "it is needed when admin_host can be reached from other hosts")
    for name, read, example in (
        ("host", read_hosts, "separate addresses by commas, as in 127.0.0.1, ::1"),
        ("trusted_proxies", Networks, "separate networks by commas, as in 127.0.0.1/32, ::1/128"),
        ("client_address_header", hop_reader, "give one such as X-Forwarded-For or Forwarded"),
    ):
        try:
            read(getattr(settings, name))
        except ValueError as error:
            yield Problem(name, f"{error}: {example}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Described(NamedTuple):
    """A setting as documentation shows it."""

    name: str
    kind: str
    default: str
    description: str
    secret: bool


def describe() -> list[Described]:
    """Return every setting with its type, default and description, in the order of ``Settings``."""
    properties = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    return [
        Described(name, _kind(schema), str(schema["default"]) or '""', schema["description"], "writeOnly" in schema)
        for name, schema in properties.items()
    ]


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(schema["enum"])
    return {"string": "TEXT", "integer": "INTEGER", "number": "SECONDS"}[schema["type"]]
