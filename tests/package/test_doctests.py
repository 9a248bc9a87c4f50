"""The examples in the docstrings of what chapters call."""

import doctest
import importlib

import pytest

MODULES = (
    "layers", "arithmetic", "networks", "networks.ablations", "figures.architecture", "figures.blocks", "checking",
    "intervals", "runs", "published", "weights", "weights.pretrained", "explaining", "explaining.filters",
    "explaining.images", "explaining.neighbors",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    failed, tried = doctest.testmod(importlib.import_module(f"alexbook.{name}"))
    assert tried and not failed
