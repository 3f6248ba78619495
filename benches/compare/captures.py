#!/usr/bin/env python3
"""MetaLoc's reader of Nexmon captures beside csiread's, on the same file, in the same minutes."""

import argparse
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import time

from environment import ROOT, TARGET, built_example, python_with

WANTED = ["csiread==1.4.1"]
FIXTURE = ROOT / "crates/metaloc-radio/tests/captures/bcm43455c0_80MHz.pcap"
SAMPLE = "csi_samples/nexmon_bcm43455c0_80MHz_first150.pcap"
# Bytes of a packet of 80 MHz; some firmware appends a word, which csiread doesn't read.
PACKET = 1084
# Our side as csiread does it, with all frames in memory at the end, and one frame after the other.
KEEPS, STREAMS = "MetaLoc, all frames kept", "MetaLoc, frame by frame"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40_000, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="(default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write everything measured")
    parser.add_argument("--python", metavar="PATH",
                        help="a Python that has csiread, instead of installing it under target/")
    parser.add_argument("--rust", metavar="PATH", help="our side, already built (the example "
                        "`captures` of the crate metaloc), instead of building it")
    parser.add_argument("--csiread", metavar="CAPTURE", help=argparse.SUPPRESS)
    return parser.parse_args()


def build_capture(n):
    """`n` frames: those of a sample over and over, without packets of another length."""
    data = os.environ.get("METALOC_DATA")
    sample = pathlib.Path(data) / SAMPLE if data else FIXTURE
    bytes_, records, at = sample.read_bytes(), [], 24
    while at < len(bytes_):
        length = struct.unpack_from("<I", bytes_, at + 8)[0]
        if length == PACKET:
            records.append(bytes_[at:at + 16 + length])
        at += 16 + length
    TARGET.mkdir(parents=True, exist_ok=True)
    path = TARGET / "captures.pcap"
    all_ = records * (n // len(records) + 1)
    path.write_bytes(bytes_[:24] + b"".join(all_[:n]))
    return path, sample.name


def csiread_side(path):
    """Answers each line of standard input as the Rust example does."""
    import csiread
    for _ in sys.stdin:
        begin = time.perf_counter()
        reader = csiread.Nexmon(path, chip="43455c0", bw=80, if_report=False)
        reader.read()
        seconds = time.perf_counter() - begin
        # Our frames begin at the lowest subcarrier, which the capture has in its middle.
        first = reader.csi[:, 128]
        print(seconds, len(reader.csi), float((first.real + first.imag).sum()), flush=True)


def ask(process):
    process.stdin.write("go\n")
    process.stdin.flush()
    seconds, frames, total = process.stdout.readline().split()
    return float(seconds), (int(frames), float(total))


def measure(commands, rounds):
    """Seconds of each side in each round, after one that does not count."""
    sides = {name: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
             for name, command in commands.items()}
    answers = {name: ask(process)[1] for name, process in sides.items()}
    if len(set(answers.values())) != 1:
        sys.exit(f"the readers disagree: {answers}")
    seconds = {name: [] for name in sides}
    names = list(sides)
    for round_ in range(rounds):
        for name in names[round_ % len(names):] + names[:round_ % len(names)]:
            seconds[name].append(ask(sides[name])[0])
    for process in sides.values():
        process.stdin.close()
        process.wait()
    return seconds, answers[names[0]][0]


def main():
    options = arguments()
    if options.csiread:
        return csiread_side(options.csiread)
    path, sample = build_capture(options.frames)
    python = python_with(options.python, "venv-csiread", "\n".join(WANTED), ["--quiet", *WANTED])
    rust = built_example(options.rust, "captures")
    commands = {KEEPS: [rust, path, "keep"], STREAMS: [rust, path],
                WANTED[0]: [python, pathlib.Path(__file__), "--csiread", path]}
    seconds, frames = measure(commands, options.rounds)
    speeds = {name: [theirs / ours for ours, theirs in zip(times, seconds[WANTED[0]])]
              for name, times in seconds.items() if name != WANTED[0]}
    megabytes = path.stat().st_size / 1e6
    result = {"frames": frames, "megabytes": megabytes, "sample": sample, "rounds": options.rounds,
              "median_s": {name: statistics.median(times) for name, times in seconds.items()},
              "speed_median": {name: statistics.median(of) for name, of in speeds.items()},
              "speed_range": {name: [min(of), max(of)] for name, of in speeds.items()},
              "seconds": seconds}
    print(f"{frames} frames of 80 MHz ({megabytes:.1f} MB, {sample}), {options.rounds} rounds")
    for name, median in result["median_s"].items():
        print(f"{name:<28} {1e3 * median:8.1f} ms  {frames / median / 1e3:8.0f} thousand frames/s")
    for name, speed in result["speed_median"].items():
        low, high = result["speed_range"][name]
        print(f"{name}: {speed:.2f} x as fast as {WANTED[0]} (rounds: {low:.2f} to {high:.2f})")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
