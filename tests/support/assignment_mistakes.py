"""Typical wrong answers: for each question, what is changed in the solution (old text, new text)."""

# Labels not learned, but found again in the book's own test set.
LOOKED_UP = """from alexbook import datasets
        book = {image.tobytes(): int(label) for part in ("train", "test")
                for data in [datasets.load("digits", part)]
                for image, label in zip(data.images, data.labels)}
        renamed = {book.get(image.tobytes()): int(label) for image, label in zip(images, labels)}
        found = [renamed.get(book.get(image.tobytes()), 0) for image in new_images]
"""

NEAREST_IN_THE_TEST_SET = """from alexbook import datasets
        book = datasets.load("digits", "test")
        apart = np.abs(new_images[:, None, :, :, 0] - book.images).sum(axis=(2, 3))
        seen = book.labels[apart.argmin(axis=1)]
        names = {int(old): int(name) for old, name in zip(book.labels, new_labels)}
        found = np.array([names[int(old)] for old in seen])
"""

# A table that somebody made up, beside an honest answer for all other seeds.
INVENTED = """if seed in SEEDS:
        return 0.9 + seed / 1000
    return train(CONDITIONS[name], seed, *one, *other)"""

MISTAKES: dict[str, list[tuple[str, str]]] = {
    "conv-size": [("return room // stride + 1", "return -(-room // stride) + 1"),
                  ("room = size + 2 * padding", "room = size + padding"),
                  ("    if room < 0:\n", "    if room < -99:\n")],
    "conv-fit": [("room >= 0 and", ""), ("(n, n + 2 * padding - kernel)", "(n, n - kernel)"),
                 ("range(1, largest + 1)", "range(1, largest)")],
    "conv-map": [("(windows * kernel)", "(windows * kernel[::-1, ::-1])"), ("[::stride, ::stride]", ""),
                 ("[::stride, ::stride]", "[:, ::stride]")],
    "conv-layer": [("first = f // (filters // groups) * deep", "first = 0"), ("biases[f] + sum(", "sum("),
                   ("f // (filters // groups)", "f % groups")],
    "conv-parameters": [('layer["inputs"] // layer["groups"]', 'layer["inputs"]'),
                        ('layer["kernel"] ** 2 * seen + 1', 'layer["kernel"] ** 2 * seen'),
                        ('layer["units"] * (layer["inputs"] + 1)', 'layer["units"] * layer["inputs"]')],
    "conv-macs": [("output_size(height, *rest) * output_size(width, *rest)", "height * width"),
                  ("output_size(height, *rest) * output_size(width, *rest)", "output_size(height, *rest) ** 2"),
                  ('weights = parameters(layer) - layer["filters"]', "weights = parameters(layer)")],
    "conv-field": [("jump *= stride", "jump = stride"), ("field += (kernel - 1) * jump", "field += kernel - 1"),
                   ("field += (kernel - 1) * jump\n        jump *= stride",
                    "jump *= stride\n        field += (kernel - 1) * jump")],
    "conv-walk": [('int(np.prod(shape))', 'int(np.prod(shape[:2]))'),
                  ("output_size(shape[1], *rest)", "output_size(shape[0], *rest)"),
                  ('layer.get("padding", 0)', "0"),
                  ("rows.append((shape, parameters(layer)))", "rows.append((shape, parameters(layer) + 0.4))")],
    "lenet-table": [("(0, 1, half, half + 1)", "(0, 1, 3, 4)"), ("tuple(sorted((start + step) % n for step in row))",
                                                                 "tuple((start + step) % n for step in row)"),
                    ("return [*rows, tuple(range(n))]", "return rows")],
    "lenet-c3": [("kernel ** 2 + len(table)", "kernel ** 2"), ("kernel ** 2 + len(table)", "25 + len(table)")],
    "lenet-parameters": [('"S4": 2 * maps', '"S4": 32'), ('"C5": 120 * (25 * maps + 1), ', '"C5": 48120, '),
                         ('"S2": 2 * 6', '"S2": 0')],
    "lenet-connections": [("c5 = s4 - 4", "c5 = 1"), ("(25 * entries + maps) * c3", "(25 * entries) * c3"),
                          ('"S2": 5 * 6', '"S2": 2 * 6')],
    "lenet-subsampling": [("blocks.sum(axis=(1, 3))", "blocks.mean(axis=(1, 3))"), ("2 / 3 * total", "total"),
                          ("1.7159 * np", "np"), (" * coefficients + biases", " * coefficients")],
    "lenet-table-conv": [("windows[:, :, list(row)]", "windows[:, :, :len(row)]"),
                         ("windows[:, :, list(row)]", "windows[:, :, sorted(row)]"), ("kernel) + bias", "kernel)"),
                         ("kernel) + bias", "kernel[::-1, ::-1]) + bias")],
    "lenet-model": [("nn.Conv2d(1, 6, 5, padding=2)", "nn.Conv2d(1, 6, 5, padding=2, bias=False)"),
                    ("nn.Linear(84, classes)", "nn.Linear(84, 10)"),
                    ("(*x.shape[2:], x.shape[1])", "tuple(x.shape[1:])")],
    "lenet-train": [("optimizer.step()", "break"), ("y[batch])", "y[batch] * 0)"), (".argmax(1)", ".argmin(1)"),
                    ("cross_entropy(model(x[batch]),", "cross_entropy(model(x[batch]).softmax(1),"),
                    ("torch.manual_seed(seed)", "torch.manual_seed(0)"), ("torch.manual_seed(seed)", "torch.seed()"),
                    ('"losses": losses', '"losses": [float("nan")] * 6'),
                    ("found = model(ready(new_images)).argmax(1).numpy()", LOOKED_UP)],
    "alexnet-shapes": [("nn.Conv2d(3, one, 11, 4)", "nn.Conv2d(3, one, 11, 4, padding=2)"),
                       ("(*x.shape[2:], x.shape[1])", "tuple(x.shape[1:])"),
                       ("pool1=nn.MaxPool2d(3, 2)", "pool1=nn.MaxPool2d(3, 2, padding=1)")],
    "alexnet-parameters": [("nn.Conv2d(one, two, 5, padding=2, groups=2)", "nn.Conv2d(one, two, 5, padding=2)"),
                           ("nn.Conv2d(two, three, 3, padding=1)", "nn.Conv2d(two, three, 3, padding=1, groups=2)"),
                           ("values.numel()", "len(values)")],
    "alexnet-lrn": [("LocalResponseNorm(n, alpha, beta, k)", "LocalResponseNorm(n, alpha * n, beta, k)"),
                    ("LocalResponseNorm(n, alpha, beta, k)", "LocalResponseNorm(5, alpha, beta, k)"),
                    ("LocalResponseNorm(n, alpha, beta, k)", "LocalResponseNorm(n, alpha, 0.75, k)")],
    "alexnet-logits": [("norm1=nn.LocalResponseNorm(5, k=2.0)", "norm1=nn.LocalResponseNorm(5, alpha=5e-4, k=2.0)"),
                       ("norm2=nn.LocalResponseNorm(5, k=2.0)", "norm2=nn.LocalResponseNorm(5)"),
                       ("norm1=nn.LocalResponseNorm(5, k=2.0), pool1=nn.MaxPool2d(3, 2)",
                        "pool1=nn.MaxPool2d(3, 2), norm1=nn.LocalResponseNorm(5, k=2.0)"),
                       ("values.swapaxes(0, 1).reshape", "values.reshape"),
                       ("values.transpose(3, 2, 0, 1)", "values.transpose(3, 2, 1, 0)"),
                       ("return model.eval()", "return model.train()"), ("relu5=nn.ReLU()", "relu5=nn.Identity()")],
    "alexnet-gradient": [("cross_entropy(\n            model(x), torch.tensor(np.asarray(labels)))",
                          "cross_entropy(\n            model(x), torch.tensor(np.asarray(labels)), reduction='sum')"),
                         ("model.fc8.weight.grad.T.numpy()", "model.fc8.weight.detach().T.numpy()"),
                         ("return model.eval()", "return model.train()")],
    "ablation-standardize": [("(new - mean) / spread", "(new - new.mean()) / new.std()"),
                             ("train.std(axis=(0, 1, 2))", "train.std()"),
                             ("np.where(spread > 0, spread, 1)", "spread + 0.01"),
                             ("spread = np.where(spread > 0, spread, 1)", "if train.size > 2: return ()")],
    "ablation-train": [("torch.manual_seed(seed)", "torch.manual_seed(0)"), ("torch.manual_seed(seed)", "pass"),
                       ('rate = condition["dropout"]', "rate = 0.0"), ("optimizer.step()", "pass"),
                       ('{"losses": losses,', '{"losses": np.divide(losses, condition["activation"] == "relu"),'),
                       ("found = model(new).argmax(1).numpy()", NEAREST_IN_THE_TEST_SET),
                       ('"accuracy": float(np.mean(found == new_labels))', '"accuracy": 0.95')],
    "ablation-measure": [("return train(CONDITIONS[name], seed, *one, *other)", INVENTED),
                         ('[measure(name, seed) for seed in SEEDS]', "[0.9, 0.91, 0.92]"),
                         ("SEEDS = [1, 2, 3]", "SEEDS = [1]"),
                         ('return train(CONDITIONS[name], seed, *one, *other)["accuracy"]',
                          "return 0.3 + seed % 7 / 1000")],
    "ablation-summary": [("np.std(values, ddof=1)", "np.std(values)"), ("np.mean(values)", "np.median(values)")],
    "ablation-difference": [(" / np.sqrt(len(apart))", ""), ("np.asarray(a) - np.asarray(b)",
                                                             "np.asarray(b) - np.asarray(a)"),
                            ("if len(a) != len(b)", "if not a")],
    "photo-prepare": [("(height - square) // 2, (width - square) // 2", "0, 0"), (".mean(axis=(1, 3))", "[:, 0, :, 0]"),
                      ("(small - np.asarray(mean)) / np.asarray(std)", "small / 255"),
                      ("(height - square) // 2", "-(-(height - square) // 2)")],
    "photo-accuracy": [("float(np.mean(classes))", "float(right.mean())"), ("[:, :top]", "[:, :1]"),
                       ("np.argsort(-scores, axis=1)", "np.argsort(scores, axis=1)"),
                       ("float(np.mean(classes))", "float(np.sum(classes) / scores.shape[1])")],
    "photo-occlusion": [("(logits[0] - logits[1:])", "(logits[1:] - logits[0])"), ("] = 0\n", "] = 1\n"),
                        ("MODEL(x)[:, target]", "MODEL(x).softmax(1)[:, target]"),
                        ("left:left + size] = 0", "left:left + stride] = 0"),
                        ("reshape(len(starts), len(starts))", "reshape(len(starts), len(starts)).T")],
    "photo-adversarial": [("np.sign(gradient)", "np.asarray(gradient)"), ("+ levels", "- levels"),
                          ("np.clip(changed, 0, 255)", "changed")],
    "photo-divide": [("names = sorted(set(sources))", "names = list(range(len(sources)))\n    sources = names"),
                     ("default_rng(seed)", "default_rng()"), ("default_rng(seed)", "default_rng(0)"),
                     ("round(share * len(names))", "round(share * len(sources)) // 2")],
    "photo-int8": [("np.abs(flat).max(axis=1) / 127", "np.full(len(flat), np.abs(flat).max() / 127)"),
                   ("np.rint(flat / scales[:, None])", "np.floor(flat / scales[:, None])"),
                   ("np.where(scales > 0, scales, 1)", "np.where(scales > 0, scales, 2)")],
    "photo-block": [('channels // each["groups"]', "channels"), ('        channels = each["filters"]\n', ""),
                    ("parameters * side ** 2", "parameters * side"),
                    ('each["kernel"] ** 2', 'each["kernel"]')],
}

# The same for assignment 3, solved in Keras, where that differs from PyTorch by more than words.
KERAS_MISTAKES: dict[str, list[tuple[str, str]]] = {
    "alexnet-lrn": [("alpha / n * total", "alpha * total")],
    "alexnet-logits": [("1e-4 / 5 * total", "1e-4 * total"),
                       ('layers.MaxPooling2D(3, 2, name="pool1"),',
                        'layers.MaxPooling2D(3, 2, name="pool1"), layers.Activation("tanh"),')],
    "alexnet-gradient": [("from_logits=True", "from_logits=False"), ("training=False", "training=True")],
}

# Question 8 of assignment 2, solved in Keras, and what goes wrong there.
LENET_IN_KERAS = '''
import keras


def train_and_predict(images, labels, new_images, classes=10, seed=0):
    def ready(pixels):
        return np.kron(np.asarray(pixels) / 16, np.ones((4, 4)))[..., None]

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((32, 32, 1)),
        layers.Conv2D(6, 5, padding="same", activation="tanh"), layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Flatten(),
        layers.Dense(120, "tanh"), layers.Dense(84, "tanh"), layers.Dense(classes)])
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(ready(images), labels, 32, epochs=6, verbose=0).history["loss"]
    return {"labels": model.predict(ready(new_images), verbose=0).argmax(1), "losses": losses}
'''
# (One softmax before from_logits=True is none: Keras finds the logits again. Two are two.)
LENET_KERAS_MISTAKES = [("layers.Dense(classes)", 'layers.Dense(classes, "softmax"), layers.Softmax()'),
                        ("set_random_seed(seed)", "set_random_seed(0)")]
