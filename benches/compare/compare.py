#!/usr/bin/env python3
"""MetaLoc's engine beside PyTorch, on the same data, in the same minutes. See README.md."""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

from environment import HERE, ROOT, TARGET, python_with

INSIDE = "METALOC_COMPARE_INSIDE"
WORKLOADS = ["W1", "W2", "W3", "small-cnn", "W1-second-order"]
OURS = "MetaLoc"
FIRST_ORDER = "MetaLoc, first order"
# Small tasks on which gradients are compared.
CHECKS = 7


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Example: python3 compare.py --workloads W1,W3 --rounds 12 --json results.json")
    parser.add_argument("--workloads", default=",".join(WORKLOADS),
                        help="which, separated by commas (default: %(default)s)")
    parser.add_argument("--contenders", help="only PyTorch variants whose name holds one of these "
                        "words, separated by commas")
    parser.add_argument("--rounds", type=int, default=12, help="at least 10 to publish a number")
    parser.add_argument("--seconds", type=float, default=0.5,
                        help="shortest time of a contender in a round (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="for either side (default: 2)")
    parser.add_argument("--json", metavar="FILE", help="write everything measured")
    parser.add_argument("--python", metavar="PATH",
                        help="a Python that has PyTorch, instead of installing it under target/")
    parser.add_argument("--index-url", default="https://pypi.org/simple",
                        help="where pip looks; https://download.pytorch.org/whl/cpu has wheels "
                        "without CUDA, which are much smaller (default: %(default)s)")
    parser.add_argument("--rust", metavar="PATH", help="our side, already built (the example "
                        "`compare` of the crate metaloc), instead of building it")
    return parser.parse_args()


def python_with_torch(options):
    """A Python that has PyTorch; made under target/ when first needed."""
    requirements = HERE / "requirements.txt"
    arguments = ["--index-url", options.index_url, "--requirement", requirements]
    return python_with(options.python, "venv", requirements.read_text(), arguments)


def rust_side(options):
    if options.rust:
        return pathlib.Path(options.rust).resolve()
    command = ["cargo", "build", "--release", "--package", "metaloc", "--example", "compare",
               "--message-format", "json-render-diagnostics"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    messages = [json.loads(line) for line in output.splitlines()]
    return pathlib.Path(next(m["executable"] for m in messages
                             if m.get("target", {}).get("name") == "compare"
                             and m.get("executable")))


class Rust:
    """Our side: a process that answers commands, so that rounds have no start-up in them."""

    def __init__(self, program, folder, threads):
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
        self.folder = folder
        self.process = subprocess.Popen([program, folder], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.greeting = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("our side ended; its message is above")
        return line.strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer()

    def seconds(self, repetitions):
        return float(self.ask(f"run {repetitions}"))

    def gradient(self):
        import numpy
        import torch

        self.ask("gradient")
        return torch.from_numpy(numpy.fromfile(self.folder / "gradient.f32", dtype="<f4"))

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Torch:
    """A PyTorch contender with the same two questions."""

    def __init__(self, contender):
        self.contender = contender

    def seconds(self, repetitions):
        start = time.perf_counter()
        for _ in range(repetitions):
            self.contender.run()
        return time.perf_counter() - start

    def gradient(self):
        return self.contender.layout.flat(self.contender.gradient())

    def close(self):
        self.contender.close()


def relative_error(found, reference):
    difference = found.double() - reference
    return (difference.norm() / reference.norm()).item()


def check(workload, options, rust):
    """Relative errors of either side in float32, on small tasks: their medians and the worst."""
    import torch
    from contenders import Contender
    from workloads import SEED, Workload

    errors = {OURS: [], "PyTorch": []}
    for task in range(CHECKS):
        say(f"{workload.name}: check {task + 1} of {CHECKS}")
        small = Workload(workload.name, SEED + 1 + task, small=True)
        reference = Torch(Contender(small, dtype=torch.float64)).gradient()
        folder = TARGET / f"{workload.name}-check"
        small.write(folder)
        ours = Rust(rust, folder, options.threads)
        errors[OURS].append(relative_error(ours.gradient(), reference))
        ours.close()
        errors["PyTorch"].append(relative_error(Torch(Contender(small)).gradient(), reference))
    return {side: {"median": statistics.median(all_), "worst": max(all_), "all": all_}
            for side, all_ in errors.items()}


def starting(workload, options, rust):
    """All contenders that work, with their relative errors; why the others don't."""
    import torch
    from contenders import Contender, Unsuitable, contenders
    from workloads import Workload

    reference = Torch(Contender(workload, dtype=torch.float64)).gradient()
    running, errors, skipped = {}, {}, {}

    def add(name, make, reference=reference):
        try:
            contender = make()
            error = relative_error(contender.gradient(), reference)
        except Unsuitable as reason:
            skipped[name] = str(reason)
        except Exception as reason:  # a compiler may fail in any way
            if name in (OURS, FIRST_ORDER):
                raise
            first = next(iter(str(reason).splitlines()), "")
            skipped[name] = f"{type(reason).__name__}: {first}"[:200]
        else:
            running[name], errors[name] = contender, error

    def ours(workload):
        folder = TARGET / workload.name
        workload.write(folder)
        return lambda: Rust(rust, folder, options.threads)

    add(OURS, ours(workload))
    if workload.spec["maml"]["second_order"]:
        first_order = Workload("W1")
        of_first_order = Torch(Contender(first_order, dtype=torch.float64)).gradient()
        add(FIRST_ORDER, ours(first_order), of_first_order)
    words = options.contenders.split(",") if options.contenders else [""]
    for name, make in contenders(options.threads).items():
        if any(word in name for word in words):
            say(f"{workload.name}: preparing {name}")
            add(name, lambda: Torch(make(workload)))
    return running, errors, skipped


def measure(workload, running, options):
    """Milliseconds of each contender in each round."""
    repetitions = {}
    for name, contender in running.items():
        contender.seconds(1)
        one = contender.seconds(1)
        repetitions[name] = max(1, round(options.seconds / one))
    times = {name: [] for name in running}
    names = list(running)
    for done in range(options.rounds):
        say(f"{workload.name}: round {done + 1} of {options.rounds}")
        for place in range(len(names)):
            name = names[(place + done) % len(names)]
            time.sleep(0.05)  # the last one's threads go to sleep
            seconds = running[name].seconds(repetitions[name])
            times[name].append(1e3 * seconds / repetitions[name])
    return times


def summary(times, errors, skipped):
    """Medians, and speeds beside the best PyTorch variant of the same round."""
    torch_names = [name for name in times if name not in (OURS, FIRST_ORDER)]
    rounds = range(len(times[OURS]))
    best = [min((times[name][r] for name in torch_names), default=None) for r in rounds]
    rows = {}
    for name, ms in times.items():
        row = {"median_ms": statistics.median(ms), "ms": ms, "relative_error": errors[name]}
        if torch_names and name != FIRST_ORDER:
            row["speed_beside_best_torch"] = statistics.median(
                best[r] / ms[r] for r in rounds)
        rows[name] = row
    result = {"contenders": rows, "skipped": skipped}
    if FIRST_ORDER in times:
        result["second_order_over_first"] = statistics.median(
            times[OURS][r] / times[FIRST_ORDER][r] for r in rounds)
    return result


def print_table(name, result):
    print(f"\n{name}")
    print(f"{'contender':<34}{'median ms':>10}{'speed':>8}{'error':>10}")
    for contender, row in sorted(result["contenders"].items(), key=lambda r: r[1]["median_ms"]):
        speed = row.get("speed_beside_best_torch")
        speed = "" if speed is None else f"{speed:.2f}"
        print(f"{contender:<34}{row['median_ms']:>10.2f}{speed:>8}{row['relative_error']:>10.1e}")
    for contender, reason in result["skipped"].items():
        print(f"{contender:<34}skipped: {reason}")
    sides = ", ".join(f"{side} {found['median']:.1e} (worst {found['worst']:.1e})"
                      for side, found in result["check"].items())
    print(f"error on {CHECKS} small tasks, median: {sides}")
    if "second_order_over_first" in result:
        ratio = result["second_order_over_first"]
        print(f"our second order takes {ratio:.2f} x the time of our first order")
    sys.stdout.flush()


def say(text):
    print(text, file=sys.stderr, flush=True)


def cpu_name():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines
                    if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def inside(options):
    import torch
    from workloads import Workload

    torch.set_num_threads(options.threads)
    rust = rust_side(options)
    report = {"cpu": cpu_name(), "cores": os.cpu_count(), "threads": options.threads,
              "rounds": options.rounds, "torch": torch.__version__,
              "python": platform.python_version(), "workloads": {}}
    for name in options.workloads.split(","):
        if name not in WORKLOADS:
            sys.exit(f"error: unknown workload `{name}`; there is: {', '.join(WORKLOADS)}")
        workload = Workload(name)
        running, errors, skipped = starting(workload, options, rust)
        try:
            report["simd"] = running[OURS].greeting.split()[1]
            result = summary(measure(workload, running, options), errors, skipped)
            result["check"] = check(workload, options, rust)
        finally:
            for contender in running.values():
                contender.close()
        report["workloads"][name] = result
        print_table(name, result)
        if options.json:  # after each workload: a long run may be stopped
            pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    print("\nspeed: the best PyTorch variant's time over the contender's, of the same round; "
          "median over the rounds.\nerror: distance of the gradient from PyTorch's in float64, "
          "relative; ties of rectifiers and pools make it jump (README.md).")


def main():
    options = arguments()
    if os.environ.get(INSIDE):
        return inside(options)
    TARGET.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, INSIDE: "1", "OMP_NUM_THREADS": str(options.threads),
                   "TORCHINDUCTOR_CACHE_DIR": str(TARGET / "inductor")}
    command = [str(python_with_torch(options)), __file__, *sys.argv[1:]]
    return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
