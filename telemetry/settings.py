"""The settings: every limit and default an operator may change, in one place.

They come from a TOML file, the environment and command-line flags, the later ones stronger.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from telemetry.networks.addresses import Networks
from telemetry.networks.forwarded import hop_reader
from telemetry.networks.hosts import read_hosts
from telemetry.operator_errors import SettingsError

ENVIRONMENT_PREFIX = "TELEMETRY_"
CONFIG_VARIABLE = "TELEMETRY_CONFIG"
# Where systemd puts what a unit names in LoadCredential.
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"

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
            description="Addresses to listen on, a list; `*` is all of both IP versions, `unix:/PATH` is a socket.",
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
    flush_interval_s: Annotated[Seconds, Meta(description="How often counters go into the aggregates.")] = 5.0
    flush_keys_max: Annotated[Positive, Meta(description="Counters beyond this are flushed early.")] = 100_000
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
        Meta(
            ge=0, le=366, description="An event that is older than that is looked for among those of this many days ..."
        ),
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
    disk_bytes_max: Annotated[
        int, Meta(ge=0, description="Bytes of all files beyond which events are refused; 0 is no limit.")
    ] = 0
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

DATA_ROOT = "/var/lib/drift-telemetry"


def load(flags: Mapping[str, Any], variables: Mapping[str, str] = os.environ, config: Path | None = None) -> Settings:
    """Return the effective settings; raise ``SettingsError`` naming the first unknown or malformed one.

    ``flags`` that are None were not given. ``config`` defaults to the file that ``TELEMETRY_CONFIG`` names, if any.
    """
    if config is None and CONFIG_VARIABLE in variables:
        config = Path(variables[CONFIG_VARIABLE])
    given = _read_file(config) if config is not None else {}
    given |= _read_credentials(variables)
    given |= {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in variables.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name != CONFIG_VARIABLE
    }
    given |= {name: value for name, value in flags.items() if value is not None}
    environment = given.get("environment", "development")
    defaults = {} if environment == "development" else {"data_dir": f"{DATA_ROOT}/{environment}"}
    try:
        settings = msgspec.convert(defaults | given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{_explain(error)}: see `telemetry config` for all settings") from error
    for smaller, larger in _NOT_ABOVE:
        if getattr(settings, smaller) > getattr(settings, larger):
            raise SettingsError(f"setting {smaller}: it must not be above {larger}")
    if environment != "development" and settings.retention_days < _RETENTION_DAYS_MIN:
        raise SettingsError(
            f"setting retention_days: {settings.retention_days} is too short, public numbers are made of four weeks of "
            f"events: set it to {_RETENTION_DAYS_MIN} or more"
        )
    if settings.admin_port and not settings.admin_token and not _is_loopback(settings.admin_host):
        raise SettingsError("setting admin_token: it is needed when admin_host can be reached from other hosts")
    _check_hosts("host", settings.host)
    _check_networks("trusted_proxies", settings.trusted_proxies)
    _check_header("client_address_header", settings.client_address_header)
    return settings


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} is not valid TOML: {error}") from error


def _read_credentials(variables: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name in (setting.name for setting in describe() if setting.secret):
        file = Path(variables.get(CREDENTIALS_VARIABLE, "/nonexistent"), name)
        try:
            secret = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read the credential {file}: write a line of text to it") from error
        if not secret:
            raise SettingsError(f"the credential {file} is empty: write the setting {name} to it")
        found[name] = secret
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_hosts(name: str, text: str) -> None:
    try:
        read_hosts(text)
    except ValueError as error:
        raise SettingsError(f"setting {name}: {error}: list addresses such as 127.0.0.1, ::1") from error


def _check_networks(name: str, text: str) -> None:
    try:
        Networks(text)
    except ValueError as error:
        raise SettingsError(f"setting {name}: {error}: list networks such as 127.0.0.1/32, ::1/128") from error


def _check_header(name: str, header: str) -> None:
    try:
        hop_reader(header)
    except ValueError as error:
        raise SettingsError(f"setting {name}: {error}: give one such as X-Forwarded-For or Forwarded") from error


def _explain(error: msgspec.ValidationError) -> str:
    message = str(error)
    problem, separator, place = message.rpartition(" - at `$.")
    if separator:
        return f"setting {place.rstrip('`')}: {problem[0].lower()}{problem[1:]}"
    return message.replace("Object contains unknown field", "unknown setting")


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
