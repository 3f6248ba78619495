#!/usr/bin/env python3
"""Nexmon captures that `metaloc simulate --captures` writes, read by csiread and by MetaLoc: equal values?

Needs a Python with csiread and numpy, and `metaloc` built:

    cargo build --release -p metaloc-cli
    python benches/compare/written_captures.py target/release/metaloc scenarios/paper-lab.toml lab-0721/p001
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import csiread
import numpy as np


def recordings(survey):
    """(sample, access point) -> values [frames, subcarriers] of an imported survey."""
    for path in survey.glob("*/csi.safetensors"):
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        body = data[8 + length :]
        for index, one in enumerate(json.loads(header["__metadata__"]["metaloc-csi"])):
            tensor = header[f"{index}.values"]
            first, last = tensor["data_offsets"]
            values = np.frombuffer(body[first:last], "<f4").reshape(tensor["shape"])
            yield one["source"], values[:, 0, :, 0] + 1j * values[:, 0, :, 1]


def main():
    metaloc, scenario, points = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        captures, survey = pathlib.Path(folder, "captures"), pathlib.Path(folder, "survey")
        run = lambda *arguments: subprocess.run([metaloc, *arguments], check=True, stdout=subprocess.DEVNULL)
        run("simulate", scenario, "--captures", points, "--out", str(captures))
        run("import", "--format", "captures", str(captures), "--out", str(survey))
        ours = {}
        for source, values in recordings(survey):
            ours.setdefault(source, []).append(values)
        theirs = {}
        for path in sorted(captures.glob("*.pcap")):
            reader = csiread.Nexmon(str(path), chip="4339", bw=20, if_report=False)
            reader.read()
            shifted = np.fft.fftshift(reader.csi, axes=1)
            addresses = [":".join(f"{byte:02x}" for byte in row) for row in reader.src_addr]
            for source in sorted(set(addresses)):
                rows = [address == source for address in addresses]
                theirs.setdefault(source, []).append(shifted[rows])
        frames = 0
        for source, blocks in ours.items():
            for mine, other in zip(blocks, theirs[source], strict=True):
                assert mine.shape == other.shape and np.array_equal(mine, other), source
                frames += len(mine)
        print(f"{frames} frames of {len(ours)} access points: equal")


if __name__ == "__main__":
    main()
