#!/usr/bin/env python3
"""Draw the README's picture, _static/networks.svg, from the networks' data: python tools/picture.py"""

from pathlib import Path

from alexbook.diagrams import architecture

TARGET = Path(__file__).resolve().parent.parent / "_static" / "networks.svg"


def picture() -> str:
    """LeNet-5 and AlexNet to one scale, as SVG."""
    return architecture("lenet5", "alexnet_2012").svg()


if __name__ == "__main__":
    TARGET.write_text(picture(), encoding="utf-8", newline="\n")
