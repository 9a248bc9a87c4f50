"""The networks built in Keras and in PyTorch, their layers, and weights from one to the other."""
