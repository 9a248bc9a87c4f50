"""Downloading a file from one of several mirrors, with pooch: verified, resumed, and quick to say that it cannot."""

import itertools
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pooch
from tqdm import tqdm

PATIENCE = 3.5  # seconds until the first byte of the first file, over all mirrors together
STALL = 15.0  # seconds without a byte, once bytes have come
PAUSES = (0.0, 0.2, 0.5)  # seconds before each round through the mirrors
CHUNK = 1 << 14  # bytes


class NotDownloaded(Exception):
    """No mirror gave the file; why not is in :attr:`Download.tried`."""


class Download:
    """The downloads of one dataset: how long they may still wait for a sign of life, and what was tried.

    ``addresses`` is the number of mirrors there are in all; those not yet tried share the time that is left.
    """

    def __init__(self, addresses: int) -> None:
        self.tried: dict[str, str] = {}
        self._deadline = time.monotonic() + PATIENCE
        self._untried = addresses
        self._flowing = False

    def file(self, name: str, checksum: str, mirrors: list[str], folder: Path) -> Path:
        """The file from the first mirror that gives it whole, in ``folder``; one that is there is only verified.

        A broken transfer goes on where it stopped, also from another mirror: the checksum is of the whole file.
        """
        urls = [mirror + name for mirror in mirrors]
        for pause in PAUSES:
            time.sleep(pause)
            for url in tuple(urls):
                if self.tried and self._too_late():
                    break
                try:
                    return self._retrieve(url, name, checksum, folder)
                except (OSError, ValueError) as error:  # every error of requests is an OSError
                    self.tried[url], again = _explain(error)
                    if not again:
                        urls.remove(url)
            if not urls or self._too_late():
                break
        self.tried |= {url: "not tried, for lack of time" for url in urls if url not in self.tried}
        raise NotDownloaded

    def _too_late(self) -> bool:
        return not self._flowing and time.monotonic() > self._deadline

    def _retrieve(self, url: str, name: str, checksum: str, folder: Path) -> Path:
        part = folder / f"{name}.part"
        resumed = part.exists()
        stream = partial(self._stream, part=part)
        with _quiet_pooch():
            try:
                return Path(pooch.retrieve(url, checksum, name, folder, downloader=stream))
            except ValueError as error:
                if isinstance(error, OSError) or not resumed:
                    raise
            # What was resumed may have been wrong from the start: once more, and all of it.
            return Path(pooch.retrieve(url, checksum, name, folder, downloader=stream))

    def _stream(self, url: str, output_file: str, _: object, part: Path) -> None:
        """Fetch into ``part``, going on where it ends, then move it to the temporary file that pooch verifies."""
        import requests

        present = part.stat().st_size if part.exists() else 0
        seconds = STALL if self._flowing else self._share()
        try:
            response, chunks = _within(seconds, lambda: _ask(url, present, seconds))
        except requests.HTTPError as error:
            if error.response.status_code in (206, 416):  # the server has no such rest: next time from the start
                part.unlink(missing_ok=True)
            raise
        with response:
            self._flowing = True
            start = present if response.status_code == 206 else 0
            length = response.headers.get("Content-Length")
            total = start + int(length) if length else None
            with part.open("ab" if start else "wb") as file, _bar(Path(part.stem).name, start, total) as bar:
                for chunk in chunks:
                    file.write(chunk)
                    bar.update(len(chunk))
        if total is not None and part.stat().st_size < total:
            raise requests.ConnectionError("the file ended early")
        os.replace(part, output_file)

    def _share(self) -> float:
        share = max(0.1, self._deadline - time.monotonic()) / max(1, self._untried)
        self._untried -= 1
        return share


def _ask(url: str, present: int, seconds: float) -> tuple:
    """The response to a request for what comes after ``present`` bytes, and its chunks, of which one has arrived."""
    import requests

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={present}-"} if present else {})
    response = requests.get(url, headers=headers, stream=True, timeout=(seconds, STALL))
    response.raise_for_status()
    if response.status_code == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {present}-"):
        raise requests.HTTPError("a part that was not asked for", response=response)
    chunks = _chunks(response)
    return response, itertools.chain([next(chunks, b"")], chunks)


def _chunks(response) -> Iterator[bytes]:
    """The body as it was sent, never decompressed on the way; errors are those of requests."""
    import requests
    import urllib3

    try:
        yield from response.raw.stream(CHUNK, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError:
        raise requests.ReadTimeout("stopped sending") from None
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(str(error)) from None


def _within(seconds: float, ask) -> tuple:
    """What ``ask`` returns, or TimeoutError; in a thread, since looking up a name cannot be interrupted."""
    answers, abandoned = queue.SimpleQueue(), threading.Event()

    def run() -> None:
        try:
            answer = ask()
        except BaseException as error:  # raised again below, by the thread that waits
            answer = error
        answers.put(answer)
        if abandoned.is_set() and isinstance(answer, tuple):
            answer[0].close()

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        abandoned.set()
        raise TimeoutError(f"no answer within {seconds:.1f} s") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _explain(error: Exception) -> tuple[str, bool]:
    """What went wrong in a few words, and whether it is worth asking the same mirror again."""
    import requests

    if isinstance(error, requests.HTTPError):
        status = error.response.status_code
        return f"answered {status} {error.response.reason}", status >= 500 or status in (206, 408, 416, 429)
    if isinstance(error, requests.TooManyRedirects):
        return "redirects in a circle", False
    if isinstance(error, TimeoutError):
        return str(error), True
    if isinstance(error, requests.Timeout):
        return "stopped answering", True
    if isinstance(error, ValueError):
        return "sent a file with a wrong checksum", False
    if "resolve" in str(error):
        return "its name could not be resolved", True
    if isinstance(error, requests.ConnectionError):
        return "no connection, or one that broke off", True
    return str(error), True


def _bar(name: str, start: int, total: int | None) -> tqdm:
    return tqdm(desc=f"downloading {name}", initial=start, total=total, unit="B", unit_scale=True, leave=False,
                mininterval=0.5)


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """pooch announces each download and its folder; here the progress bar does."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)
