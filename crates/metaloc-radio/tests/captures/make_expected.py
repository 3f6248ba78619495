"""Cuts small captures from the samples of CSIKit, csiread, CSU and the ESP32-CSI-Tool, and writes what other readers
make of them.

    pip install numpy scipy csiread==1.4.1
    METALOC_DATA=... python make_expected.py

The chips with 16-bit numbers are read by csiread. Those with packed numbers were read by CSIKit's MATLAB
code (the samples' *.expected_csi_buff.mat), which scales each frame by a power of two and cuts the rest.
Values are in the order of the capture: subcarriers 0, 1, ... n/2 - 1, -n/2, ... -1. The lines of the ESP32 are read
here, and compared with csiread's values where it reads the file: a header and a damaged line stop it.
"""

import csv
import json
import os
import struct
from pathlib import Path

import csiread
import numpy
import scipy.io

SAMPLES = Path(os.environ["METALOC_DATA"]) / "csi_samples"
HERE = Path(__file__).parent
# Name, sample, frames, chip, bandwidth (MHz).
CAPTURES = [
    ("bcm4339", "nexmon_bcm4339_80MHz_first300.pcap", 3, "4339", 80),
    ("bcm43455c0_20MHz", "nexmon_bcm43455c0_20MHz_with_odd_length_packets.pcap", 6, "43455c0", 20),
    ("bcm43455c0_80MHz", "nexmon_bcm43455c0_80MHz_first150.pcap", 3, "43455c0", 80),
    ("bcm4358", "nexmon_bcm4358.pcap", 4, "4358", 80),
    ("bcm4366c0", "nexmon_bcm4366c0_80MHz_first100.pcap", 3, "4366c0", 80),
]


def cut(name, sample, n):
    data = (SAMPLES / sample).read_bytes()
    end = 24
    for _ in range(n):
        end += 16 + struct.unpack_from("<I", data, end + 8)[0]
    path = HERE / f"{name}.pcap"
    path.write_bytes(data[:end])
    return path


def numbers(values):
    return [[[int(value.real), int(value.imag)] for value in frame] for frame in values]


expected = {"tools": {"csiread": csiread.__version__, "CSIKit": "the samples' .mat files"}}
for name, sample, n, chip, bandwidth in CAPTURES:
    path = cut(name, sample, n)
    entry = {"frames": n, "bandwidth_mhz": bandwidth}
    reader = csiread.Nexmon(str(path), chip=chip, bw=bandwidth)
    reader.read()
    for field in ("sec", "usec", "seq", "core", "spatial", "chan_spec", "chip_version"):
        entry[field] = [int(value) for value in numpy.asarray(getattr(reader, field))[:n]]
    entry["src_addr"] = [[int(byte) for byte in address] for address in numpy.asarray(reader.src_addr)[:n]]
    if chip in ("4358", "4366c0"):
        mat = SAMPLES / (sample.removesuffix(".pcap").removesuffix("_first100") + ".expected_csi_buff.mat")
        entry["scaled_values"] = numbers(scipy.io.loadmat(mat)["csi_buff"][:n])
    else:
        entry["values"] = numbers(reader.csi[:n])
    expected[name] = entry

# Intel's chip: the whole log, and values of some frames, [subcarrier, receive, transmit].
path = HERE / "intel5300.dat"
path.write_bytes((SAMPLES / "intel5300_log.all_csi.6.7.6.dat").read_bytes())
reader = csiread.Intel(str(path), nrxnum=3, ntxnum=3)
reader.read()
scaled = reader.get_scaled_csi()
frames = []
for index in range(len(reader.csi)):
    receive, transmit = int(reader.Nrx[index]), int(reader.Ntx[index])
    frame = {"receive": receive, "transmit": transmit, "time_us": int(reader.timestamp_low[index])}
    frame["count"] = int(reader.bfee_count[index])
    if index % 7 == 0:
        own = reader.csi[index, :, :receive, :transmit].reshape(-1)
        frame["values"] = [[int(value.real), int(value.imag)] for value in own]
        own = scaled[index, :, :receive, :transmit].reshape(-1)
        frame["scaled"] = [[round(float(value.real), 4), round(float(value.imag), 4)] for value in own[:90]]
    frames.append(frame)
expected["intel5300"] = frames

# Espressif's chip: lines of text; imaginary parts come first. One line of the first file lacks a number.
for name, sample, n in [
    ("esp32_20MHz", "csikit_esp32_100hz_first60.csv", 24),
    ("esp32_384", "csikit_example_data.csv", 6),
    ("esp32_above", "esp32csitool_example_csi.csv", 13),
]:
    lines = (SAMPLES / sample).read_text().splitlines(keepends=True)[:n]
    (HERE / f"{name}.csv").write_text("".join(lines))
    frames = []
    for row in csv.reader(lines):
        printed = row[25].strip("[] ").split()
        if row[0] != "CSI_DATA" or len(printed) % 2:
            continue
        printed = numpy.array(printed, dtype=int)
        frame = {"mac": row[2].lower(), "rssi": int(row[3]), "channel": int(row[16]), "time_us": int(row[18])}
        frame["secondary"] = int(row[17])
        frame["values"] = numpy.stack([printed[1::2], printed[0::2]], axis=1).tolist()
        frames.append(frame)
    if name == "esp32_above":
        reader = csiread.ESP32(str(HERE / f"{name}.csv"), False)
        reader.read()
        assert [frame["values"] for frame in frames] == numbers(reader.csi)
    expected[name] = frames
(HERE / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
