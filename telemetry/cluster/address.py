"""The address of a ClickHouse cluster: ``clickhouse://[USER@]HOST[:PORT][,HOST[:PORT]...][/DATABASE][?OPTIONS]``.

The options are ``cluster`` (the name in the servers' ``remote_servers``; without it, the tables are on one server),
``secure`` (``yes`` is HTTPS) and ``ca`` (a file of authorities that sign the servers' certificates). The address cannot
hold a password: other users can see the arguments of a process.
"""

import re
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from telemetry.operator_errors import SettingsError

_EXAMPLE = "clickhouse://drift@ch1.example.org:8123,ch2.example.org:8123/drift?cluster=main"
_PORT, _SECURE_PORT = 8123, 8443
_PORT_MAX = 65_535
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?", re.ASCII)
_OPTIONS = ("cluster", "secure", "ca")


class ServerAddress(NamedTuple):
    """A server's HTTP interface."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ClusterAddress(NamedTuple):
    """Where the tables are. ``cluster`` is empty if they are on one server."""

    servers: tuple[ServerAddress, ...]
    user: str
    database: str
    cluster: str
    secure: bool
    ca: Path | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the parsed address; raise ``SettingsError`` naming the part that is wrong."""
        try:
            split = urlsplit(text)
        except ValueError:
            split = urlsplit("")
        if split.scheme != "clickhouse" or split.fragment:
            raise _wrong(text if "@" not in text else "it", f"is not an address such as {_EXAMPLE}")
        user, _, hosts = split.netloc.rpartition("@")
        if ":" in user:
            raise _wrong("the address", "holds a password: remove it, and give it as the credential cluster_password")
        options = dict(parse_qsl(split.query, keep_blank_values=True))
        for name in options.keys() - set(_OPTIONS):
            raise _wrong(f"option {name!r}", f"is not one of {', '.join(_OPTIONS)}")
        secure = _is_on(options.get("secure", "no"))
        database = split.path.strip("/") or "drift"
        cluster = options.get("cluster", "")
        for what, name in (("database", database), ("cluster", cluster or "_")):
            if not _NAME.fullmatch(name):
                raise _wrong(f"{what} {name!r}", "is not a name of letters, digits and _")
        port = _SECURE_PORT if secure else _PORT
        servers = tuple(_server(one.strip(), port) for one in hosts.split(","))
        ca = Path(options["ca"]) if options.get("ca") else None
        return cls(servers, unquote(user) or "default", database, cluster, secure, ca)


def _server(text: str, port: int) -> ServerAddress:
    found = _HOST.fullmatch(text)
    if found is None or not 0 < int(found["port"] or port) <= _PORT_MAX:
        raise _wrong(f"server {text!r}", "is not a host with a port, such as ch1.example.org:8123")
    return ServerAddress(found["host"].strip("[]"), int(found["port"] or port))


def _is_on(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise _wrong(f"secure={text}", "is neither yes nor no")
    return text == "yes"


def _wrong(what: str, fault: str) -> SettingsError:
    return SettingsError(f"setting cluster: {what} {fault}")
