"""What both sides of a comparison run with: a Python with the other's packages, and our example."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = ROOT / "target" / "compare"


def python_with(given, name, wanted, arguments):
    """`given`, or a Python in target/compare/`name` with what pip installs by `arguments`; made when first
    needed, and anew where `wanted`, a text that tells what is installed, has changed."""
    if given:
        return given
    folder = TARGET / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = folder / "installed"
    if not installed.exists() or installed.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", *arguments], check=True)
        installed.write_text(wanted)
    return python


def built_example(given, name):
    """`given`, or our example `name` of the crate metaloc, built."""
    if given:
        return given
    command = ["cargo", "build", "--quiet", "--release", "--package", "metaloc", "--example", name]
    subprocess.run(command, cwd=ROOT, check=True)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples" / name
