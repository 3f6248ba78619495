"""Writes layers.json: networks of every layer computed by PyTorch in float64.

For each network: its description as MetaLoc writes it, parameters in MetaLoc's order, a batch, and
PyTorch's outputs, loss, gradient and Hessian-vector product along a direction.

Run: python make_layers.py   (needs torch; the version is recorded in the file)
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

torch.set_default_dtype(torch.float64)


class Parameters:
    """Cuts arrays off a flat vector, in MetaLoc's order."""

    def __init__(self, flat):
        self.flat, self.used = flat, 0

    def take(self, *shape):
        n = torch.Size(shape).numel()
        array = self.flat[self.used : self.used + n].reshape(shape)
        self.used += n
        return array


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def pooled(pool, x, layer):
    stride = layer.get("stride", layer["kernel"])
    return channels_last(pool(channels_first(x), layer["kernel"], stride))


def attention(x, layer, parameters):
    (n, slots, features), width, heads = x.shape, layer["width"], layer.get("heads", 1)
    summary = layer.get("summary", False)
    query = parameters.take(width) if summary else x @ parameters.take(features, width)
    if summary:
        query = query.expand(n, 1, width)
    key, value = (x @ parameters.take(features, width) for _ in range(2))

    def split(rows):
        return rows.reshape(n, -1, heads, width // heads).transpose(1, 2)

    with sdpa_kernel(SDPBackend.MATH):  # the others have no second derivative
        out = F.scaled_dot_product_attention(split(query), split(key), split(value))
    out = out.transpose(1, 2).reshape(n, -1, width)
    return out[:, 0] if summary else out


def normalised(x, layer, parameters):
    channels, epsilon = x.shape[-1], layer.get("epsilon", 1e-5)
    gain, bias = parameters.take(channels), parameters.take(channels)
    if layer["kind"] == "layer_norm":
        return F.layer_norm(x, [channels], gain, bias, epsilon)
    moved = x.movedim(-1, 1)
    if layer["kind"] == "group_norm":
        out = F.group_norm(moved, layer["groups"], gain, bias, epsilon)
    else:
        out = F.batch_norm(moved, None, None, gain, bias, True, 0.1, epsilon)
    return out.movedim(1, -1)


def apply(layer, x, parameters):
    kind = layer["kind"]
    if kind == "dense":
        x = x.reshape(len(x), -1)
        weight = parameters.take(x.shape[1], layer["outputs"])
        return x @ weight + parameters.take(layer["outputs"])
    if kind == "conv2d":
        (height, width), filters = layer["kernel"], layer["filters"]
        weight = parameters.take(height, width, x.shape[-1], filters).permute(3, 2, 0, 1)
        bias = parameters.take(filters)
        stride, padding = layer.get("stride", [1, 1]), layer.get("padding", [0, 0])
        return channels_last(F.conv2d(channels_first(x), weight, bias, stride, padding))
    if kind in ("layer_norm", "group_norm", "batch_norm"):
        return normalised(x, layer, parameters)
    if kind == "attention":
        return attention(x, layer, parameters)
    if kind == "residual":
        return x + run(layer["layers"], x, parameters)
    if kind in ("sum", "concatenate"):
        ends = [run(branch, x, parameters) for branch in layer["branches"]]
        return sum(ends) if kind == "sum" else torch.cat(ends, dim=-1)
    if kind == "global_average_pool":
        return x.mean(dim=tuple(range(1, x.dim() - 1)))
    return {
        "max_pool": lambda: pooled(F.max_pool2d, x, layer),
        "average_pool": lambda: pooled(F.avg_pool2d, x, layer),
        "relu": lambda: F.relu(x),
        "leaky_relu": lambda: F.leaky_relu(x, layer.get("slope", 0.01)),
        "tanh": lambda: torch.tanh(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "softmax": lambda: F.softmax(x, dim=-1),
        "flatten": lambda: x.reshape(len(x), -1),
    }[kind]()


def run(layers, x, parameters):
    for layer in layers:
        x = apply(layer, x, parameters)
    return x


def count(inputs, layers):
    """Number of parameters: what a run on a long enough vector takes."""
    parameters = Parameters(torch.zeros(100_000))
    run(layers, torch.zeros(2, *inputs), parameters)
    return parameters.used


def draw(*shape):
    """Normal numbers with few digits, which keep the file small."""
    return torch.round(torch.randn(shape), decimals=2)


def case(inputs, layers, n=3):
    direction, flat = (draw(count(inputs, layers)) * 0.5 for _ in range(2))
    flat.requires_grad_()
    x = draw(n, *inputs)
    outputs = run(layers, x, Parameters(flat))
    values = draw(*outputs.shape)
    loss = ((outputs - values) ** 2).reshape(n, -1).sum(dim=1).mean()
    (gradient,) = torch.autograd.grad(loss, flat, create_graph=True)
    (product,) = torch.autograd.grad(gradient @ direction, flat)

    def numbers(tensor):
        return tensor.detach().reshape(-1).tolist()

    return {
        "network": {"inputs": inputs, "layers": layers},
        "parameters": numbers(flat),
        "inputs": numbers(x),
        "values": numbers(values),
        "outputs": numbers(outputs),
        "loss": loss.item(),
        "gradient": numbers(gradient),
        "direction": numbers(direction),
        "product": numbers(product),
    }


def cases():
    relu, tanh, dense = {"kind": "relu"}, {"kind": "tanh"}, {"kind": "dense", "outputs": 2}

    def conv(filters, kernel, **settings):
        return {"kind": "conv2d", "filters": filters, "kernel": kernel, **settings}

    def pool(kind, kernel, **settings):
        return {"kind": kind, "kernel": kernel, **settings}

    small = conv(3, [3, 3], padding=[1, 1])
    return [
        # Rectifier and pooling fused, odd sizes.
        case([7, 5, 2], [small, relu, pool("max_pool", [2, 2]), small, relu, dense]),
        # Stride and padding, pooling with windows that overlap.
        case(
            [7, 8, 2],
            [
                conv(3, [3, 2], stride=[2, 1], padding=[2, 1]),
                tanh,
                pool("max_pool", [2, 3], stride=[1, 2]),
                dense,
            ],
        ),
        # Minimal filtering, there and back.
        case([5, 6, 1], [conv(16, [1, 1]), tanh, conv(16, [3, 3], padding=[1, 1]), tanh, dense]),
        case([6, 5, 2], [small, pool("average_pool", [2, 3], stride=[2, 1]), tanh, dense]),
        case([4, 5, 2], [small, {"kind": "batch_norm"}, relu, {"kind": "global_average_pool"}, dense]),
        case([4, 3, 2], [conv(4, [2, 2]), {"kind": "group_norm", "groups": 2}, tanh, dense]),
        case([4, 3], [{"kind": "layer_norm"}, tanh, dense]),
        case([5], [{"kind": "dense", "outputs": 6}, {"kind": "batch_norm"}, {"kind": "leaky_relu"}, dense], 4),
        case([4], [{"kind": "dense", "outputs": 5}, {"kind": "sigmoid"}, dense, {"kind": "softmax"}]),
        case([4, 3], [{"kind": "attention", "width": 4, "heads": 2}, tanh, dense]),
        case([4, 3], [{"kind": "attention", "width": 4, "heads": 2, "summary": True}, dense]),
        case(
            [3],
            [
                {"kind": "residual", "layers": [tanh, {"kind": "dense", "outputs": 3}]},
                {"kind": "concatenate", "branches": [[], [{"kind": "dense", "outputs": 2}, tanh]]},
                {"kind": "sum", "branches": [[dense], [tanh, dense]]},
            ],
        ),
    ]


def main():
    torch.manual_seed(20261123)
    golden = {"tool": f"PyTorch {torch.__version__}, CPU, float64", "cases": cases()}
    path = pathlib.Path(__file__).with_name("layers.json")
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
