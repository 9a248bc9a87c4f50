"""A recipe: everything that decides what a training run computes, the same for both frameworks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from alexbook.augmenting import Augmentation

FRAMEWORKS = ("torch", "keras")
CHOICES = {"framework": FRAMEWORKS, "optimizer": ("sgd", "adam"), "pixels": ("standard", "1998", "2012"),
           "schedule": ("cosine", "constant", "drops", "plateau"), "velocity": ("own", "paper", "torch"),
           "precision": ("float32", "bfloat16", "float16"), "views": (1, 10),
           "compile": (False, True), "layout": ("channels_last", "channels_first")}
LEAST = {"epochs": 1, "batch_size": 1, "holdout": 0, "images": 0, "patience": 1, "seed": 0}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes.

    *What*: ``changes`` are made to the network (:mod:`alexbook.variants`); ``holdout`` keeps that many of the training
    images out of training and tests on them, so that a recipe can be chosen without a look at the test images;
    ``images`` trains on so many of the rest, at even steps (0: on all); ``pixels`` is the scale of gray values.

    *How*: ``rate`` is the first learning rate, that of biases ``bias_rate`` times as high (the 2012 source: 2). The
    ``schedule`` brings it to 0 along half a ``cosine``, step by step; leaves it ``constant``; divides it by 10 after
    the epochs in ``drops``; or, at a ``plateau``, when the test error (with ``holdout``: of the images held out) has
    not fallen for ``patience`` epochs. ``velocity`` is the form of momentum: the paper's keeps its velocity when the
    rate drops, PyTorch's shrinks it with the rate, ``own`` is each framework's (Keras has the paper's). ``decay`` is
    the weight decay, on weights and not on biases, as a term of the gradient (AlexNet paper, section 5).

    *Augmentation*: ``crop``, ``flip`` and ``color`` as in :class:`alexbook.augmenting.Augmentation`; ``views`` of a
    test image whose probabilities are averaged, 1 or 10 (paper, section 4.1).

    *How long*: ``epochs``, or fewer: with ``until`` above 0 the run ends after the first epoch whose training error is
    no higher than that share, as in the paper's Figure 1 (0.25).

    *How fast*: ``precision`` of products; ``compile`` for ``torch.compile`` or Keras's ``jit_compile``; ``layout`` of
    images and kernels in memory, which in Keras is always ``channels_last``.
    """

    network: str
    dataset: str
    framework: str
    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "sgd"
    rate: float = 0.05
    momentum: float = 0.9
    decay: float = 5e-4
    schedule: str = "cosine"
    pixels: str = "standard"
    grey: bool = False
    holdout: int = 0
    seed: int = 0
    changes: tuple[str, ...] = ()
    images: int = 0
    drops: tuple[int, ...] = ()
    patience: int = 3
    velocity: str = "own"
    bias_rate: float = 1.0
    crop: int = 0
    flip: bool = False
    color: float = 0.0
    views: int = 1
    precision: str = "float32"
    until: float = 0.0
    compile: bool = False
    layout: str = "channels_last"

    def __post_init__(self) -> None:
        for field in ("changes", "drops"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        for field, known in CHOICES.items():
            if getattr(self, field) not in known:
                raise ValueError(f"The {field} is {getattr(self, field)!r}, but must be one of "
                                 f"{', '.join(map(str, known))}.")
        for field, least in LEAST.items():
            value = getattr(self, field)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"The {field} is {value!r}, but must be a whole number of at least {least}.")
        if not self.rate > 0 or self.decay < 0 or not 0 <= self.momentum < 1:
            raise ValueError(f"The rate is {self.rate}, the decay {self.decay} and the momentum {self.momentum}, but "
                             "they must be above 0, at least 0, and from 0 to below 1.")
        if not self.bias_rate > 0:
            raise ValueError(f"The bias_rate is {self.bias_rate}, but must be above 0.")
        if not 0 <= self.until < 1:
            raise ValueError(f"The training error to train until is {self.until}, but must be a share from 0 to below "
                             "1.")
        if self.framework == "keras" and self.layout != "channels_last":
            raise ValueError(f"The layout is {self.layout!r}, but Keras networks here are channels_last; leave it out.")
        if any(not isinstance(epoch, int) or epoch < 1 for epoch in self.drops):
            raise ValueError(f"The drops are {self.drops}, but must be whole numbers of epochs, each at least 1.")
        if bool(self.drops) != (self.schedule == "drops"):
            raise ValueError(f"The schedule is {self.schedule!r} and the drops are {self.drops}, but the schedule "
                             "'drops' needs epochs to drop after, and no other schedule takes any.")
        Augmentation(self.crop, self.flip, self.color)  # which refuses a crop or a color that makes no sense

    @property
    def augmentation(self) -> Augmentation:
        """What is done to each training image."""
        return Augmentation(self.crop, self.flip, self.color)

    def ended(self, curve: Sequence[dict]) -> bool:
        """Whether a run with this curve, a row for each epoch, is at its end."""
        return len(curve) >= self.epochs or bool(curve and curve[-1]["train_error"] <= self.until and self.until)

    def rate_at(self, progress: float, curve: Sequence[dict] = ()) -> float:
        """The learning rate when this share of all steps, 0 to 1, has been done; ``curve`` has a row for each epoch."""
        match self.schedule:
            case "cosine":
                return self.rate * (1 + math.cos(math.pi * progress)) / 2
            case "drops":
                done = progress * self.epochs + 1e-9
                return self.rate / 10 ** sum(done >= epoch for epoch in self.drops)
            case "plateau":
                return self.rate / 10 ** plateaus([row["test_error"] for row in curve], self.patience)
        return self.rate


def plateaus(errors: Sequence[float], patience: int) -> int:
    """How often an error has gone ``patience`` epochs without falling below its least value so far."""
    count, least, since = 0, math.inf, 0
    for error in errors:
        since = 0 if error < least else since + 1
        least = min(least, error)
        if since == patience:
            count, since = count + 1, 0
    return count


# What `train` uses where nothing else is said. Rates and decay were chosen on training images that were held out, never
# on test images; 20 passes are the 1998 paper's (section III.B).
DEFAULTS: dict[str, dict] = {
    "lenet5": {"epochs": 20, "optimizer": "adam", "rate": 0.002, "decay": 0.0, "pixels": "1998"},
    "lenet5_modern": {"epochs": 20, "rate": 0.05, "decay": 5e-4},
}


def usual(network: str, dataset: str, framework: str = "torch", **given) -> Recipe:
    """The recipe for a network, with what is usual for it wherever nothing is given."""
    return Recipe(**{"network": network, "dataset": dataset, "framework": framework}
                  | DEFAULTS.get(network, {}) | given)
