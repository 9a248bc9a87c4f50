"""Names of before: old options, records, checkpoints and keyword arguments against those of now."""

import json
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
from alexbook import _renamed, cli, package_data
from alexbook.runs import Run
from alexbook.training import checkpoints, experiments, record, run
from alexbook.training.recipe import FRAMEWORKS, KINDS, Recipe, usual

# What the version before had, in its order, with values that differ from the defaults.
BEFORE = {"network": "alexnet_small", "dataset": "cifar10", "framework": "keras", "epochs": 7, "batch_size": 32,
          "optimizer": "sgd", "rate": 0.02, "momentum": 0.8, "decay": 0.001, "schedule": "drops", "pixels": "2012",
          "grey": True, "holdout": 10, "seed": 3, "changes": ["no-lrn", "tanh"], "images": 500, "extra_test": True,
          "drops": [2, 5], "patience": 4, "velocity": "paper", "bias_rate": 2.0, "crop": 4, "shift": False,
          "flip": True, "color": 0.1, "views": 10, "precision": "bfloat16", "until": 0.25, "compile": True,
          "layout": "channels_last", "measure_training": True}
LATER = ("per_class", "rest", "split", "j")  # fields that there were not yet
OLD = ("train alexnet_small cifar10 --framework keras --epochs 7 --batch-size 32 --rate 0.02 --momentum 0.8 "
       "--decay 0.001 --schedule drops --pixels 2012 --grey --holdout 10 --seed 3 --changes no-lrn tanh --images 500 "
       "--extra-test --drops 2 5 --patience 4 --velocity paper --bias-rate 2.0 --crop 4 --no-shift --flip --color 0.1 "
       "--views 10 --precision bfloat16 --until 0.25 --compile --measure-training")
RECIPE = Recipe("alexnet_small", "cifar10", "keras", epochs=7, batch_size=32, lr=0.02, momentum=0.8, weight_decay=0.001,
                schedule="milestones", pixels="2012", gray=True, holdout=10, seed=3, changes=("no-lrn", "tanh"),
                images=500, extra_test=True, milestones=(2, 5), patience=4, momentum_form="paper", bias_lr_factor=2.0,
                crop=4, shift=False, flip=True, color=0.1, views=10, precision="bfloat16", until=0.25, compile=True,
                measure_training=True)


def meant(line: str) -> Recipe:
    """The recipe that the words of a command mean."""
    options = vars(cli.parser().parse_args(line.split()))
    return usual(**{name: value for name, value in options.items() if name in KINDS})


def test_every_field_has_a_help_and_an_option() -> None:
    assert all(each.metadata["help"] for each in fields(Recipe))
    assert [*_renamed.recipe(BEFORE), *LATER] == [each.name for each in fields(Recipe)]
    assert set(_renamed.FIELDS.values()) <= set(KINDS) and not set(_renamed.FIELDS) & set(KINDS)
    assert "".join(str(each.metadata["help"]) for each in fields(Recipe)[:2]) in Recipe.__doc__.replace(
        ".\n        dataset: ", "")


def test_old_options_mean_what_new_ones_mean() -> None:
    assert meant(OLD) == meant(_renamed.command(OLD)) == RECIPE
    assert f"python -m alexbook {_renamed.command(OLD)}" == record.command(RECIPE)
    for old, new in _renamed.FIELDS.items():
        assert f"{_renamed.option(old)} " in f"{OLD} " and _renamed.option(old) not in record.command(RECIPE).split()
        assert _renamed.option(new) in record.command(RECIPE).split()


def test_old_options_are_not_in_the_help(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["train", "--help"])
    words = capsys.readouterr().out.replace(",", " ").split()
    assert "--lr" in words and not {_renamed.option(old) for old in _renamed.FIELDS} & set(words)


def test_an_experiment_that_there_is_not_is_answered_with_those_in_the_table(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["experiment", "--help"])
    told = capsys.readouterr().out
    assert cli.main(["experiment", "sleep"]) == 2
    refused = capsys.readouterr().err
    for name in experiments.EXPERIMENTS:
        assert name in told and name in refused


def test_old_records_are_read_with_the_names_of_now(tmp_path: Path) -> None:
    path = next((package_data.folder() / "runs").glob("*.json"))
    content = json.loads(path.read_text(encoding="utf-8"))
    content["dataset"]["deviation"] = content["dataset"].pop("std")
    recipe = BEFORE | {"loss": "cross-entropy"}
    (tmp_path / "old.json").write_text(json.dumps(content | {
        "format": "alexbook run 1", "command": f"python -m alexbook {OLD}", "recipe": recipe}))
    old = Run.read(tmp_path / "old.json")
    assert Recipe.of(old.recipe) == RECIPE and old.command == record.command(RECIPE)
    assert {*old.recipe, *LATER} == {*KINDS, "loss"} and "std" in old.dataset and "deviation" not in old.dataset
    old.save(tmp_path / "new.json")
    assert Run.read(tmp_path / "new.json") == old


def test_old_checkpoints_go_on(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    checkpoints.write(path, BEFORE, {"a": np.arange(3)}, checkpoints.Progress(steps=2))
    state, progress = checkpoints.read(path, asdict(RECIPE))
    assert state["a"].tolist() == [0, 1, 2] and progress.steps == 2 and checkpoints.batch_size(path) == 32
    checkpoints.write(path, BEFORE | {"rate": 0.7}, {}, checkpoints.Progress())
    with pytest.raises(ValueError, match="belongs to a run with lr 0.7, not 0.02"):
        checkpoints.read(path, asdict(RECIPE))
    checkpoints.write(path, BEFORE, {}, checkpoints.Progress())
    with pytest.raises(ValueError, match="belongs to a run with split 0, not 2"):
        checkpoints.read(path, asdict(replace(RECIPE, split=2)))


@pytest.mark.parametrize(("old", "new"), _renamed.FIELDS.items())
def test_an_old_keyword_is_refused_with_the_name_of_now(old: str, new: str) -> None:
    with pytest.raises(TypeError, match=f"^A recipe's {old} is called {new} now.$"):
        Recipe("lenet5", "digits", "torch", **{old: BEFORE[old]})


RECORDED = sorted((package_data.folder() / "runs").glob("*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_every_recorded_command_means_the_recipe_beside_it(path: Path) -> None:
    """As it stands in the file, in this version's words or an earlier one's."""
    content = json.loads(path.read_text(encoding="utf-8"))
    program, line = content["command"].split(" -m alexbook ")
    assert program == "python"
    assert meant(line) == Recipe.of(content["recipe"])


@pytest.mark.parametrize("switch", ["flip", "gray", "shift", "extra_test", "compile", "measure_training"])
def test_switches_are_true_or_false(switch: str) -> None:
    with pytest.raises(ValueError, match=f"The {switch} is 2, but must be True or False"):
        Recipe("lenet5", "digits", "torch", images=1, **{switch: 2})


@pytest.mark.parametrize("epochs", [(0,), (2.5,), ("3",), (True,)])
def test_milestones_are_epochs(epochs: tuple) -> None:
    with pytest.raises(ValueError, match="but must be whole numbers, each at least 1"):
        Recipe("lenet5", "digits", "torch", schedule="milestones", milestones=epochs)


def test_each_framework_has_a_trainer_and_a_process_group() -> None:
    assert set(run.TRAINERS) == set(run.PROCESS_GROUPS) == set(FRAMEWORKS)


THREADS = """
import os, sys
from alexbook import cli
assert "numpy" not in sys.modules, "NumPy is loaded before the threads are known"

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print(os.environ.get("OMP_NUM_THREADS"), os.environ.get("TF_NUM_INTRAOP_THREADS"))

sys.meta_path.insert(0, Finder())
sys.exit(cli.main(sys.argv[1:]))
"""


def test_threads_are_set_before_numpy_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    done = subprocess.run([sys.executable, "-c", THREADS, "train", "lenet6", "digits", "--threads", "3"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == "3 3\n" and "no network named 'lenet6'" in done.stderr
