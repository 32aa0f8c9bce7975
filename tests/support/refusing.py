"""A server that answers as it is told, as a service without room does."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def refusing(*statuses: int) -> Iterator[tuple[str, list[bytes]]]:
    """Answer requests with each of the statuses in turn, and with the last one from then on; a 200 is a receipt."""
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status = statuses[min(len(bodies), len(statuses)) - 1]
            receipt = {"success": True, "eventsProcessed": len(json.loads(bodies[-1])["events"])}
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(json.dumps(receipt if status == 200 else {"error": "Too busy"}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", bodies
        finally:
            server.shutdown()
            thread.join()
