"""The page about moving an old host name, and a host that answers as its recipes are to be tried with."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "cut-over.md").read_text()
OLD, NEW = "old.example.org", "telemetry.example.org"
# Status, location and body.
Redirect = tuple[int, str, bytes]


def blocks(language: str) -> list[str]:
    """Return the texts of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


# A block that is added to the page has to be added to a test, too.
NGINX_REDIRECT, NGINX_MAP, NGINX_FORWARDED, CLOUDFLARE_GEO, CLOUDFLARE_REAL_IP = blocks("nginx")
CADDY_REDIRECT, CADDY_FORWARDED = blocks("caddyfile")
(WORKER,) = blocks("js")
CHECK, CLOUDFLARE_SCRIPT = blocks("sh")


@contextmanager
def answering(answers: Mapping[str, Redirect]) -> Iterator[str]:
    """Answer requests for each path until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, location, body = answers[self.path]
            self.send_response(status)
            self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)
