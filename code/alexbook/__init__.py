"""The helper package of the book "AlexNet, Layer by Layer".

Importing it costs nothing: each module is imported on its own (``from alexbook import networks``), and only
``torch_models`` and ``keras_models`` (and what trains with them) need a framework.
"""

import os
import warnings

from alexbook import _triton

# pooch imports tqdm.auto, which warns where ipywidgets is missing; this package's progress bars are plain text.
warnings.filterwarnings("ignore", message="IProgress not found")

_triton.guard()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its start are no reader's matter

__version__ = "0.1.0"
