"""The benchmark of a training step: what fails costs itself alone, and what is measured is there at once."""

import pytest
import step_common
import training_step


@pytest.fixture(scope="module")
def benchmark():
    """The two modules of the script."""
    return training_step, step_common


class Pretended:
    """A process that answers from a table: job -> its answers, one after the other, the last one for ever."""

    def __init__(self, **answers: list[dict]) -> None:
        self.answers, self.about = answers, {"jobs": [job for job in answers if job != "hidden"], "versions": {}}

    def do(self, job: str) -> dict:
        left = self.answers[job]
        return dict(left.pop(0) if len(left) > 1 else left[0])


SECOND = {"seconds": 1.0, "processor_seconds": 1.0}
PEAK = {"1024": 2e11, "2048": 3e11}


def test_a_job_that_fails_costs_itself_alone(benchmark, capsys) -> None:
    training_step, _ = benchmark
    children = {"torch": Pretended(good=[SECOND], bad=[SECOND, {"failed": "CppCompileError: ld"}], peak=[PEAK]),
                "keras": Pretended(worse=[{"failed": "it ended"}])}
    *_, found = training_step.measure(children, 2)
    assert {key: len(turns) for key, turns in found.items()} == {"torch: good": 2, "torch: peak": 2}
    said = capsys.readouterr().err
    assert "torch: bad is left out: CppCompileError: ld" in said and "keras: worse is left out: it ended" in said
    row = training_step.result(found, 128)["steps"]["torch: good"]
    assert row["seconds"] == 1 and row["images_per_second"] == 128


def test_partial_results_come_after_each_job_with_progress(benchmark, capsys) -> None:
    training_step, _ = benchmark
    children = {"torch": Pretended(first=[SECOND], second=[SECOND], peak=[PEAK])}
    measured = training_step.measure(children, 1)
    found = next(measured)
    assert list(found) == ["torch: first"] and training_step.result(found, 10)["peak_flops_per_second"] == 3e11
    assert "turn 1 of 1, job 1: torch: first, 1.00 s" in capsys.readouterr().err
    assert len(next(measured)) == 2


def test_without_a_peak_nothing_is_measured(benchmark) -> None:
    training_step, _ = benchmark
    with pytest.raises(SystemExit, match="peak could not be measured: gone"):
        next(training_step.measure({"torch": Pretended(peak=[{"failed": "gone"}])}, 1))


def test_job_is_made_once_and_its_failure_is_a_sentence(benchmark) -> None:
    _, step_common = benchmark
    made = []
    job = step_common.lazily(lambda: made.append(1) or (lambda: {"is": "done"}))
    assert made == []
    assert [step_common.timed(job) for _ in range(2)] == [{"is": "done"}] * 2 and made == [1]

    def broken():
        raise ValueError("The recipe's compile cannot link.\nmore")
    assert step_common.timed(step_common.lazily(broken)) == {"failed": "ValueError: The recipe's compile cannot link."}


def test_a_process_that_ends_is_a_failure(benchmark, tmp_path) -> None:
    training_step, _ = benchmark
    script = tmp_path / "ends.py"
    script.write_text("print('{\"jobs\": [\"a\"], \"versions\": {}}', flush=True)\ninput()\n")
    child = training_step.Child(1, 2, script)
    assert "ends.py ended before it answered" in child.do("a")["failed"]
    assert "failed" in child.do("a")
    child.close()
