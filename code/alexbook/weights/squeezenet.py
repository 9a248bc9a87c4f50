"""SqueezeNet 1.0 (Iandola et al. 2016): AlexNet's accuracy on ImageNet with a fiftieth of its parameters.

Its trained weights exist as one file of 675,763 bytes, pruned and with 256 values for each layer (Han et al. 2016, Deep
Compression). :func:`decode` reads that file; :func:`torch_model` and :func:`keras_model` build the network of it.

Source of the layers: the Caffe definition SqueezeNet_v1.0/deploy.prototxt, whose last convolution has a padding of 1;
pooling rounds up, as Caffe does.
"""

from typing import Any

import numpy as np

CLASSES = 1000
SIDE = 227
MEAN = (123.0, 117.0, 104.0)  # of red, green, blue: what is subtracted from the pixels; the network takes B, G, R
# Channels of the 1x1 convolution that squeezes and of each of the two that expand, for fire2 to fire9.
FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
POOLED = (4, 8)  # a pooling follows these fires, as it follows conv1


def shapes() -> dict[str, tuple[int, int, int, int]]:
    """The kernels, ``(out, in, height, width)``, in the order of the network and of the file."""
    found, channels = {"conv1": (96, 3, 7, 7)}, 96
    for number, (squeezed, expanded) in FIRES.items():
        found |= {f"fire{number}_squeeze": (squeezed, channels, 1, 1),
                  f"fire{number}_expand1": (expanded, squeezed, 1, 1),
                  f"fire{number}_expand3": (expanded, squeezed, 3, 3)}
        channels = 2 * expanded
    return found | {"conv10": (CLASSES, channels, 1, 1)}


def decode(content: bytes) -> dict[str, np.ndarray]:
    """The weights in the compressed file.

    It begins with the number of stored values of each layer, as uint32. For each layer follow 256 values (float32), the
    biases (float32), for each stored value the index of its value (uint8), and how many zeros lie before it (4 bits,
    the low half of a byte first; a longer gap is bridged by stored zeros).

    Args:
        content: The file's bytes.

    Returns:
        Float32 arrays by name, ``conv1.weight`` to ``conv10.bias``, kernels ``(out, in, height, width)``.

    Raises:
        ValueError: The bytes are not such a file.
    """
    wanted = shapes()
    try:
        counts = np.frombuffer(content, "<u4", len(wanted))
        at, found = counts.nbytes, dict[str, np.ndarray]()
        for count, (name, shape) in zip(counts.tolist(), wanted.items(), strict=True):
            codebook = np.frombuffer(content, "<f4", 256, at)
            biases = np.frombuffer(content, "<f4", shape[0], at + codebook.nbytes)
            at += codebook.nbytes + biases.nbytes
            codes = np.frombuffer(content, np.uint8, count, at)
            halves = np.frombuffer(content, np.uint8, (count + 1) // 2, at + count)
            at += count + halves.nbytes
            gaps = np.stack([halves % 16, halves // 16], axis=1).ravel()[:count].astype(int)
            kernel = np.zeros(shape, np.float32)
            kernel.ravel()[np.cumsum(gaps + 1) - 1] = codebook[codes]
            found |= {f"{name}.weight": kernel, f"{name}.bias": biases.astype(np.float32)}
    except (ValueError, IndexError):
        raise ValueError(f"These {len(content):,} bytes are not a compressed SqueezeNet; get the file again.") from None
    if at != len(content):
        raise ValueError(f"A compressed SqueezeNet ends after {at:,} bytes here, but there are {len(content):,}; get "
                         "the file again.")
    return found


def prepare(image: np.ndarray) -> np.ndarray:
    """A square color image of ``SIDE`` pixels as the network takes it: B, G, R, minus their means; float32."""
    return (image.astype(np.float32) - np.array(MEAN, np.float32))[..., ::-1]


def torch_model(values: dict[str, np.ndarray]) -> Any:
    """The network in PyTorch, in inference mode: images ``(batch, 3, 227, 227)``, logits ``(batch, 1000)``.

    ``model.features`` gives the feature maps before the last convolution, ``(batch, 512, 13, 13)``.
    """
    import torch
    from torch import nn

    class Fire(nn.Module):
        """A 1 x 1 convolution to few channels, then 1 x 1 and 3 x 3 convolutions side by side."""

        def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
            super().__init__()
            self.squeeze = nn.Conv2d(channels, squeezed, 1)
            self.expand1 = nn.Conv2d(squeezed, expanded, 1)
            self.expand3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.squeeze(x).relu()
            return torch.cat([self.expand1(x).relu(), self.expand3(x).relu()], dim=1)

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers: list[tuple[str, nn.Module]] = [("conv1", nn.Conv2d(3, 96, 7, 2)), ("relu1", nn.ReLU()), ("pool1", pool())]
    channels = 96
    for number, (squeezed, expanded) in FIRES.items():
        layers.append((f"fire{number}", Fire(channels, squeezed, expanded)))
        channels = 2 * expanded
        if number in POOLED:
            layers.append((f"pool{number}", pool()))
    features, head = nn.Sequential(), nn.Sequential()
    for name, layer in layers:
        features.add_module(name, layer)
    for name, layer in (("dropout", nn.Dropout()), ("conv10", nn.Conv2d(channels, CLASSES, 1, padding=1)),
                        ("relu", nn.ReLU()), ("mean", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten())):
        head.add_module(name, layer)
    model = nn.Sequential()
    model.add_module("features", features)
    model.add_module("head", head)
    model.load_state_dict({_torch_name(name): torch.from_numpy(array) for name, array in values.items()})
    return model.eval()


def _torch_name(name: str) -> str:
    return f"head.{name}" if name.startswith("conv10") else f"features.{name.replace('_', '.')}"


def keras_model(values: dict[str, np.ndarray]) -> Any:
    """The network in Keras: images ``(batch, 227, 227, 3)``, logits ``(batch, 1000)``; its layer ``features`` gives the
    feature maps before the last convolution, ``(batch, 13, 13, 512)``."""
    import keras
    from keras import layers

    def conv(name: str, filters: int, kernel: int, **settings: Any) -> layers.Layer:
        return layers.Conv2D(filters, kernel, activation="relu", name=name, **settings)

    x = inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.MaxPooling2D(3, 2, padding="valid", name="pool1")(conv("conv1", 96, 7, strides=2)(x))
    for number, (squeezed, expanded) in FIRES.items():
        x = conv(f"fire{number}_squeeze", squeezed, 1)(x)
        x = layers.Concatenate(name="features" if number == max(FIRES) else f"fire{number}")(
            [conv(f"fire{number}_expand1", expanded, 1)(x),
             conv(f"fire{number}_expand3", expanded, 3, padding="same")(x)])
        if number in POOLED:
            x = layers.MaxPooling2D(3, 2, padding="valid", name=f"pool{number}")(x)
    x = conv("conv10", CLASSES, 1)(layers.ZeroPadding2D(1, name="conv10_pad")(x))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D(name="mean")(x), name="squeezenet")
    for name in shapes():
        model.get_layer(name).set_weights([values[f"{name}.weight"].transpose(2, 3, 1, 0), values[f"{name}.bias"]])
    return model
