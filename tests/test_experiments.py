"""The experiments as data, and their recorded runs: the right recipes, whole, and chosen as the book says."""

import pytest
from alexbook import experiments, runs
from alexbook.experiments import EXPERIMENTS, Experiment
from alexbook.recipes import Recipe

ALL = {name: recipe for experiment in EXPERIMENTS.values() for name, recipe in experiment.recipes()}
ABLATION = experiments.ABLATION


def recorded(run: runs.Run) -> Recipe:
    return Recipe(**{field: value for field, value in run.recipe.items() if field in Recipe.__dataclass_fields__})


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_every_run_is_recorded_with_its_recipe(experiment):
    wanted = dict(experiment.recipes())
    assert len(wanted) == len({repr(recipe) for recipe in wanted.values()})
    for name, recipe in wanted.items():
        run, = runs.load(name)
        assert recorded(run) == recipe
        assert recipe.until or len(run.curve) == recipe.epochs


@pytest.mark.parametrize("name", [name for name in runs.names() if name.split("-")[0] in EXPERIMENTS])
def test_no_other_runs_are_recorded(name):
    assert name in ALL


def test_conditions_change_what_they_name():
    recipes = dict(ABLATION.recipes())
    base = recipes["ablation-all-torch-seed0"]
    assert (base.crop, base.flip, base.color, base.decay) == (4, True, 0.1, 5e-4)
    for name, recipe in recipes.items():
        differing = {field for field in Recipe.__dataclass_fields__ if getattr(recipe, field) != getattr(base, field)}
        condition = name.removeprefix("ablation-").rpartition("-torch")[0]
        assert differing - {"seed"} == set(ABLATION.conditions[condition])
    steps = {recipe.epochs * recipe.images for recipe in recipes.values()}
    assert steps == {125_000}  # all conditions see equally many images


def test_the_rates_of_figure_1_are_those_that_the_search_found():
    for activation in ("relu", "tanh", "sigmoid", "relu-2012", "tanh-2012"):
        found = {run.recipe["rate"]: run.curve[-1]["train_error"]
                 for run in runs.load(f"search-cifar10-four_layers-{activation}-torch-*")}
        best = min(found, key=found.get)
        assert min(found) < best < max(found)  # not at an edge of what was tried
        used = {run.recipe["rate"] for run in runs.load(f"relu-cifar10-four_layers-{activation}-[tk]*")}
        assert used == {best}


def test_runs_that_end_early_end_where_they_should():
    for run in runs.load("relu-*"):
        errors = run.series("train_error")
        assert (errors[:-1] > 0.25).all()
        assert errors[-1] <= 0.25 or len(errors) == run.recipe["epochs"]


def test_recipes_come_seed_by_seed():
    made = Experiment("x", "?", {"network": "lenet5", "dataset": "digits"},
                      {"a": {}, "b": {"rate": 0.5}}, (3, 4), ("torch", "keras"))
    assert [name for name, _ in made.recipes()] == [
        f"x-{condition}-{framework}-seed{seed}"
        for seed in (3, 4) for framework in ("torch", "keras") for condition in "ab"]
    assert dict(made.recipes())["x-b-torch-seed4"].rate == 0.5
