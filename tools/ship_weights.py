"""Writes a trained network's weights to data/weights, in 16 or 8 bits, and measures what the rounding costs.

    python tools/ship_weights.py FILE.safetensors NAME --bits 16 --data FOLDER

FILE is what ``python -m alexbook train ... --weights FILE`` wrote; its card names the run, which must be recorded in
data/runs. NAME.json beside the weights gets the error before and after, on the run's own test images; where there are
more than ten classes, also the top-5 error and the mean of the classes' errors, with one view of each image and ten.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from alexbook import datasets, runs, weights
from alexbook.datasets import image_files
from alexbook.training import Recipe
from alexbook.weights.evaluation import evaluate

FOLDER = Path(__file__).resolve().parents[1] / "data" / "weights"
MOST = 0.003  # of the error that rounding may cost


def error(source: Path, recipe: Recipe, data: Path | None) -> float:
    """The share of the recipe's test images that weights get wrong, one view of each."""
    return evaluate(source, recipe.dataset, data, per_class=recipe.per_class or None, seed=recipe.split).error()


def by_views(source: Path, recipe: Recipe, data: Path | None) -> dict[str, dict[str, float]]:
    """The errors on the recipe's test images, with one view of each and with the AlexNet paper's ten."""
    found = {views: evaluate(source, recipe.dataset, data, views=views, per_class=recipe.per_class or None,
                             seed=recipe.split) for views in (1, 10)}
    return {str(views): {"error": round(each.error(), 6), "error_top5": round(each.error(5), 6),
                         "class_error": round(each.class_error, 6)} for views, each in found.items()}


def digits_error(name: str) -> float:
    """The error on the 1,797 digits that come with the book, from other writers and another scanner than MNIST's."""
    splits = [datasets.load("digits", split) for split in ("train", "test")]
    images = image_files.frame(np.concatenate([split.images for split in splits]))
    found = weights.predict(name, images, top=1)
    labels = np.concatenate([split.labels for split in splits])
    return round(float(np.mean([int(best[0]) for [best] in found] != labels)), 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("name")
    parser.add_argument("--bits", type=int, choices=weights.BITS, default=16)
    parser.add_argument("--data", type=Path, default=None)
    given = parser.parse_args()
    found = weights.read(given.file)
    [run] = runs.load(found.card.run)
    target = FOLDER / f"{given.name}.safetensors"
    weights.write(target, found.card, found.values, bits=given.bits)
    recipe = Recipe.of(run.recipe)
    errors = {what: round(error(path, recipe, given.data), 6) for what, path in
              (("float32", given.file), ("stored", target))}
    if errors["stored"] - errors["float32"] > MOST:
        raise SystemExit(f"{given.bits} bits cost {errors['stored'] - errors['float32']:.2%}; take more.")
    by_class = 1 - np.diag(run.confusion) / np.sum(run.confusion, axis=1)
    measured = {"bits": given.bits, "bytes": target.stat().st_size, "test_images": int(np.sum(run.confusion)),
                "error_float32": errors["float32"], "error_stored": errors["stored"],
                "mean_error_of_classes": round(float(by_class.mean()), 6)}
    if len(found.card.classes) > 10:
        measured |= {"views": by_views(target, recipe, given.data)}
    if found.card.channels == 1:
        measured |= {"error_digits": digits_error(given.name)}
    target.with_suffix(".json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(given.name, measured)


if __name__ == "__main__":
    main()
