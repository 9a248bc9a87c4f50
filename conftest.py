"""What holds for every test of the project, and for the notebooks that nbval re-runs."""

import os

import alexbook  # before any framework, which a test module may import first
import pytest

# Each notebook's kernel is a process of its own, and two run side by side: one thread for each, asleep as it waits.
os.environ.update(
    OMP_NUM_THREADS="1",
    OMP_WAIT_POLICY="passive",
    TF_NUM_INTRAOP_THREADS="1",
    TF_NUM_INTEROP_THREADS="1",
    TF_CPP_MIN_LOG_LEVEL="3",
)
# A kernel has a backend of its own, which shows figures in the notebook; clusters and containers often name another.
os.environ.pop("MPLBACKEND", None)


def pytest_collectstart(collector: pytest.Collector) -> None:
    """All that a cell shows is compared, except stderr and pictures (nbval leaves out those of pixels by itself)."""
    if collector.path.suffix == ".ipynb" and hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr", "image/svg+xml")
