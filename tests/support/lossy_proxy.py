"""A proxy that loses replies: it hands a request on, and closes the connection in place of some of the answers."""

import http.client
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_TIMEOUT_S = 60


class LossyProxy:
    """Passes requests on to ``port``. ``share`` of the replies are lost; ``lost`` counts them."""

    def __init__(self, port: int, share: float, seed: int) -> None:
        self.share = share
        self.lost = 0
        self.asked = 0
        self._random = random.Random(seed)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(port))
        self.port = self._server.server_address[1]

    @contextmanager
    def running(self) -> Iterator["LossyProxy"]:
        thread = Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _loses(self) -> bool:
        self.asked += 1
        loses = self._random.random() < self.share
        self.lost += loses
        return loses

    def _handler(self, port: int) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
                with suppress(OSError, http.client.HTTPException):
                    connection.request("POST", self.path, body, dict(self.headers))
                    answer = connection.getresponse()
                    text = answer.read()
                    # Sums of tests are read from the servers themselves.
                    if not proxy._loses():
                        self.send_response(answer.status)
                        self.send_header("Content-Length", str(len(text)))
                        self.end_headers()
                        self.wfile.write(text)
                connection.close()
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
