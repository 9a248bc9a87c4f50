"""The checks of chapter 8 know right answers, and say what is wrong with the usual wrong ones."""

import pytest
from exercise_cases import Case, assert_case, faults

torch = pytest.importorskip("torch")
from alexbook.exercises import ch08_alexnet_pytorch as exercises  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


class Mended(nn.Module):
    """As the solution has it."""

    holder, rate, end = nn.ModuleList, 0.5, staticmethod(lambda x: x)

    def __init__(self):
        super().__init__()
        self.convs = self.holder([nn.Conv2d(3, 16, 5, padding=2), nn.Conv2d(16, 32, 5, padding=2, groups=2)])
        self.fc = nn.Linear(32 * 8 * 8, 10)

    def drop(self, x):
        return F.dropout(x, self.rate, training=self.training)

    def forward(self, x):
        for conv in self.convs:
            x = F.max_pool2d(conv(x).relu(), 2)
        return self.end(self.fc(self.drop(x.flatten(start_dim=1))))


def variant(**changes):
    return type("Variant", (Mended,), changes)


def meeting(model, names=("conv2", "conv3", "conv4", "conv5")):
    """As the solution has it."""
    clean = torch.rand(1, 96, 27, 27)
    dirty = torch.cat([clean[:, :48], 5 + clean[:, 48:]], dim=1)
    with torch.inference_mode():
        for name in names:
            layer = model.get_submodule(name)
            clean, dirty = layer(clean).relu(), layer(dirty).relu()
            half = clean.shape[1] // 2
            if not torch.allclose(clean[:, :half], dirty[:, :half]):
                return name
    return None


def by_groups(model):
    return next(name for name in ("conv2", "conv3", "conv4", "conv5") if model.get_submodule(name).groups == 1)


def other(first=64, padding=2, drop_first=True, end=(), pool=3, rate=0.5):
    """As the solution has it."""
    drop, fc = nn.Dropout(rate), nn.Linear(256 * 6 * 6, 4096)
    return nn.Sequential(
        nn.Conv2d(3, first, 11, stride=4, padding=padding), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(first, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(pool, 2), nn.Flatten(),
        *((drop, fc) if drop_first else (fc, drop)), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000), *end)


def macs(model, images, grouped=True, everywhere=True, dense=True, batch=False, bias=0, tidy=True):
    """As the solution has it."""
    total, hooks = 0, []

    def add(layer, inputs, output):
        nonlocal total
        if isinstance(layer, nn.Linear) and not dense:
            return
        filters = layer.weight.numel() + bias * layer.bias.numel()
        if isinstance(layer, nn.Conv2d):
            filters *= (output[0, 0].numel() if everywhere else 1) * (1 if grouped else layer.groups)
        total += filters * (len(output) if batch else 1)

    hooks += [layer.register_forward_hook(add) for layer in model.modules()
              if isinstance(layer, (nn.Conv2d, nn.Linear))]
    with torch.inference_mode():
        model(images)
    for hook in hooks if tidy else ():
        hook.remove()
    return total


CASES = (
    Case(exercises.which_sizes, ((227, 258),), (
        ("comes first", (258, 227)),
        ("with 224 pixels pool5 gives 5 x 5", (224, 258)),
        ("with 259 pixels pool5 gives 7 x 7", (227, 259)),
        ("228 pixels run, and one pixel less", (228, 258)),
        ("227 pixels run, and one pixel more", (227, 227)),
        ("too few for a window", (8, 258)),
    )),
    Case(exercises.three_bugs, ((Mended,),), (
        ("not among the model's parameters", (variant(holder=list),)),
        ("dropout is still on", (variant(drop=lambda self, x: F.dropout(x, 0.5)),)),
        ("probabilities, not logits", (variant(end=staticmethod(lambda x: x.softmax(dim=1))),)),
        ("logarithms of probabilities", (variant(end=staticmethod(lambda x: x.log_softmax(dim=1))),)),
        ("nothing is dropped", (variant(drop=lambda self, x: x),)),
        ("another share than half", (variant(rate=0.2),)),
        ("something else than before", (variant(end=staticmethod(lambda x: x.relu())),)),
        ("not an instance", (Mended(),)),
    )),
    Case(exercises.find_the_bridge, ((meeting,),), (
        ("first meet in conv2, your function says conv3", (lambda model: "conv3",)),
        ("whose weights from tower to tower are all 0, your function says conv2", (by_groups,)),
        ("finds no meeting", (lambda model: meeting(model, ("conv2", "conv3")),)),
        ("not the name of a layer", (lambda model: 3,)),
        ("ends in", (lambda model: model.conv9,)),
    )),
    Case(exercises.which_causes, ((["dead units", "other weights", "weights too small"],),
                                  (("Dead units", " other weights", "weights too small"),)), (
        ("look at the updates", (["other weights", "dead units", "weights too small"],)),
        ("network 2 has another cause than 'rate too small'", (["dead units", "rate too small", "weights too small"],)),
        ("network 3 has another cause than 'dead units'", (["dead units", "other weights", "dead units"],)),
        ("add up to 1", (["second softmax"] * 3,)),
        ("measurements would be healthy", (["wrong labels"] * 3,)),
        ("you name 2 causes", (["dead units", "other weights"],)),
        ("the cause of network 1 is one of", (["too cold", "other weights", "weights too small"],)),
        ("a list of three names", ("dead units",)),
    )),
    Case(exercises.other_alexnet, ((other,),), (
        ("conv1 has weights of the shape (96, 3, 11, 11)", (lambda: other(first=96),)),
        ("dropout stands in other places", (lambda: other(drop_first=False),)),
        ("a dropout drops 0.1", (lambda: other(rate=0.1),)),
        ("leave the softmax", (lambda: other(end=[nn.Softmax(dim=1)]),)),
        ("the outputs differ", (lambda: other(pool=2, padding=2),)),
        ("not a model", (nn.Linear(2, 2),)),
        ("layers with weights", (lambda: nn.Linear(2, 2),)),
    )),
    Case(exercises.count_macs, ((macs,),), (
        ("own group only", (lambda model, images: macs(model, images, grouped=False),)),
        ("every position", (lambda model, images: macs(model, images, everywhere=False),)),
        ("dense layers work too", (lambda model, images: macs(model, images, dense=False),)),
        ("whatever the size of the batch", (lambda model, images: macs(model, images, batch=True),)),
        ("leaves its hooks", (lambda model, images: macs(model, images, tidy=False),)),
        ("too many", (lambda model, images: 10**9,)),
    )),
)


def test_patients_have_what_their_causes_say():
    """Measured here once more: who moves, who is active, how much of the photographs arrives."""
    for place, (model, optimizer, images, labels) in enumerate(exercises.patients()):
        before = [value.clone() for value in model.parameters()]
        active, x = {}, images
        for name, layer in model.named_children():
            x = layer(x)
            active[name] = bool((x > 0).any())
        F.cross_entropy(x, labels).backward()
        optimizer.step()
        moved = any(not torch.equal(value, old) for value, old in zip(model.parameters(), before, strict=True))
        dead = not active["conv4"]
        faint = x.std(dim=0).mean().item() < 1e-5
        cause = exercises._TRUE[place]
        assert (dead, not moved) == (cause == "dead units", cause == "other weights")
        assert faint == (cause in ("dead units", "weights too small"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_right_answers_pass_and_wrong_ones_get_their_sentence(case):
    assert_case(case)


def test_every_exercise_of_the_chapter_has_its_check():
    assert not list(faults("08-alexnet-pytorch", exercises, CASES))
