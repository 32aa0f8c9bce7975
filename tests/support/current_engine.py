"""The current engine of ClickHouse behind HTTP: ``python current_engine.py FOLDER``, in the environment that has chdb.

The engine runs in this process. It prints its port, and answers one request at a time until its input ends.
"""

import base64
import gzip
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER = "drift"
PASSWORD = "a password that must not be seen"


class Handler(BaseHTTPRequestHandler):
    """Speaks as much of ClickHouse's HTTP interface as a client of tests needs."""

    session: Any
    folder: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            return self._answer(401, b"Code: 516. DB::Exception: Authentication failed")
        given = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        sql = given.pop("query", "")
        try:
            for name, value in given.items():
                self.session.query(f"SET {name} = {value}")
            if sql:
                rows = self.folder / "rows.tsv"
                rows.write_bytes(gzip.decompress(body))
                sql = sql.replace(" FORMAT ", f" FROM INFILE '{rows}' FORMAT ")
            found = self.session.query(sql or body.decode(), "TabSeparated").bytes()
        except Exception as error:
            return self._answer(500, str(error).encode())
        return self._answer(200, found or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main() -> None:
    """Answer until the input ends."""
    from chdb.session import Session  # noqa: PLC0415 - only the environment of this process has it

    Handler.folder = Path(sys.argv[1])
    Handler.session = Session(str(Handler.folder / "engine"))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
