"""A web server on 127.0.0.1 that misbehaves on request: the first part of a path says how, the rest names the file."""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultServer:
    """Serves ``files`` (name -> bytes); ``url("404")`` is a mirror that answers 404. ``requests`` lists what came in.

    Faults: ok, norange (ignores Range), nolength (no Content-Length, ends early), truncate, truncate-once, corrupt,
    corrupt-half (wrong bytes, then ends early), 404, 503, 503-once, stall (accepts, never answers), stall-body (headers
    only), stall-half, redirect, circle, slow.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.requests: list[tuple[str, str, str | None]] = []  # fault, file, Range
        self.seen: Counter[str] = Counter()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"faults": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, fault: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{fault}/"

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    faults: FaultServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        _, fault, name = self.path.split("/", 2)
        self.faults.requests.append((fault, name, self.headers["Range"]))
        self.faults.seen[self.path] += 1
        if fault.endswith("-once"):
            fault = fault.removesuffix("-once") if self.faults.seen[self.path] == 1 else "ok"
        if fault == "stall":
            self.faults.closing.wait(60)
        elif fault.isdigit():
            self.send_error(int(fault))
        elif fault in ("redirect", "circle"):
            self.send_response(302)
            self.send_header("Location", f"/{'ok' if fault == 'redirect' else 'circle'}/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_file(fault, self.faults.files[name])

    def send_file(self, fault: str, content: bytes) -> None:
        whole = len(content)
        start = int(self.headers.get("Range", "bytes=0-").split("=")[1].rstrip("-")) if fault != "norange" else 0
        if start >= whole:
            self.send_error(416)
            return
        if fault.startswith("corrupt"):
            content = bytes(byte ^ 255 for byte in content)
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if fault != "nolength":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.send_body(fault, body)

    def send_body(self, fault: str, body: bytes) -> None:
        half = body[:len(body) // 2]
        if fault == "stall-body":
            self.faults.closing.wait(60)
        elif fault == "slow":
            for place in range(0, len(body), max(1, len(body) // 40)):
                self.wfile.write(body[place:place + max(1, len(body) // 40)])
                time.sleep(0.05)
        elif fault in ("truncate", "corrupt-half", "nolength", "stall-half"):
            self.wfile.write(half)
            if fault == "stall-half":
                self.faults.closing.wait(60)
        else:
            self.wfile.write(body)
