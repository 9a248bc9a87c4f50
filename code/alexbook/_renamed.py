"""What earlier versions called the fields of a recipe, so that their records, checkpoints and commands stay readable.

This is the only place that knows the old names.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

FIELDS = {"rate": "lr", "decay": "weight_decay", "drops": "milestones", "velocity": "momentum_form",
          "bias_rate": "bias_lr_factor", "grey": "gray"}
VALUES = {"schedule": {"drops": "milestones"}}  # by field
DATASET = {"deviation": "std"}  # what a record says of its dataset


def option(field: str) -> str:
    """The command's option for a field: ``--batch-size`` for ``batch_size``."""
    return "--" + field.replace("_", "-")


def value(field: str, written: Any) -> Any:
    """A field's value as it is written now."""
    return VALUES.get(field, {}).get(written, written) if isinstance(written, str) else written


def recipe(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe, from any version, by their names of now, in their order."""
    return {FIELDS.get(name, name): value(name, written) for name, written in fields.items()}


def dataset(about: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of its dataset, by the names of now."""
    return {DATASET.get(name, name): said for name, said in about.items()}


def command(line: str) -> str:
    """A recorded command with the options of now."""
    options = {option(old): option(new) for old, new in FIELDS.items()}
    words = [options.get(word, word) for word in line.split(" ")]
    return " ".join([*words[:1], *(value(before.removeprefix("--"), word) for before, word in pairwise(words))])
