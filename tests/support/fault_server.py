"""A web server on 127.0.0.1 that misbehaves on request: the first part of a path says how, the rest names the file."""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultServer:
    """Serves ``files`` (name -> bytes); ``url("404")`` is a mirror that answers 404. ``requests`` lists what was got.

    Faults: ok, redirect, circle, slow, corrupt, 404, 503, 503-once, truncate and truncate-once (end early), nolength
    (ends early, no Content-Length), deaf (never answers), stall (answers, never sends), stall-half; late is right, and
    answers after the others.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.requests: list[tuple[str, str]] = []  # fault, file
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

    def do_HEAD(self) -> None:
        _, fault, name = self.path.split("/", 2)
        if fault == "late":
            time.sleep(0.4)
        self.answer(fault, name)

    def do_GET(self) -> None:
        _, fault, name = self.path.split("/", 2)
        self.faults.requests.append((fault, name))
        self.faults.seen[self.path] += 1
        if fault.endswith("-once"):
            fault = fault.removesuffix("-once") if self.faults.seen[self.path] == 1 else "ok"
        if self.answer(fault, name):
            self.send_body(fault, self.faults.files[name])

    def answer(self, fault: str, name: str) -> bool:
        """Sends the head; whether a body is to follow."""
        self.close_connection = True
        if fault == "deaf":
            self.faults.closing.wait(60)
        elif fault.isdigit():
            self.send_error(int(fault))
        else:
            self.send_response(302 if fault in ("redirect", "circle") else 200)
            if fault in ("redirect", "circle"):
                self.send_header("Location", f"/{'ok' if fault == 'redirect' else fault}/{name}")
                self.send_header("Content-Length", "0")
            elif fault != "nolength":
                self.send_header("Content-Length", str(len(self.faults.files[name])))
            self.send_header("Connection", "close")
            self.end_headers()
            return fault not in ("redirect", "circle")
        return False

    def send_body(self, fault: str, body: bytes) -> None:
        if fault == "corrupt":
            body = bytes(byte ^ 255 for byte in body)
        if fault in ("truncate", "nolength", "stall-half"):
            body = body[:len(body) // 2]
        if fault == "slow":
            for place in range(0, len(body), max(1, len(body) // 40)):
                self.wfile.write(body[place:place + max(1, len(body) // 40)])
                time.sleep(0.05)
        elif fault != "stall":
            self.wfile.write(body)
        if fault in ("stall", "stall-half"):
            self.faults.closing.wait(60)
