#!/usr/bin/env python3
"""Everything that a machine with a GPU should record for this book, in one run; without one, a small rehearsal.

    python benchmarks/gpu.py --list                     what there is to record, and what has been
    python benchmarks/gpu.py --minutes 9                everything, or as much as nine minutes allow
    python benchmarks/gpu.py --only step memory         these parts
    python benchmarks/gpu.py --quick --to /tmp/try      small sizes, to try the script itself (the rule without a GPU)

Each part has a file of its own, PART.json, in the folder of --to, with a row for each measurement. It is written anew,
in one step, after each row. The same command goes on where the last one ended: what is there is not measured again
(but with --again), what failed is. Trained runs lie in runs/, beside the files; those are for data/runs/, the files
for data/benchmarks/gpu/. Real images are looked for in the folder that ALEXBOOK_DATA or --data names, and nothing is
downloaded; --folder is a folder of photographs. PyTorch is needed; Keras is measured on each backend that is there.

Each part runs in a process of its own, so that memory, compilers' caches and crashes of one leave the others alone.
"""

import argparse
import json
import math
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "code"), str(ROOT / "benchmarks")]

from alexbook._files import replace_file  # noqa: E402
from gpu_common import Row, Rows, Setting, Skipped, against_step, summarize  # noqa: E402

FORMAT = "alexbook gpu 1"
PACKAGES = ("alexbook", "torch", "torchvision", "triton", "keras", "jax", "tensorflow", "numpy", "pillow", "pooch",
            "tqdm")


@dataclass(frozen=True)
class Part:
    """``rows`` is ``module.function``; with ``fresh`` the part is so cheap that it is always made anew."""

    title: str
    rows: str
    environment: dict[str, str] = field(default_factory=dict)
    fresh: bool = False

    def function(self) -> Callable[[Setting, dict[str, Row]], Rows]:
        """The generator of the part's rows; its module, and with it a framework, is imported only now."""
        module, _, name = self.rows.rpartition(".")
        function = getattr(import_module(module), name) if module else globals()[name]
        backend = self.environment.get("KERAS_BACKEND")
        return partial(function, backend) if backend else function


def _keras(backend: str, **more: str) -> Part:
    return Part(f"Keras's training step on {backend}", "gpu_keras.step", {"KERAS_BACKEND": backend} | more)


# In the order of what they are worth, should time run out.
PARTS = {
    "about": Part("the machine: device, memory, driver, versions", "about", fresh=True),
    "peak": Part("matrix products by precision, memory bandwidth", "gpu_torch.peak"),
    "equality": Part("the device's numbers against the processor's", "gpu_checks.equality"),
    "step": Part("PyTorch's training step by precision, layout and compiler", "gpu_torch.step"),
    "layers": Part("time of each layer of a step", "gpu_torch.layers"),
    "memory": Part("memory of a step, layer by layer, against the estimate", "gpu_checks.memory"),
    "pipeline": Part("the input pipeline against the step", "gpu_training.pipeline"),
    "keras-jax": _keras("jax", XLA_PYTHON_CLIENT_PREALLOCATE="false"),
    "keras-torch": _keras("torch"),
    "keras-tensorflow": _keras("tensorflow", TF_CPP_MIN_LOG_LEVEL="3"),
    "filters": Part("the filters that conv1 learns", "gpu_training.filters"),
    "experiments": Part("the ablations at full size, three seeds", "gpu_training.experiments_at_full_size"),
    "summary": Part("speedup over the tutorial's step; the paper's training at this speed", "summary", fresh=True),
}


# --- about and summary ------------------------------------------------------------------------------------------------

def about(setting: Setting, rows: dict[str, Row]) -> Rows:
    """What the figures depend on, and what is missing here."""
    yield "machine", _machine
    yield "device", _device
    yield "driver", _driver


def _machine() -> Row:
    from alexbook.runs import processor

    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return {"processor": processor(), "cores": os.cpu_count(), "system": platform.system(),
            "python": platform.python_version(), "packages": found}


def _device() -> Row:
    import torch

    if not torch.cuda.is_available():
        return {"name": "cpu", "count": 0, "threads": torch.get_num_threads()}
    card = torch.cuda.get_device_properties(0)
    return {"name": card.name, "count": torch.cuda.device_count(), "memory_bytes": card.total_memory,
            "compute_capability": [card.major, card.minor], "multiprocessors": card.multi_processor_count,
            "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}


def _driver() -> Row:
    asked = ("driver_version", "power.limit", "clocks.max.sm", "clocks.max.memory", "memory.total")
    command = ["nvidia-smi", f"--query-gpu={','.join(asked)}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Skipped(f"nvidia-smi gave no answer ({type(error).__name__})") from None
    return dict(zip(asked, (word.strip() for word in answer.splitlines()[0].split(",")), strict=True))


def summary(setting: Setting, rows: dict[str, Row]) -> Rows:
    """For each network: the best step against the tutorial's, at its batch and at any, and what 2012 would cost."""
    steps = [row for part in ("step", *(name for name in PARTS if name.startswith("keras")))
             for row in setting.rows(part).values() if "images_per_second" in row and row["finite"]]
    for name in setting.networks:
        yield name, partial(summarize, [row for row in steps if row["network"] == name], setting.batch)
    yield "pipeline", partial(against_step, setting.rows("pipeline"), steps)


# --- running ----------------------------------------------------------------------------------------------------------

def attempt(measure: Callable[[], Row]) -> Row:
    """A row, or in one line why there is none: a failure here must not cost the rows that follow."""
    try:
        row = measure()
        json.dumps(row, allow_nan=False)
        return row
    except Skipped as reason:
        return {"skipped": str(reason)}
    except ModuleNotFoundError as error:
        return {"skipped": f"the package {error.name} is not installed"}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}"}


def run(name: str, setting: Setting, again: bool = False) -> bool:
    """Measure what a part's file has not yet; returns whether all was tried before the time was over."""
    path = setting.to / f"{name}.json"
    found = {} if again or PARTS[name].fresh else setting.rows(name)
    found = {key: row for key, row in found.items() if "failed" not in row}

    def write(complete: bool) -> None:
        content = {"format": FORMAT, "part": name, "complete": complete, "quick": setting.quick,
                   "date": datetime.now(UTC).isoformat(timespec="seconds"), "rows": found}
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        replace_file(path, text.encode())

    try:
        rows = PARTS[name].function()(setting, found)
    except ModuleNotFoundError as error:
        rows = [(name, partial(_raise, error))]
    for key, measure in rows:
        if key in found:
            continue
        if time.time() >= setting.deadline:
            return False
        found[key] = attempt(measure)
        print(f"{name}: {key}: {brief(found[key])}", flush=True)
        write(complete=False)
    write(complete=not any("failed" in row for row in found.values()))
    return True


def _raise(error: Exception) -> Row:
    raise error


def brief(row: Row) -> str:
    """A row in a few words."""
    if word := next((word for word in ("failed", "skipped") if word in row), None):
        return f"{word}, {row[word]}"
    shown = ((key, value) for key, value in row.items() if isinstance(value, int | float | str | bool))
    return ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in shown)


def is_done(name: str, setting: Setting) -> bool:
    """Whether a part's file is there, whole, of this kind of run and without a failure."""
    path = setting.to / f"{name}.json"
    if PARTS[name].fresh or not path.exists():
        return False
    content = json.loads(path.read_text(encoding="utf-8"))
    return content["complete"] and content["quick"] == setting.quick


def run_apart(name: str, words: list[str], deadline: float) -> int:
    """A part in a process of its own, with all that it starts; a minute after the time is over it is ended."""
    environment = os.environ | PARTS[name].environment
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `timeout` leaves nothing behind
    process = subprocess.Popen([sys.executable, __file__, *words, "--only", name, "--inside"], env=environment,
                               start_new_session=True)
    try:
        return process.wait(None if deadline == math.inf else max(1.0, deadline + 60 - time.time()))
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            return -signal.SIGKILL
        raise


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    made.add_argument("--to", type=Path, default=Path("runs/gpu"), metavar="FOLDER", help="default: runs/gpu")
    made.add_argument("--again", action="store_true", help="measure again what is there already")
    made.add_argument("--minutes", type=float, default=math.inf, help="start nothing new after so many minutes")
    made.add_argument("--list", action="store_true", help="say what there is to do, and do nothing")
    made.add_argument("--quick", action="store_true", help="small sizes; always so without a GPU")
    made.add_argument("--data", type=Path, default=os.environ.get("ALEXBOOK_DATA"), help="a folder with datasets")
    made.add_argument("--folder", type=Path, help="a folder of photographs, one folder for each class")
    made.add_argument("--jobs", type=int, help="trainings side by side (default: one for two cores, at most 8)")
    made.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--until", type=float, help=argparse.SUPPRESS)
    return made


def has_gpu() -> bool:
    """Whether PyTorch sees a GPU, asked in another process, which leaves this one small."""
    code = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def main(words: list[str]) -> int:
    options = parser().parse_args(words)
    deadline = options.until or time.time() + 60 * options.minutes
    quick = options.quick or not has_gpu()
    jobs = options.jobs or max(1, min(8, (os.cpu_count() or 1) // 2))
    to, data, folder = (path and Path(path).expanduser().absolute() for path in
                        (options.to, options.data, options.folder))
    setting = Setting(to, quick, folder, data, jobs, deadline)
    chosen = [name for name in PARTS if not options.only or name in options.only]
    if options.inside:
        return 0 if all([run(name, setting, options.again) for name in chosen]) else 3  # noqa: C419 (each is run)
    given = ["--to", str(to), "--jobs", str(jobs), *["--quick"] * quick, *["--again"] * options.again,
             *(["--data", str(data)] if data else []), *(["--folder", str(folder)] if folder else []),
             *([] if deadline == math.inf else ["--until", str(deadline)])]
    left = []
    for name in chosen:
        done = is_done(name, setting) and not options.again
        if options.list:
            print(f"{name:17} {'done' if done else 'to do':6} {PARTS[name].title}")
        elif not done and (time.time() >= deadline or run_apart(name, given, deadline)):
            left.append(name)
    if left:
        print(f"Not finished: {', '.join(left)}. The same command goes on.")
    return 3 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
