"""Downloading a dataset's files with pooch, verified, from the first of several mirrors that gives them."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pooch
from tqdm import tqdm

PATIENCE = 3.5  # seconds in which a mirror has to answer at all
STALL = 15.0  # seconds without a byte
RETRIES = 2  # more tries of each file at one mirror

pooch.get_logger().setLevel("WARNING")  # it announces each download and its folder; here the progress bar does


class NotDownloaded(Exception):
    """No mirror gave the files; ``tried`` says why not, by address."""

    def __init__(self, tried: dict[str, str]) -> None:
        super().__init__(tried)
        self.tried = tried


def fetch(files: dict[str, str | None], mirrors: Sequence[str], folder: Path) -> None:
    """Put the files (name -> checksum) into the folder; those that are there and whole stay as they are."""
    import requests

    missing = [file for file, checksum in files.items() if not _is_whole(folder / file, checksum)]
    if not missing:
        return
    tried = {mirror + missing[0]: f"no answer within {PATIENCE} s" for mirror in mirrors}
    for mirror, problem in _answers(mirrors, missing[0]):
        file = missing[0]
        try:
            if problem:
                raise problem
            source = pooch.create(folder, mirror, registry=files, retry_if_failed=RETRIES)
            for file in missing:
                with tqdm(desc=f"downloading {file}", total=1, unit="B", unit_scale=True, leave=False, delay=1) as bar:
                    # pooch sets the total. Never decompressed on the way: the checksum is of what is stored.
                    source.fetch(file, downloader=pooch.HTTPDownloader(
                        bar, 1 << 16, timeout=(PATIENCE, STALL), headers={"Accept-Encoding": "identity"}))
            return
        except (requests.RequestException, ValueError) as error:
            tried[mirror + file] = _explain(error)
    raise NotDownloaded(tried)


def _is_whole(path: Path, checksum: str | None) -> bool:
    return path.is_file() and (checksum is None or pooch.hashes.hash_matches(str(path), checksum))


def _answers(mirrors: Sequence[str], file: str) -> Iterator[tuple[str, Exception | None]]:
    """The mirrors in the order in which they answer, each with the error that was the answer, for some seconds.

    All are asked at once, in threads: looking up a name cannot be interrupted.
    """
    import requests

    answers: queue.SimpleQueue = queue.SimpleQueue()

    def ask(mirror: str) -> None:
        try:
            requests.head(mirror + file, timeout=PATIENCE, allow_redirects=True)
        except Exception as error:
            answers.put((mirror, error))
        else:
            answers.put((mirror, None))

    deadline = time.monotonic() + PATIENCE
    for mirror in mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    for _ in mirrors:
        try:
            yield answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return


def _explain(error: Exception) -> str:
    """What went wrong, in a few words."""
    import requests

    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy set here does not answer or refuses"
    if isinstance(error, requests.Timeout) or "timed out" in reason:
        return "stopped answering"
    if "hash of downloaded file" in reason:
        return "sent a file with a wrong checksum"
    if "resolve" in reason:
        return "its name could not be resolved"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return "no connection, or one that broke off"
    return reason
