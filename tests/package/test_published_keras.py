"""Quoted parameters of networks against Keras's own constructions of them, which were written independently."""

import numpy as np
import pytest
from alexbook import published

keras = pytest.importorskip("keras")
NETWORKS = {"vgg16": "VGG16", "resnet50": "ResNet50", "resnet152": "ResNet152", "convnext_tiny": "ConvNeXtTiny",
            "mobilenet_v3_small": "MobileNetV3Small", "efficientnet_b0": "EfficientNetB0"}


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_keras_own(name: str) -> None:
    """Keras's convolutions in ResNet have biases, useless before batch normalization; torchvision has none."""
    model = getattr(keras.applications, NETWORKS[name])(weights=None)
    counted = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    if name.startswith("resnet"):
        counted -= sum(layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    assert counted == published.number(f"networks.{name}.parameters")
