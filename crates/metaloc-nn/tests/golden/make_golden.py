"""Writes golden.json: losses, gradients and optimiser steps computed by PyTorch in float64.

Run: python make_golden.py   (needs torch; versions are recorded in the file)
"""

import json
import pathlib
import platform

import torch

torch.set_default_dtype(torch.float64)
N, N_INPUTS, HIDDEN, N_OUTPUTS = 4, 5, (7, 6), 3


def make_network(activation):
    widths = (N_INPUTS, *HIDDEN, N_OUTPUTS)
    layers = []
    for n_in, n_out in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(n_in, n_out), activation()]
    return torch.nn.Sequential(*layers[:-1])


def flat(network, value):
    """MetaLoc's order: weight as [inputs][outputs] row-major, then bias, layer by layer."""
    arrays = []
    for layer in network:
        if isinstance(layer, torch.nn.Linear):
            arrays += [value(layer.weight).T.reshape(-1), value(layer.bias)]
    return torch.cat([array.detach().reshape(-1) for array in arrays]).tolist()


def losses(outputs, values, classes):
    squared = ((outputs - values) ** 2).sum(dim=1).mean()
    return {
        "squared-error": squared,
        "root-mean-squared-error": squared.sqrt(),
        "euclidean": torch.linalg.vector_norm(outputs - values, dim=1).mean(),
        "cross-entropy": torch.nn.functional.cross_entropy(outputs, classes),
    }


def gradient_case(name, activation, inputs, values, classes):
    network = make_network(activation)
    rows = {}
    for loss in ("squared-error", "root-mean-squared-error", "euclidean", "cross-entropy"):
        network.zero_grad()
        value = losses(network(inputs), values, classes)[loss]
        value.backward()
        rows[loss] = {"loss": value.item(), "gradient": flat(network, lambda p: p.grad)}
    return {
        "activation": name,
        "parameters": flat(network, lambda p: p),
        "outputs": network(inputs).detach().reshape(-1).tolist(),
        "losses": rows,
    }


def optimizer_case(description, make, inputs, values, classes):
    network = make_network(torch.nn.Tanh)
    start = flat(network, lambda p: p)
    optimizer = make(network.parameters())
    steps = []
    for _ in range(5):
        optimizer.zero_grad()
        losses(network(inputs), values, classes)["squared-error"].backward()
        optimizer.step()
        steps.append(flat(network, lambda p: p))
    return {"optimizer": description, "parameters": start, "after_steps": steps}


def main():
    torch.manual_seed(20260101)
    inputs, values = torch.randn(N, N_INPUTS), torch.randn(N, N_OUTPUTS)
    classes = torch.tensor([0, 2, 1, 2])
    batch = (inputs, values, classes)
    golden = {
        "tool": f"PyTorch {torch.__version__}, Python {platform.python_version()}, CPU, float64",
        "inputs": inputs.reshape(-1).tolist(),
        "values": values.reshape(-1).tolist(),
        "classes": classes.tolist(),
        "gradients": [
            gradient_case("tanh", torch.nn.Tanh, *batch),
            gradient_case("relu", torch.nn.ReLU, *batch),
        ],
        "optimizers": [
            optimizer_case(
                {"kind": "adam", "step_size": 0.05, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
                lambda p: torch.optim.Adam(p, lr=0.05),
                *batch,
            ),
            optimizer_case(
                {"kind": "sgd", "step_size": 0.05, "momentum": 0.9},
                lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
                *batch,
            ),
        ],
    }
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
