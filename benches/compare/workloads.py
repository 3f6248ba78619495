"""The workloads as both sides read them: network descriptions, settings, tasks, start weights.

Networks are written as MetaLoc's configuration writes them. Images are [height, width, channels],
convolution weights [height, width, channels, filters], dense weights [inputs, outputs]; everything
lies in one flat vector, as in MetaLoc. `Layout` turns such a vector into PyTorch's tensors and back.
"""

import json
import math

import numpy
import torch

N_WAYS, K_SUPPORT, K_QUERY = 10, 3, 5
SEED = 1


def conv2d(filters, padding):
    return {"kind": "conv2d", "filters": filters, "kernel": [3, 3], "padding": [padding, padding]}


RELU = {"kind": "relu"}
POOL = {"kind": "max_pool", "kernel": [2, 2]}
BATCH_NORM = {"kind": "batch_norm"}


def dense(outputs):
    return {"kind": "dense", "outputs": outputs}


def cnn():
    layers = []
    for index, filters in enumerate([32, 32, 64, 64, 64]):
        layers += [conv2d(filters, 1), RELU] + ([POOL] if index < 4 else [])
    return {"inputs": [50, 52, 3], "layers": layers + [dense(N_WAYS)]}


def small_cnn():
    """That of the MetaLoc authors' released code."""
    layers = []
    for index in range(4):
        layers += [conv2d(10, 0), RELU, BATCH_NORM] + ([POOL] if index < 3 else [])
    return {"inputs": [50, 50, 3], "layers": layers + [dense(N_WAYS)]}


def mlp():
    layers = []
    for _ in range(4):
        layers += [dense(128), RELU]
    return {"inputs": 15, "layers": layers + [dense(2)]}


def spec(network, loss="cross-entropy", kind="meta", steps=5, second_order=False):
    maml = {"inner_step_size": 0.01, "inner_steps": steps, "second_order": second_order}
    # A small outer step: the weights stay nearly as they were drawn however long the rounds are.
    return {"network": network, "loss": loss, "kind": kind, "n_tasks": 4 if kind == "meta" else 1,
            "maml": maml, "outer_step_size": 1e-5}


SPECS = {
    "W1": lambda: spec(cnn()),
    "W2": lambda: spec(mlp(), loss="euclidean", steps=1),
    "W3": lambda: spec(cnn(), kind="adapt", steps=10),
    "small-cnn": lambda: spec(small_cnn()),
    "W1-second-order": lambda: spec(cnn(), second_order=True),
}


class Layout:
    """Where each array of a network lies in the flat vector, and its shape on either side."""

    def __init__(self, network):
        self.layers = network["layers"]
        self.arrays = []  # (shape in the flat vector, how it becomes PyTorch's, and back, fan-in)
        shape = network["inputs"]
        shape = [shape] if isinstance(shape, int) else list(shape)
        for layer in self.layers:
            shape = self._add(layer, shape)
        self.n = sum(math.prod(shape) for shape, *_ in self.arrays)

    def _add(self, layer, shape):
        kind = layer["kind"]
        if kind == "conv2d":
            (height, width, channels), (kh, kw) = shape, layer["kernel"]
            (ph, pw), filters = layer["padding"], layer["filters"]
            self.arrays.append(([kh, kw, channels, filters],
                                lambda a: a.permute(3, 2, 0, 1),
                                lambda a: a.permute(2, 3, 1, 0), kh * kw * channels))
            self._vector(filters, 0.0)
            return [height + 2 * ph - kh + 1, width + 2 * pw - kw + 1, filters]
        if kind == "max_pool":
            height, width, channels = shape
            return [height // layer["kernel"][0], width // layer["kernel"][1], channels]
        if kind == "batch_norm":
            self._vector(shape[-1], 1.0)
            self._vector(shape[-1], 0.0)
        if kind == "dense":
            inputs, outputs = math.prod(shape), layer["outputs"]
            if len(shape) == 3:  # PyTorch flattens channels first
                height, width, channels = shape
                forth = lambda a: a.view(height, width, channels, outputs).permute(
                    3, 2, 0, 1).reshape(outputs, inputs)
                back = lambda a: a.view(outputs, channels, height, width).permute(
                    2, 3, 1, 0).reshape(inputs, outputs)
            else:
                forth = back = lambda a: a.T
            self.arrays.append(([inputs, outputs], forth, back, inputs))
            self._vector(outputs, 0.0)
            return [outputs]
        return shape

    def _vector(self, length, start):
        self.arrays.append(([length], lambda a: a, lambda a: a, start))

    def draw(self, generator):
        """Start weights: He et al. 2015 (uniform, fan-in), biases 0, gains 1."""
        parts = []
        for shape, _, _, start in self.arrays:
            if len(shape) == 1:
                parts.append(torch.full(shape, start))
            else:
                bound = math.sqrt(6 / start)
                parts.append(bound * (2 * torch.rand(math.prod(shape), generator=generator) - 1))
        return torch.cat(parts)

    def tensors(self, flat):
        """PyTorch's tensors, with their own memory."""
        tensors, offset = [], 0
        for shape, forth, _, _ in self.arrays:
            n = math.prod(shape)
            tensors.append(forth(flat[offset:offset + n].view(shape)).contiguous().clone())
            offset += n
        return tensors

    def flat(self, tensors):
        parts = [back(tensor.detach().contiguous()).reshape(-1)
                 for tensor, (_, _, back, _) in zip(tensors, self.arrays)]
        return torch.cat(parts)


class Workload:
    """A workload's settings with its data, in single precision, images as [n, h, w, c].

    A small one has a single task with an image a class: fewer ties (README.md, "How").
    """

    def __init__(self, name, seed=SEED, small=False):
        self.name, self.small = name, small
        self.spec = SPECS[name]()
        if small:
            self.spec["n_tasks"] = 1
        self.layout = Layout(self.spec["network"])
        generator = torch.Generator().manual_seed(seed)
        self.parameters = self.layout.draw(generator)
        self.tasks = [self._task(generator) for _ in range(self.spec["n_tasks"])]

    def _task(self, generator):
        """((support inputs, labels), (query inputs, labels))"""
        shape = self.spec["network"]["inputs"]
        if self.spec["loss"] == "euclidean":
            sizes = (10, 10) if self.small else (100, 30)
            return [self._samples(n, shape, generator) for n in sizes]
        levels = torch.randn(N_WAYS, generator=generator)
        sizes = (1, 1) if self.small else (K_SUPPORT, K_QUERY)
        return [self._images(k, levels, shape, generator) for k in sizes]

    @staticmethod
    def _samples(n, width, generator):
        x = torch.randn(n, width, generator=generator)
        return x, torch.stack([x[:, 0] + x[:, 1] * x[:, 2], x[:, 3] - x[:, 4]], dim=1)

    @staticmethod
    def _images(k, levels, shape, generator):
        classes = torch.arange(N_WAYS).repeat_interleave(k)
        noise = torch.randn(len(classes), *shape, generator=generator)
        # Of a size at which the first loss is near that of a guess, and the inner steps descend.
        return 0.3 * (noise + levels[classes].view(-1, 1, 1, 1)), classes

    def write(self, folder):
        """Writes what the Rust side reads."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "spec.json").write_text(json.dumps(self.spec, indent=1))
        self._put(folder / "parameters.f32", [self.parameters])
        for index, name in enumerate(["support", "query"]):
            for part, what in enumerate(["inputs", "labels"]):
                arrays = [task[index][part] for task in self.tasks]
                self._put(folder / f"{name}_{what}.f32", arrays)

    @staticmethod
    def _put(path, tensors):
        numbers = numpy.concatenate([tensor.numpy().astype("<f4").ravel() for tensor in tensors])
        numbers.tofile(path)
