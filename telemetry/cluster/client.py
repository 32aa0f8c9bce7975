"""A client of a cluster: one request at a time, sent to the first of its servers that answers."""

import base64
import http.client
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import TypeVar
from urllib.parse import urlencode

from telemetry import __version__
from telemetry.cluster.address import ClusterAddress, ServerAddress
from telemetry.cluster.text import from_line
from telemetry.operator_errors import SettingsError

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 120.0
DDL_TIMEOUT_S = "5"
SORTED_IN_MEMORY_BYTES_MAX = "1000000000"
_OK = 200
_REASON_BYTES_MAX = 300
_CODE = re.compile(rb"Code: (\d+)")
_CODE_HEADER = "X-ClickHouse-Exception-Code"
_UNKNOWN_TABLE, _UNKNOWN_DATABASE = 60, 81
_TIMED_OUT = 159
# Only settings that a server knows are sent to it: it refuses others.
_INSERT_SETTINGS = {
    "insert_distributed_sync": "1",
    "async_insert": "0",
    # Otherwise a server would drop a block that is sent again after an erasure as a duplicate of the first one.
    "insert_deduplicate": "0",
}
_NONE: Mapping[str, str] = {}

_Answer = TypeVar("_Answer")


class ClusterError(Exception):
    """A server refused a request, or none could be reached. ``code`` is ClickHouse's, 0 where it gave none."""

    def __init__(self, sentence: str, code: int = 0) -> None:
        super().__init__(sentence)
        self.code = code

    @property
    def lacks_tables(self) -> bool:
        """Whether the tables have to be made."""
        return self.code in {_UNKNOWN_TABLE, _UNKNOWN_DATABASE}


class ClusterClient:
    """Sends statements to the first server that answers. A server that fails moves to the end of the list."""

    def __init__(self, address: ClusterAddress, password: str) -> None:
        self.address = address
        self.sent_bytes = 0
        self._servers = list(address.servers)
        self._insert_settings: dict[ServerAddress, dict[str, str]] = {}
        self._tls = _tls_context(address)
        credentials = base64.b64encode(f"{address.user}:{password}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {credentials}",
            "User-Agent": f"drift-telemetry/{__version__}",
            "Connection": "close",
        }

    def execute(self, sql: str) -> None:
        """Execute a statement on one server; raise ``ClusterError``."""
        self._first(lambda server: list(self._ask(server, sql)))

    def execute_everywhere(self, sql: str) -> None:
        """Execute a statement on all servers; those that are down execute it when they are back."""
        settings = {"distributed_ddl_task_timeout": DDL_TIMEOUT_S} if self.address.cluster else {}

        def hand_out(server: ServerAddress) -> None:
            try:
                list(self._ask(server, sql, settings))
            except ClusterError as error:
                # The server queued the statement for all; only waiting for those that are down timed out.
                if error.code != _TIMED_OUT:
                    raise

        self._first(hand_out)

    def rows(self, sql: str) -> list[list[str]]:
        """Return the rows of a query; raise ``ClusterError``."""
        found = self._first(lambda server: list(self._ask(server, sql)))
        return [[value.decode(errors="replace") for value in row] for row in found]

    def stream(self, sql: str) -> Iterator[list[bytes]]:
        """Return the rows of a query as they arrive. ``ClusterError`` may be raised after the first rows."""

        def begin(server: ServerAddress) -> Iterator[list[bytes]]:
            found = self._ask(server, sql, {"max_bytes_before_external_sort": SORTED_IN_MEMORY_BYTES_MAX})
            # Read the first row here: if this server fails, the next one is tried.
            first = list(islice(found, 1))
            return chain(first, found)

        return self._first(begin)

    def number_on_each(self, sql: str) -> list[int]:
        """Return the number that each server answers a query with; raise ``ClusterError`` if one does not answer."""
        return [int(next(self._ask(server, sql))[0]) for server in self.address.servers]

    def insert(self, table: str, columns: str, compressed: bytes) -> None:
        """Insert rows, given as lines compressed with gzip. When this returns, every shard has its rows."""
        sql = f"INSERT INTO {self.address.database}.{table} ({columns}) FORMAT TabSeparated"
        self._first(lambda server: self._insert_at(server, sql, compressed))
        self.sent_bytes += len(compressed)

    def _first(self, ask: Callable[[ServerAddress], _Answer]) -> _Answer:
        """Return the answer of the first server that does not fail; raise the error of the last one if all fail."""
        failed: ClusterError | None = None
        for server in list(self._servers):
            try:
                return ask(server)
            except ClusterError as error:
                failed = error
                self._servers.remove(server)
                self._servers.append(server)
                # The server may have another version when it is back.
                self._insert_settings.pop(server, None)
        assert failed is not None  # An address names a server.
        raise failed

    def _ask(self, server: ServerAddress, sql: str, settings: Mapping[str, str] = _NONE) -> Iterator[list[bytes]]:
        with _telling(server), self._post(server, sql.encode(), settings) as answer:
            if answer.status != _OK or answer.getheader(_CODE_HEADER):
                raise _refused(server, answer, shown=True)
            for line in answer:
                # Older servers report an error in the middle of an answer like this.
                if line.startswith(b"Code: ") and b"DB::Exception" in line:
                    raise ClusterError(f"{server} has failed: {line[:_REASON_BYTES_MAX].decode(errors='replace')}")
                yield from_line(line.removesuffix(b"\n"))

    def _insert_at(self, server: ServerAddress, sql: str, compressed: bytes) -> None:
        settings = {"query": sql, **self._settings_of(server)}
        with _telling(server), self._post(server, compressed, settings, {"Content-Encoding": "gzip"}) as answer:
            # The server's message may quote a row: keep events out of the log.
            if answer.status != _OK or answer.getheader(_CODE_HEADER) or answer.peek(1):
                raise _refused(server, answer, shown=False)

    def _post(
        self, server: ServerAddress, body: bytes, settings: Mapping[str, str], headers: Mapping[str, str] = _NONE
    ) -> http.client.HTTPResponse:
        connection: http.client.HTTPConnection = (
            http.client.HTTPConnection(*server, timeout=CONNECT_TIMEOUT_S)
            if self._tls is None
            else http.client.HTTPSConnection(*server, timeout=CONNECT_TIMEOUT_S, context=self._tls)
        )
        connection.connect()
        connection.sock.settimeout(ANSWER_TIMEOUT_S)
        connection.request("POST", f"/?{urlencode(settings)}", body, {**self._headers, **headers})
        # From here on, closing the answer closes the connection.
        return connection.getresponse()

    def _settings_of(self, server: ServerAddress) -> dict[str, str]:
        """Return the settings of an insert that a server knows."""
        if (known := self._insert_settings.get(server)) is None:
            found = {row[0].decode() for row in self._ask(server, "SELECT name FROM system.settings")}
            known = {name: value for name, value in _INSERT_SETTINGS.items() if name in found}
            self._insert_settings[server] = known
        return known


def _tls_context(address: ClusterAddress) -> ssl.SSLContext | None:
    if not address.secure:
        return None
    try:
        return ssl.create_default_context(cafile=address.ca)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"setting cluster: cannot read the authorities in {address.ca}: {error}") from error


@contextmanager
def _telling(server: ServerAddress) -> Iterator[None]:
    """Raise ``ClusterError`` for errors of the connection."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise ClusterError(f"{server} cannot be reached ({reason})") from error


def _refused(server: ServerAddress, answer: http.client.HTTPResponse, *, shown: bool) -> ClusterError:
    text, code = answer.read(_REASON_BYTES_MAX), 0
    with suppress(ValueError):
        code = int(answer.getheader(_CODE_HEADER) or 0)
    if not code and (found := _CODE.search(text)):
        code = int(found[1])
    what = f"code {code}" if code else f"status {answer.status}"
    said = f": {text.decode(errors='replace').strip()}" if shown and text else ""
    return ClusterError(f"{server} refuses with {what}{said}", code)
