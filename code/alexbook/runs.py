"""Recorded runs: what a training run did, as JSON, with everything needed to make it again."""

import base64
import json
import platform
import re
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from alexbook import _renamed, package_data
from alexbook._files import replace_file

FORMAT = "alexbook run 2"
EARLIER = ("alexbook run 1",)  # the same with other names


@dataclass(frozen=True, repr=False)
class Run:
    """One training run.

    ``curve`` has a row for each epoch: ``train_loss``, ``train_error`` (measured on the batches, while
    the network was learning), ``test_error``, both as shares of 1, and ``seconds``. ``confusion`` counts
    the last epoch's answers, a row for each true class; ``mistakes`` lists them: the test image's index,
    its class, the answer. :attr:`right` has all answers, right or wrong, in the test images' order.

    Where a run measured it, a row has ``train_error_evaluated``: the error on the training images as test images are
    seen. A run with ``extra_test`` has in its curve the errors on the official test images, and those on all in
    ``test_error``.
    """

    name: str
    command: str
    recipe: dict
    network: dict
    dataset: dict
    curve: list[dict]
    test_error: float
    confusion: list[list[int]]
    mistakes: list[list[int]] | None
    weights_sha256: str
    hardware: dict
    versions: dict[str, str]
    date: str
    seconds: float
    answers: str | None = None

    @property
    def right(self) -> np.ndarray:
        """Whether each test image was answered rightly, bool ``(images,)``; a run of before this was kept has none."""
        if self.answers is None:
            raise ValueError(f"{self.name} does not hold its answers image by image.")
        count = sum(map(sum, self.confusion))
        return np.unpackbits(np.frombuffer(base64.b64decode(self.answers), np.uint8), count=count).astype(bool)

    @property
    def class_error(self) -> float:
        """The mean of the classes' errors, in which a class counts as much with few test images as with many."""
        counts = np.array(self.confusion)
        return float(1 - (counts.diagonal() / counts.sum(axis=1)).mean())

    @property
    def framework(self) -> str:
        """``"torch"`` or ``"keras"``."""
        return self.recipe["framework"]

    @property
    def seed(self) -> int:
        """The seed of the initial weights and of the order of the images."""
        return self.recipe["seed"]

    def series(self, metric: str) -> np.ndarray:
        """One metric of the curve, such as ``"test_error"``, epoch by epoch."""
        known = list(self.curve[0])
        if metric not in known:
            raise ValueError(f"There is no metric {metric!r} in a curve; there are {', '.join(known)}.")
        return np.array([row[metric] for row in self.curve])

    def __repr__(self) -> str:
        return (f"<Run {self.name}: {len(self.curve)} epochs, {100 * self.test_error:.2f} % test error, "
                f"{self.date[:10]}>")

    def save(self, path: Path) -> None:
        """Write the run as JSON, in one step: no reader ever finds half a file.

        Halves of surrogate pairs, as the name of a class folder in Latin-1 has them, are written as JSON's escapes.
        """
        text = json.dumps({"format": FORMAT} | asdict(self), indent=1, ensure_ascii=False)
        replace_file(path, (_compact(text) + "\n").encode(errors="backslashreplace"))

    @classmethod
    def read(cls, path: Path) -> "Run":
        """The run in a file that :meth:`save` wrote, in any version; any other file raises ``ValueError``.

        What earlier versions called otherwise has the names of now: the recipe's fields, the command's options.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") not in (FORMAT, *EARLIER):
                raise KeyError
            content |= {"command": _renamed.command(content["command"]), "recipe": _renamed.recipe(content["recipe"]),
                        "dataset": _renamed.dataset(content["dataset"])}
            return cls(**{field.name: content[field.name] for field in fields(cls)
                          if field.name in content or field.default is MISSING})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path} is damaged or not a recorded run of this program.") from None


def _compact(text: str) -> str:
    """Indented JSON with its innermost lists and objects each on one line."""
    return re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda found: re.sub(r"\s*\n\s*", " ", found[0])
                  .replace("[ ", "[").replace(" ]", "]").replace("{ ", "{").replace(" }", "}"), text)


def names() -> list[str]:
    """The names of the recorded runs that the book ships."""
    return sorted(path.stem for path in (package_data.folder() / "runs").glob("*.json"))


def load(pattern: str = "*") -> list[Run]:
    """The recorded runs that the book ships, by their names.

    Args:
        pattern: A name, with ``*`` for any letters: ``"mnist-lenet5-torch-*"``.

    Returns:
        Those that match, in the order of their names.

    Raises:
        ValueError: Where none matches; the sentence lists those that there are.

    >>> [run.test_error for run in load("mnist-lenet5-torch-*")]
    [0.009, 0.0108, 0.0101]
    """
    known = names()
    found = [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        raise ValueError(f"There is no recorded run {pattern!r}; there are {', '.join(known) or 'none'}.")
    return [Run.read(package_data.folder() / "runs" / f"{name}.json") for name in found]


def summary(runs: Iterable[Run]) -> dict[str, float]:
    """Mean, least and greatest test error of runs that differ in their seeds.

    Args:
        runs: At least one.

    Returns:
        ``{"mean": ..., "least": ..., "greatest": ...}``, as shares of 1.
    """
    errors = [run.test_error for run in runs]
    return {"mean": float(np.mean(errors)), "least": min(errors), "greatest": max(errors)}


def processor() -> str:
    """The model of the processor, as the operating system gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()
