"""The experiments as data, and their recorded runs: the right recipes, whole, and chosen as the book says."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from alexbook import networks, runs
from alexbook.arithmetic import trace
from alexbook.networks import ablations
from alexbook.training import experiments
from alexbook.training.experiments import EXPERIMENTS, Experiment
from alexbook.training.recipe import Recipe

ALL = {name: recipe for experiment in EXPERIMENTS.values() for name, recipe in experiment.recipes()}
ABLATION = experiments.ABLATION
REGULARIZERS = ("dropout", "crops-mirror", "color", "decay")


def recorded(run: runs.Run) -> Recipe:
    return Recipe.of(run.recipe)


# Begun, and not yet recorded to the end.
UNDER_WAY = ("rates", "regularization", "normalization", "capacity", "photos", "mnist-rates", "mnist-j")


@pytest.mark.parametrize("experiment", [each for each in EXPERIMENTS.values() if each.name not in UNDER_WAY],
                         ids=lambda each: each.name)
def test_every_run_is_recorded_with_its_recipe(experiment):
    wanted = dict(experiment.recipes())
    assert len(wanted) == len({repr(recipe) for recipe in wanted.values()})
    for name, recipe in wanted.items():
        run, = runs.load(name)
        assert recorded(run) == recipe
        assert recipe.until or len(run.curve) == recipe.epochs


@pytest.mark.parametrize("name", [name for name in runs.names() if name.split("-")[0] in UNDER_WAY])
def test_runs_of_experiments_under_way_have_their_recipes(name):
    run, = runs.load(name)
    assert recorded(run) == ALL[name]
    assert len(run.curve) == run.recipe["epochs"]
    assert run.versions["revision"] and "modified" not in run.versions["revision"]
    assert len(run.right) == run.dataset["test"]["images"]
    assert np.isclose(1 - run.right.mean(), run.test_error, atol=1e-6)


def test_conditions_of_the_regularization_experiment_change_what_they_name():
    recipes = dict(experiments.REGULARIZATION.recipes())
    on = {name.removeprefix("regularization-").rpartition("-torch")[0]:
          ("no-dropout" not in recipe.changes, recipe.shift and recipe.flip, recipe.color > 0, recipe.weight_decay > 0)
          for name, recipe in recipes.items()}
    assert on == {"all": (True,) * 4, "nothing": (False,) * 4,
                  **{f"no-{each}": tuple(i != j for j in range(4)) for i, each in enumerate(REGULARIZERS)},
                  **{f"only-{each}": tuple(i == j for j in range(4)) for i, each in enumerate(REGULARIZERS)}}
    kept = {(r.crop, r.images, r.epochs, r.batch_size, r.lr, r.extra_test) for r in recipes.values()}
    assert len(kept) == 1  # the same picture at the same scale, as many steps, the same test images


def test_what_is_compared_differs_in_one_thing_and_in_what_that_needs():
    base = dict(experiments.REGULARIZATION.recipes())
    for experiment in (experiments.NORMALIZATION, experiments.CAPACITY):
        for name, recipe in experiment.recipes():
            condition = name.removeprefix(f"{experiment.name}-").rpartition("-torch")[0]
            other = base[f"regularization-all-torch-seed{recipe.seed}"]
            assert recipe == replace(other, **experiment.conditions[condition])
            assert recipe.epochs * recipe.images == other.epochs * other.images  # as many steps
    small = networks.get("alexnet_small")
    sizes = {change: trace(ablations.vary(small, change.split("+"))) for change in (
        "two-towers", "half-maps", "equal-maps", "pools-apart-equal", "no-conv4", "no-conv4+width-1.11")}
    assert abs(sizes["equal-maps"].parameters / sizes["two-towers"].parameters - 1) < 0.01
    assert abs(sizes["no-conv4+width-1.11"].macs / trace(small).macs - 1) < 0.03
    assert sizes["pools-apart-equal"].parameters == trace(small).parameters
    assert sizes["pools-apart-equal"]["pool5"].output_shape == trace(small)["pool5"].output_shape


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda each: each.name)
def test_no_two_conditions_train_the_same_network_in_the_same_way(experiment):
    """But for the layers' names: without conv3, alexnet_small is what it is without conv4."""
    trained = []
    for name, recipe in experiment.recipes():
        network = ablations.vary(networks.get(recipe.network), recipe.changes)
        layers = tuple(replace(layer, name="") for layer in network.layers)
        trained.append((layers, replace(recipe, network="", changes=()), name))
    for (layers, recipe, name), (others, other, same) in combinations(trained, 2):
        assert (layers, recipe) != (others, other), f"{name} is {same}"


@pytest.mark.parametrize("name", [name for name in runs.names() if name.split("-")[0] in EXPERIMENTS])
def test_no_other_runs_are_recorded(name):
    assert name in ALL


def test_conditions_change_what_they_name():
    recipes = dict(ABLATION.recipes())
    base = recipes["ablation-all-torch-seed0"]
    assert (base.crop, base.flip, base.color, base.weight_decay) == (4, True, 0.1, 5e-4)
    for name, recipe in recipes.items():
        differing = {field for field in Recipe.__dataclass_fields__ if getattr(recipe, field) != getattr(base, field)}
        condition = name.removeprefix("ablation-").rpartition("-torch")[0]
        assert differing - {"seed"} == set(ABLATION.conditions[condition])
    steps = {recipe.epochs * recipe.images for recipe in recipes.values()}
    assert steps == {125_000}  # all conditions see equally many images


def test_the_rates_of_figure_1_are_those_that_the_search_found():
    for activation in ("relu", "tanh", "sigmoid", "relu-2012", "tanh-2012"):
        found = {run.recipe["lr"]: run.curve[-1]["train_error"]
                 for run in runs.load(f"search-cifar10-four_layers-{activation}-torch-*")}
        best = min(found, key=found.get)
        assert min(found) < best < max(found)  # not at an edge of what was tried
        used = {run.recipe["lr"] for run in runs.load(f"relu-cifar10-four_layers-{activation}-[tk]*")}
        assert used == {best}


def test_the_search_on_the_shapes_finds_the_rates_that_the_chapter_trains_with():
    for condition, used in (("lenet", 0.01), ("alexnet-he", 0.001), ("alexnet-glorot", 0.001)):
        found = {run.recipe["lr"]: run.test_error for run in runs.load(f"shapes-{condition}-torch-*")}
        best = min(found, key=found.get)
        assert min(found) < best < max(found) and best == used


def test_runs_that_end_early_end_where_they_should():
    for run in runs.load("relu-*"):
        errors = run.series("train_error")
        assert (errors[:-1] > 0.25).all()
        assert errors[-1] <= 0.25 or len(errors) == run.recipe["epochs"]


def test_recipes_come_seed_by_seed():
    made = Experiment("x", "?", {"network": "lenet5", "dataset": "digits"},
                      {"a": {}, "b": {"lr": 0.5}}, (3, 4), ("torch", "keras"))
    assert [name for name, _ in made.recipes()] == [
        f"x-{condition}-{framework}-seed{seed}"
        for seed in (3, 4) for framework in ("torch", "keras") for condition in "ab"]
    assert dict(made.recipes())["x-b-torch-seed4"].lr == 0.5
