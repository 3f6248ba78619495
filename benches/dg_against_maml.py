"""How soon MAML-DG comes within 5 % of MAML's final error (the paper: in a third of the steps).

    python benches/dg_against_maml.py SURVEY --environments A,B,C --validate-on D [--sets SET,...]

Trains MAML and MAML-DG (readings r1 and as-released) with five seeds on the same survey, validating on an
environment held out, and prints for each the updates, gradient evaluations and seconds until its
validation error is for the first time within 5 % of the least one that MAML reaches with that seed; the
mean over the seeds with a 95 % interval of Student's t. Needs `metaloc` on the path, or METALOC.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

SEEDS = range(1, 6)
# Of Student's t with four degrees of freedom, two-sided 95 %.
T_95 = 2.776
INNER_STEPS, TASKS = 5, 4
# An environment's tasks each take the inner steps and a gradient on the queries; DG has two environments.
METHODS = {
    "maml": ("maml", "", TASKS * (INNER_STEPS + 1)),
    "maml-dg r1": ("maml-dg", 'reading = "r1"', 2 * TASKS * (INNER_STEPS + 1)),
    "maml-dg as-released": ("maml-dg", 'reading = "as-released"', 2 * TASKS * (INNER_STEPS + 1)),
}


def train(metaloc, arguments, folder, algorithm, reading, seed):
    config = folder / "config.toml"
    config.write_text(
        f'algorithm = "{algorithm}"\n[training]\niterations = {arguments.iterations}\n'
        "[training.validation]\nevery = 20\npatience = 1000\n"
        f"[maml]\ninner_steps = {INNER_STEPS}\n[variants.maml-dg]\n{reading}\n"
    )
    trace, model = folder / "trace.jsonl", folder / "model"
    command = [metaloc, "train", "--survey", arguments.survey, "--environments", arguments.environments]
    command += ["--validate-on", arguments.validate_on, "--config", config, "--seed", str(seed)]
    command += ["--trace", trace, "--out", model, "--quiet"]
    command += ["--sets", arguments.sets] if arguments.sets else []
    begin = time.monotonic()
    subprocess.run(command, check=True)
    seconds = time.monotonic() - begin
    rows = [json.loads(line) for line in trace.read_text().splitlines()]
    return [(row["iteration"], row["validation_loss"]) for row in rows], seconds / arguments.iterations


def interval(values):
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:.4g}"
    half = T_95 * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.4g} +- {half:.2g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("survey")
    parser.add_argument("--environments", required=True)
    parser.add_argument("--validate-on", required=True)
    parser.add_argument("--sets", default="")
    parser.add_argument("--iterations", type=int, default=1000)
    arguments = parser.parse_args()
    metaloc = os.environ.get("METALOC", "metaloc")
    results = {name: [] for name in METHODS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            goal = None
            for name, (algorithm, reading, gradients) in METHODS.items():
                folder_path = pathlib.Path(folder)
                curve, each = train(metaloc, arguments, folder_path, algorithm, reading, seed)
                least = min(loss for _, loss in curve)
                goal = 1.05 * least if goal is None else goal
                reached = next((at for at, loss in curve if loss <= goal), None)
                results[name].append((reached, gradients, each, least))
    print("| method | updates | gradient evaluations | seconds | least error | seeds that came there |")
    print("|---|---|---|---|---|---|")
    for name, rows in results.items():
        came = [row for row in rows if row[0] is not None]
        cells = [interval([row[3] for row in rows]), f"{len(came)} of {len(rows)}"]
        if came:
            updates = interval([row[0] for row in came])
            evaluations = interval([row[0] * row[1] for row in came])
            seconds = interval([row[0] * row[2] for row in came])
        else:
            updates = evaluations = seconds = "-"
        print("| " + " | ".join([name, updates, evaluations, seconds, *cells]) + " |")


if __name__ == "__main__":
    main()
