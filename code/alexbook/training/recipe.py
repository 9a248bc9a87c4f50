"""A recipe: everything that decides what a training run computes, the same for both frameworks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_type_hints

from alexbook import _renamed
from alexbook.batches.augmentation import Augmentation
from alexbook.networks.ablations import CHANGES

FRAMEWORKS = ("torch", "keras")


def _field(text: str, default: Any = MISSING, *, choices: tuple = (), least: float | None = None,
           above: float | None = None, below: float | None = None, metavar: str | None = None) -> Any:
    """A field with its help, and with what its value must be; from these come checks and the command's options."""
    return field(default=default, metadata={"help": text, "choices": choices, "least": least, "above": above,
                                            "below": below, "metavar": metavar})


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes.

    The fields are those below, and the options of ``python -m alexbook train``. A value that makes no sense raises
    ``ValueError``; the name that a field had in an earlier version raises ``TypeError`` and names the new one.

    Example:
        >>> recipe = Recipe("lenet5_modern", "digits", "torch", epochs=3, lr=0.1)
        >>> recipe.lr_at(0.5)
        0.05
    """

    network: str = _field("a network's name, as for trace")
    dataset: str = _field("a dataset's name, such as digits or mnist")
    framework: str = _field("torch (PyTorch) or keras", choices=FRAMEWORKS)
    epochs: int = _field("passes over the training images", 10, least=1)
    batch_size: int = _field("images in one step, on all devices together", 64, least=1)
    optimizer: str = _field("sgd (with momentum) or adam", "sgd", choices=("sgd", "adam"))
    lr: float = _field("the first learning rate", 0.05, above=0)
    momentum: float = _field("momentum of sgd", 0.9, least=0, below=1)
    weight_decay: float = _field("weight decay, on weights and not on biases, as a term of the gradient (AlexNet "
                                 "paper, section 5)", 5e-4, least=0)
    schedule: str = _field("the learning rate goes to 0 along half a cosine, step by step; or stays constant; or is "
                           "divided by 10 after the milestones; or at each plateau, when the test error (with holdout: "
                           "of the images held out) has not fallen for a while (patience)", "cosine",
                           choices=("cosine", "constant", "milestones", "plateau"))
    pixels: str = _field("the scale of gray values: standard (mean 0, standard deviation 1), 1998 (-0.1 to 1.175) or "
                         "2012 (0 to 255 minus the mean)", "standard", choices=("standard", "1998", "2012"))
    gray: bool = _field("turn color images to gray", False)
    holdout: int = _field("test on so many training images, held out, instead of the test images, so that a recipe can "
                          "be chosen without a look at those (with extra_test they are taken from the images that are "
                          "trained on)", 0, least=0)
    seed: int = _field("of initial weights and of the images' order", 0, least=0, below=2**32)
    changes: tuple[str, ...] = _field(f"change the network: {', '.join(CHANGES)}", (), metavar="CHANGE")
    images: int = _field("train on so many of the training images, at even steps (0: on all)", 0, least=0)
    extra_test: bool = _field("with images: test on the training images that are left, too, behind the official test "
                              "images", False)
    milestones: tuple[int, ...] = _field("for the schedule milestones: divide the learning rate by 10 after these "
                                         "epochs", (), least=1, metavar="EPOCH")
    patience: int = _field("for the schedule plateau: epochs without a lower error before the learning rate is divided "
                           "by 10", 3, least=1)
    momentum_form: str = _field("momentum when the learning rate falls: the paper's velocity stays, torch shrinks it "
                                "with the rate, own is the framework's own form (Keras has the paper's)", "own",
                                choices=("own", "paper", "torch"))
    bias_lr_factor: float = _field("the biases' learning rate, as a multiple of the others' (the 2012 source: 2)", 1.0,
                                   above=0)
    crop: int = _field("random crops: move the image by up to so many pixels", 0)
    shift: bool = _field("whether crops move; where they do not, the middle window is always seen, at the same "
                         "scale", True)
    flip: bool = _field("show half of the images mirrored", False)
    color: float = _field("color noise along principal axes, as a share of their standard deviation (the paper: 0.1)",
                          0.0)
    views: int = _field("views of each test image whose probabilities are averaged (paper, section 4.1)", 1,
                        choices=(1, 10))
    precision: str = _field("of products; float16 comes with loss scaling", "float32",
                            choices=("float32", "bfloat16", "float16"))
    until: float = _field("end early, after the first epoch whose training error is no higher than this share, as in "
                          "the paper's Figure 1 (0.25)", 0.0, least=0, below=1, metavar="SHARE")
    compile: bool = _field("compile the network: torch.compile, or Keras's jit_compile", False)
    layout: str = _field("images and kernels in memory, which in Keras are always channels_last", "channels_last",
                         choices=("channels_last", "channels_first"))
    measure_training: bool = _field("after each epoch, measure the error on the training images as test images are "
                                    "seen: unaltered, with all units", False)
    per_class: int = _field("of caltech101 and flowers: train on so many images of each class (0: as many as is usual "
                            "for the dataset)", 0, least=0)
    rest: bool = _field("of caltech101 and flowers: train on the rest of each class, too: on every image that is not "
                        "for the test", False)
    split: int = _field("of caltech101 and flowers: which of the random splits into training and test images", 0,
                        least=0)
    j: float = _field("of networks with RBF outputs: the constant j of the 1998 loss (LeCun et al. 1998, eq. 9), for "
                      "which the paper gives no value", 10.0, above=0)

    def __new__(cls, *values: object, **named: object) -> "Recipe":
        if old := next((name for name in named if name in _renamed.FIELDS), None):
            raise TypeError(f"A recipe's {old} is called {_renamed.FIELDS[old]} now.")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            if kind in (tuple[str, ...], tuple[int, ...]):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for each in fields(self):
            if wanted := _wanted(getattr(self, each.name), KINDS[each.name], each.metadata):
                raise ValueError(f"The {each.name} is {getattr(self, each.name)!r}, but must be {wanted}.")
        if self.framework == "keras" and self.layout != "channels_last":
            raise ValueError(f"The layout is {self.layout!r}, but Keras networks here are channels_last; leave it out.")
        if bool(self.milestones) != (self.schedule == "milestones"):
            raise ValueError(f"The schedule is {self.schedule!r} and the milestones are {self.milestones}, but the "
                             "schedule 'milestones' needs epochs to divide the learning rate after, and no other "
                             "schedule takes any.")
        if self.extra_test and not self.images:
            raise ValueError("With extra_test, images must say how many of the training images are trained on; the "
                             "others are test images.")
        Augmentation(self.crop, self.flip, self.color)  # which refuses a crop or a color that makes no sense

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> "Recipe":
        """The recipe in a record of any version; what else the record says is left out."""
        return cls(**{name: value for name, value in _renamed.recipe(recorded).items() if name in KINDS})

    @property
    def augmentation(self) -> Augmentation:
        """What is done to each training image."""
        return Augmentation(self.crop if self.shift else 0, self.flip, self.color)

    def ended(self, curve: Sequence[dict]) -> bool:
        """Whether a run with this curve, a row for each epoch, is at its end."""
        return len(curve) >= self.epochs or bool(curve and curve[-1]["train_error"] <= self.until and self.until)

    def lr_at(self, progress: float, curve: Sequence[dict] = ()) -> float:
        """The learning rate at a step.

        Args:
            progress: The share of all steps that has been done, 0 to 1.
            curve: A row for each epoch that has been done.

        Returns:
            The rate of the weights; biases have ``bias_lr_factor`` times as much.
        """
        match self.schedule:
            case "cosine":
                return self.lr * (1 + math.cos(math.pi * progress)) / 2
            case "milestones":
                done = progress * self.epochs + 1e-9
                return self.lr / 10 ** sum(done >= epoch for epoch in self.milestones)
            case "plateau":
                return self.lr / 10 ** plateaus([row["test_error"] for row in curve], self.patience)
        return self.lr


KINDS: dict[str, Any] = get_type_hints(Recipe)  # of the fields' values
FIELD_DEFAULTS: dict[str, Any] = {each.name: each.default for each in fields(Recipe) if each.default is not MISSING}
Recipe.__doc__ = "\n".join([f"{Recipe.__doc__}", "    Attributes:", *(
    f"        {each.name}: {each.metadata['help']}." for each in fields(Recipe))])


def _wanted(value: Any, kind: Any, metadata: Mapping[str, Any]) -> str | None:
    """What a field's value must be, where it is something else."""
    choices, least, above, below = (metadata[name] for name in ("choices", "least", "above", "below"))
    if kind is bool:
        return None if isinstance(value, bool) else "True or False"
    if choices:
        return None if value in choices else f"one of {', '.join(map(str, choices))}"
    if kind is int:
        if not _is_whole(value) or (least is not None and value < least):
            return f"a whole number{'' if least is None else f' of at least {least}'}"
        return None if below is None or value < below else f"below {below}, as both frameworks need"
    if kind is float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return "a finite number"
        bounds = [(f"above {above}", above is None or value > above, above),
                  (f"at least {least}", least is None or value >= least, least),
                  (f"below {below}", below is None or value < below, below)]
        if all(kept for _, kept, _ in bounds):
            return None
        return " and ".join(words for words, _, bound in bounds if bound is not None)
    if kind == tuple[int, ...] and not all(_is_whole(each) and each >= least for each in value):
        return f"whole numbers, each at least {least}"
    return None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def plateaus(errors: Sequence[float], patience: int) -> int:
    """How often an error has gone ``patience`` epochs without falling below its least value so far."""
    count, least, since = 0, math.inf, 0
    for error in errors:
        since = 0 if error < least else since + 1
        least = min(least, error)
        if since == patience:
            count, since = count + 1, 0
    return count


# What `train` uses where nothing else is said. Learning rates and weight decay were chosen on training images that were
# held out, never on test images; 20 epochs are the 1998 paper's (section III.B).
DEFAULTS: dict[str, dict[str, Any]] = {
    "lenet5": {"epochs": 20, "optimizer": "adam", "lr": 0.002, "weight_decay": 0.0, "pixels": "1998"},
    "lenet5_modern": {"epochs": 20, "lr": 0.05, "weight_decay": 5e-4},
}


def usual(network: str, dataset: str, framework: str = "torch", **given: Any) -> Recipe:
    """The recipe for a network, with what is usual for it wherever nothing is given.

    Args:
        network: The network's name.
        dataset: The dataset's name.
        framework: ``"torch"`` or ``"keras"``.
        given: Any other fields of :class:`Recipe`.

    Returns:
        The recipe that ``python -m alexbook train`` would use.

    Raises:
        ValueError: A value makes no sense.
    """
    return Recipe(**{"network": network, "dataset": dataset, "framework": framework}
                  | DEFAULTS.get(network, {}) | given)
