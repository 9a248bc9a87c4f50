"""A web server for a built book, as GitHub Pages is one: text travels gzipped; it counts what it sends."""

import functools
import gzip
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PACKED = {".html", ".css", ".js", ".svg", ".json", ".txt"}


@functools.cache
def body(path: Path) -> bytes:
    """What travels for a file."""
    data = path.read_bytes()
    return gzip.compress(data, 6, mtime=0) if path.suffix in PACKED else data


class Handler(SimpleHTTPRequestHandler):
    """Serves files below ``directory``, as GitHub Pages does."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        data = body(path)
        self.server.sent[self.path.partition("?")[0]] = len(data)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(data)))
        if path.suffix in PACKED:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, dict[str, int]]]:
    """The server's address, and the bytes sent so far by path (empty it to start a new count)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    server.sent = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", server.sent
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with serving(Path(sys.argv[1])) as (where, _):
        print(where, flush=True)
        threading.Event().wait()
