"""How PyTorch learns: the :class:`alexbook.training.Learner` for ``nn.Module`` networks."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alexbook import torch_models
from alexbook.networks import Network
from alexbook.training import Recipe, rubbish


def device() -> torch.device:
    """The first that there is of: an NVIDIA GPU, Apple's, the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def criterion(scores: Tensor, labels: Tensor, j: float | None) -> Tensor:
    """Cross-entropy; with a constant ``j`` the 1998 loss (eq. 9), whose scores are minus distances."""
    if j is not None:
        scores = torch.cat([scores, scores.new_full((len(scores), 1), -j)], dim=1)
    return F.cross_entropy(scores, labels)


def optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer, with weight decay on kernels and matrices only."""
    values = list(model.parameters())
    groups = [{"params": [v for v in values if v.ndim > 1], "weight_decay": recipe.decay},
              {"params": [v for v in values if v.ndim <= 1], "weight_decay": 0.0}]
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, lr=recipe.rate)
    return torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum)


class Learner:
    """A network of the book that learns in PyTorch, on the fastest device there is."""

    def __init__(self, recipe: Recipe, network: Network) -> None:
        torch.manual_seed(recipe.seed)
        self.device = device()
        self.model = torch_models.build(network, recipe.seed)
        self.model.to(self.device, memory_format=torch.channels_last)
        self.optimizer = optimizer(self.model, recipe)
        self.j = rubbish(network)
        self.begin_epoch()

    def begin_epoch(self) -> None:
        self.loss = torch.zeros((), device=self.device)
        self.wrong = torch.zeros((), device=self.device)
        self.seen = 0

    def _scores(self, images: np.ndarray) -> Tensor:
        # A channels-last array seen as (batch, channels, height, width): no copy, and the fast layout.
        x = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)
        output = self.model(x)
        return output if self.j is None else -output

    def step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> None:
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        target = torch.from_numpy(labels).to(self.device)
        scores = self._scores(images)
        loss = criterion(scores, target, self.j)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.loss += loss.detach() * len(labels)
        self.wrong += (scores.detach().argmax(dim=1) != target).sum()
        self.seen += len(labels)

    def figures(self) -> tuple[float, float]:
        return self.loss.item() / self.seen, self.wrong.item() / self.seen

    @torch.inference_mode()
    def predict(self, images: np.ndarray) -> np.ndarray:
        self.model.eval()
        return self._scores(images).argmax(dim=1).cpu().numpy()

    def weights(self) -> dict[str, np.ndarray]:
        return {name: v.detach().cpu().numpy() for name, v in self.model.named_parameters()}

    def state(self) -> dict[str, np.ndarray]:
        kept = {"random": torch.get_rng_state()}
        if self.device.type == "cuda":
            kept["random_cuda"] = torch.cuda.get_rng_state()
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
                self.optimizer.state[values] = {
                    key: v if key == "step" else v.to(self.device, memory_format=_layout(v))
                    for key, v in found.items()}
        torch.set_rng_state(tensors["random"])
        if "random_cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random_cuda"])

    def about(self) -> dict:
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else self.device.type
        return {"device": name, "threads": torch.get_num_threads(),
                "versions": {"torch": torch.__version__}}


def _layout(values: Tensor) -> torch.memory_format:
    return torch.channels_last if values.ndim == 4 else torch.contiguous_format
