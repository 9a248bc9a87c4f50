"""What a trained network has learned, and why it gives an answer: filters, occlusion, gradients, neighbors.

Every function takes images as a card prepares them (:meth:`alexbook.weights.Card.prepare`), float32 ``(count, height,
width, channels)``, and gives NumPy arrays, channels last, whichever framework the model is of. What looks into a model
is in :mod:`alexbook.explaining.torch` and :mod:`alexbook.explaining.keras`, with the same functions. The rest is NumPy
alone: :mod:`~alexbook.explaining.filters`, :mod:`~alexbook.explaining.images` (occlusion, an adversarial step, gradient
ascent, patches) and :mod:`~alexbook.explaining.neighbors`.

>>> import numpy as np
>>> from alexbook.explaining import images
>>> images.occlusion(lambda x: x.sum((1, 2, 3)), np.ones((4, 4, 1)), 2, 2)  # each window holds four ones
array([[4., 4.],
       [4., 4.]])
"""
