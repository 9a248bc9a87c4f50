"""Training in PyTorch: the :class:`alexbook.training._trainer.Trainer` for ``nn.Module`` networks."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alexbook.batches.data import Data
from alexbook.batches.loader import Loader
from alexbook.batches.torch_loader import TorchLoader
from alexbook.models import torch as torch_models
from alexbook.networks import Network
from alexbook.training._trainer import rubbish
from alexbook.training.recipe import Recipe

FORMATS = {"channels_last": "channels_last", "channels_first": "contiguous_format"}

RANDOM = {"cuda": torch.cuda, "mps": torch.mps}  # devices with random numbers of their own, which dropout draws


def device() -> torch.device:
    """The first that there is of: an NVIDIA GPU, Apple's, the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())  # with its number, which holds in every thread
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def slowness(precision: str) -> str:
    """A sentence where the device computes a precision in software, as most processors do bfloat16; else empty."""
    if precision == "bfloat16" and device().type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return ("This processor has no instructions for bfloat16, and computes it far slower than float32 (on one, an "
                "epoch took 7 times as long); leave --precision out unless the results must be those of bfloat16.")
    return ""


def criterion(scores: Tensor, labels: Tensor, j: float | None) -> Tensor:
    """Cross-entropy; with a constant ``j`` the 1998 loss (eq. 9), whose scores are minus distances."""
    if j is not None:
        scores = torch.cat([scores, scores.new_full((len(scores), 1), -j)], dim=1)
    return F.cross_entropy(scores, labels)


def optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer: weight decay on kernels and matrices only; biases (group 1) at their own rate."""
    values = list(model.parameters())
    groups = [{"params": [v for v in values if v.ndim > 1], "weight_decay": recipe.weight_decay},
              {"params": [v for v in values if v.ndim <= 1], "weight_decay": 0.0}]
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, lr=recipe.lr)
    # One pass over the weights; but where loss scaling skips the first step, fused SGD keeps a momentum never set.
    fused = recipe.precision != "float16"
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, fused=fused)


def keep_velocity(optimizer: torch.optim.Optimizer, ratio: float) -> None:
    """What makes PyTorch's momentum the paper's when the learning rate becomes ``ratio`` times what it was.

    PyTorch keeps a sum of gradients and multiplies it by the rate of the day; the paper (section 5) keeps a velocity,
    which already has the rates of its past in it. So the sum is divided by the ratio.
    """
    for state in optimizer.state.values():
        if state.get("momentum_buffer") is not None:
            state["momentum_buffer"].div_(ratio)


def _with_a_space() -> Path | None:
    """A path with a space that torch.compile would hand, unquoted, to the C++ compiler: PyTorch's own, or its cache."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    return next((path for path in (Path(torch.__file__).parent, Path(cache_dir())) if " " in str(path)), None)


class TorchTrainer:
    """A network of the book that is trained in PyTorch, on the fastest device there is.

    On an NVIDIA GPU float32 products are computed in TF32 (10 bits of the fraction instead of 23, as TensorFlow does by
    default), and cuDNN tries its algorithms and keeps the fastest, so that a run repeats up to rounding only. The
    recipe's ``compile`` is ``torch.compile``, ``layout`` the memory format of images and kernels.
    """

    def __init__(self, recipe: Recipe, network: Network) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device = recipe, device()
        self.model = torch_models.build(network, recipe.seed)
        self.model.to(self.device, memory_format=getattr(torch, FORMATS[recipe.layout]))  # type: ignore[call-overload]
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.benchmark = True
        if recipe.compile:
            self._compile()
        # What a training step calls; in several processes, the model and what joins them.
        self.forward: nn.Module = self.model
        self.optimizer = optimizer(self.model, recipe)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "float16")
        self.j = rubbish(network, recipe)
        self.begin_epoch()

    def _compile(self) -> None:
        if self.device.type == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
            raise ValueError("The recipe's compile needs a C++ compiler on this processor, and there is none; leave it "
                             "out.")
        if self.device.type == "cpu" and (spaced := _with_a_space()):
            raise ValueError(f"The recipe's compile cannot link in {str(spaced)!r} on this processor, because the path "
                             "has a space in it; move it to a folder without one, or leave compile out.")
        self.model.compile()  # in place: the values' names stay as they are

    def loader(self, data: Data) -> Loader:
        if self.device.type == "cuda":
            return TorchLoader(data.normalization, data.size, self.device)
        return data.loader

    def begin_epoch(self) -> None:
        self.sums = torch.zeros(3, device=self.device)  # loss, wrong answers, images

    def _scores(self, images: np.ndarray | Tensor) -> Tensor:
        # A channels-last array seen as (batch, channels, height, width): no copy, and the fast layout.
        x = torch.as_tensor(images, device=self.device).permute(0, 3, 1, 2)
        if self.recipe.layout == "channels_first":
            x = x.contiguous()
        kind = getattr(torch, self.recipe.precision)
        with torch.autocast(self.device.type, kind, enabled=kind != torch.float32):
            output = (self.forward if self.model.training else self.model)(x)
        return (output if self.j is None else -output).float()

    def _set_lr(self, lr: float) -> None:
        before = self.optimizer.param_groups[0]["lr"]
        if self.recipe.momentum_form == "paper" and lr != before:
            keep_velocity(self.optimizer, lr / before)
        for group, factor in zip(self.optimizer.param_groups, (1.0, self.recipe.bias_lr_factor), strict=True):
            group["lr"] = lr * factor

    def step(self, images: np.ndarray | Tensor, labels: np.ndarray | Tensor, lr: float) -> None:
        self.model.train()
        self._set_lr(lr)
        target = torch.as_tensor(labels, device=self.device)
        scores = self._scores(images)
        loss = criterion(scores, target, self.j)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        wrong = (scores.detach().argmax(dim=1) != target).sum()
        self.sums += torch.stack([loss.detach() * len(labels), wrong.float(), self.sums.new_full((), len(labels))])

    def metrics(self) -> tuple[float, float]:
        loss, wrong, seen = self.sums.tolist()
        return loss / seen, wrong / seen

    @torch.inference_mode()
    def probabilities(self, images: np.ndarray | Tensor) -> np.ndarray:
        self.model.eval()
        return self._scores(images).softmax(dim=1).cpu().numpy()

    def weights(self) -> dict[str, np.ndarray]:
        return {name: v.detach().cpu().numpy() for name, v in self.model.named_parameters()}

    def stored(self) -> dict[str, np.ndarray]:
        return {name: v.detach().cpu().numpy() for name, v in self.model.state_dict().items()}

    def state(self) -> dict[str, np.ndarray]:
        kept = {"random": torch.get_rng_state(), "sums": self.sums,
                "rate": torch.tensor(self.optimizer.param_groups[0]["lr"], dtype=torch.float64)}
        kept |= {f"scaler/{name}": torch.tensor(value) for name, value in self.scaler.state_dict().items()}
        kind = self.device.type
        if kind in RANDOM:
            kept[f"random_{kind}"] = RANDOM[kind].get_rng_state()
        for name, values in self.model.named_parameters():
            for key, value in self.optimizer.state.get(values, {}).items():
                kept[f"optimizer/{name}/{key}"] = torch.as_tensor(value)
        kept |= {f"model/{name}": value for name, value in self.model.state_dict().items()}
        return {name: value.detach().cpu().numpy() for name, value in kept.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        tensors = {name: torch.from_numpy(value) for name, value in state.items()}
        self.model.load_state_dict({name.removeprefix("model/"): value for name, value in
                                    tensors.items() if name.startswith("model/")})
        for name, values in self.model.named_parameters():
            prefix = f"optimizer/{name}/"
            found = {key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)}
            if found:
                self._check(name, values, found)
                self.optimizer.state[values] = {
                    key: v if key == "step" else v.to(self.device, memory_format=self._layout(v))
                    for key, v in found.items()}
        if tensors["sums"].shape != self.sums.shape:
            raise ValueError(f"the sums have the shape {tuple(tensors['sums'].shape)}")
        self.sums = tensors["sums"].to(self.device)
        self.optimizer.param_groups[0]["lr"] = tensors["rate"].item()
        self.scaler.load_state_dict({name.removeprefix("scaler/"): value.item() for name, value in tensors.items()
                                     if name.startswith("scaler/")})
        torch.set_rng_state(tensors["random"])
        kind = self.device.type
        if kind in RANDOM and f"random_{kind}" in tensors:  # it may have begun on another device
            RANDOM[kind].set_rng_state(tensors[f"random_{kind}"])

    def _check(self, name: str, values: Tensor, found: dict[str, Tensor]) -> None:
        """Refuse what the optimizer could not use: its fused step would end the whole process."""
        wanted = {"momentum_buffer"} if self.recipe.optimizer == "sgd" else {"step", "exp_avg", "exp_avg_sq"}
        like = [(v.shape, v.dtype) == (values.shape, values.dtype) for key, v in found.items() if key != "step"]
        if found.keys() != wanted or not all(like) or ("step" in found and found["step"].ndim):
            raise ValueError(f"the optimizer's values for {name} have other names, shapes or types")

    def about(self) -> dict[str, Any]:
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else self.device.type
        return {"device": name, "threads": torch.get_num_threads(),
                "versions": {"torch": torch.__version__}}

    def _layout(self, values: Tensor) -> torch.memory_format:
        return getattr(torch, FORMATS[self.recipe.layout]) if values.ndim == 4 else torch.contiguous_format
