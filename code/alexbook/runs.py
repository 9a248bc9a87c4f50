"""Recorded runs: what a training run did, as JSON, with everything needed to make it again.

>>> for run in load("mnist-lenet5-*"):
...     print(run.name, run.test_error)
"""

import json
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from alexbook import checkpoints, resources

FORMAT = "alexbook run 1"


@dataclass(frozen=True, repr=False)
class Run:
    """One training run.

    ``curve`` has a row for each epoch: ``train_loss``, ``train_error`` (measured on the batches, while
    the network was learning), ``test_error``, both as shares of 1, and ``seconds``. ``confusion`` counts
    the last epoch's answers, a row for each true class; ``mistakes`` lists them: the test image's place,
    its class, the answer.
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

    @property
    def framework(self) -> str:
        """``"torch"`` or ``"keras"``."""
        return self.recipe["framework"]

    @property
    def seed(self) -> int:
        """The seed of the initial weights and of the order of the images."""
        return self.recipe["seed"]

    def series(self, figure: str) -> np.ndarray:
        """One figure of the curve, such as ``"test_error"``, epoch by epoch."""
        known = list(self.curve[0])
        if figure not in known:
            raise ValueError(f"There is no figure {figure!r} in a curve; there are {', '.join(known)}.")
        return np.array([row[figure] for row in self.curve])

    def __repr__(self) -> str:
        return (f"<Run {self.name}: {len(self.curve)} epochs, {100 * self.test_error:.2f} % test error, "
                f"{self.date[:10]}>")

    def save(self, path: Path) -> None:
        """Write the run as JSON, in one step: no reader ever finds half a file."""
        text = json.dumps({"format": FORMAT} | asdict(self), indent=1, ensure_ascii=False)
        checkpoints.replace_file(path, (_compact(text) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> "Run":
        """The run in a file that :meth:`save` wrote; any other file raises ``ValueError``."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise KeyError
            return cls(**{field.name: content[field.name] for field in fields(cls)})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{path} is damaged or not a recorded run of this program.") from None


def _compact(text: str) -> str:
    """Indented JSON with its innermost lists and objects each on one line."""
    return re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda found: re.sub(r"\s*\n\s*", " ", found[0])
                  .replace("[ ", "[").replace(" ]", "]").replace("{ ", "{").replace(" }", "}"), text)


def names() -> list[str]:
    """The names of the recorded runs that the book ships."""
    return sorted(path.stem for path in (resources.folder() / "runs").glob("*.json"))


def load(pattern: str = "*") -> list[Run]:
    """The recorded runs whose names match, as ``"mnist-lenet5-torch-*"`` does, in the names' order.

    Where none matches, a ``ValueError`` lists those that there are.
    """
    known = names()
    found = [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        raise ValueError(f"There is no recorded run {pattern!r}; there are {', '.join(known) or 'none'}.")
    return [Run.read(resources.folder() / "runs" / f"{name}.json") for name in found]


def summary(runs: Iterable[Run]) -> dict[str, float]:
    """Mean, least and greatest test error of runs that differ in their seeds."""
    errors = [run.test_error for run in runs]
    return {"mean": float(np.mean(errors)), "least": min(errors), "greatest": max(errors)}


def processor() -> str:
    """The model of the processor, as the operating system gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)[1].strip()
    except (OSError, TypeError):
        return platform.processor() or platform.machine()
