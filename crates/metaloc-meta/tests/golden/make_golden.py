"""Writes golden.json: one first-order MAML meta-gradient computed by PyTorch in float64.

Run: python make_golden.py   (needs torch; versions are recorded in the file)

The inner steps are taken on plain tensors with torch.autograd.grad, detached after each step; the
gradient of the query loss at the task parameters then is the first-order meta-gradient.
"""

import json
import pathlib
import platform

import torch

torch.set_default_dtype(torch.float64)
WIDTHS = (3, 5, 2)
N_TASKS, K_SUPPORT, K_QUERY = 2, 6, 4
INNER_STEPS, INNER_STEP_SIZE = 2, 0.1


def float32_values(*shape):
    """Random numbers that float32 holds exactly, so that both sides start from the same ones."""
    return torch.randn(*shape).float().double()


def predict(parameters, inputs):
    weight1, bias1, weight2, bias2 = parameters
    return torch.tanh(inputs @ weight1 + bias1) @ weight2 + bias2


def mean_distance(parameters, batch):
    inputs, values = batch
    return torch.linalg.vector_norm(predict(parameters, inputs) - values, dim=1).mean()


def gradient(parameters, batch):
    leaves = [p.detach().requires_grad_() for p in parameters]
    loss = mean_distance(leaves, batch)
    return loss.item(), torch.autograd.grad(loss, leaves)


def task_gradient(parameters, support, query):
    for _ in range(INNER_STEPS):
        _, gradients = gradient(parameters, support)
        parameters = [p - INNER_STEP_SIZE * g for p, g in zip(parameters, gradients)]
    return gradient(parameters, query)


def flat(arrays):
    """MetaLoc's order: weight as [inputs][outputs] row-major, then bias, layer by layer."""
    return torch.cat([array.reshape(-1) for array in arrays]).tolist()


def main():
    torch.manual_seed(20261101)
    parameters = []
    for n_in, n_out in zip(WIDTHS, WIDTHS[1:]):
        parameters += [float32_values(n_in, n_out), float32_values(n_out)]
    batch = lambda n: (float32_values(n, WIDTHS[0]), float32_values(n, WIDTHS[-1]))
    tasks = [(batch(K_SUPPORT), batch(K_QUERY)) for _ in range(N_TASKS)]
    results = [task_gradient(parameters, *task) for task in tasks]
    golden = {
        "tool": f"PyTorch {torch.__version__}, Python {platform.python_version()}, CPU, float64",
        "parameters": flat(parameters),
        "support_inputs": flat([support[0] for support, _ in tasks]),
        "support_values": flat([support[1] for support, _ in tasks]),
        "query_inputs": flat([query[0] for _, query in tasks]),
        "query_values": flat([query[1] for _, query in tasks]),
        "task_losses": [loss for loss, _ in results],
        "meta_gradient": flat([sum(gs) for gs in zip(*(gradients for _, gradients in results))]),
    }
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
