#!/usr/bin/env python3
"""Runs clang-tidy over our C files of a build directory, on all cores, and only over what changed since it was clean.

usage: tidy.py [--quick] BUILD_DIR      --quick: without the analyzer, which takes six parts of seven of the time

A file's key is the hash of all that its result depends on: the checks, the tool, the compile command and the
preprocessed text with its comments, because NOLINT is a comment. Keys of clean files are kept in build/tidy/.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLEAN = ROOT / "build" / "tidy"
COMMANDS = ROOT / "build" / "tidy-commands"  # clang-tidy goes over a file once for each command that it finds there


def own_commands(build_dir: pathlib.Path) -> list[dict]:
    """The compile commands of the repository's own files, without what the build generates: one for each file, though
    several targets may compile it."""
    commands = json.loads((build_dir / "compile_commands.json").read_text(encoding="utf-8"))
    generated = ROOT / "build"
    own = {c["file"]: c for c in commands
           if ROOT in pathlib.Path(c["file"]).parents and generated not in pathlib.Path(c["file"]).parents}
    return list(own.values())


def preprocess(command: dict) -> bytes:
    arguments = []
    skip = False
    for argument in shlex.split(command["command"]):
        if not skip and argument not in ("-c", "-o"):
            arguments.append(argument)
        skip = argument == "-o"
    result = subprocess.run(arguments + ["-E", "-C", "-P"], cwd=command["directory"], capture_output=True, check=False)
    if result.returncode:
        raise RuntimeError(result.stderr.decode(errors="replace"))
    return result.stdout


def key_of(command: dict, basis: bytes) -> str:
    digest = hashlib.sha256(basis)
    digest.update(command["command"].encode())
    digest.update(preprocess(command))
    return digest.hexdigest()


def tidy(command: dict, basis: bytes, options: list[str]) -> str:
    """What clang-tidy says about the file; empty when it is clean."""
    try:
        mark = CLEAN / key_of(command, basis + " ".join(options).encode())
    except RuntimeError as error:
        return str(error)
    if mark.exists():
        return ""
    result = subprocess.run(["clang-tidy", "--quiet", *options, "-p", str(COMMANDS), command["file"]],
                            cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode == 0 and not result.stdout.strip():
        mark.touch()
        return ""
    return (result.stdout.strip() or result.stderr.strip()) + "\n"


def main() -> int:
    quick = "--quick" in sys.argv[1:]
    if quick:
        sys.argv.remove("--quick")
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    build_dir = pathlib.Path(sys.argv[1]).resolve()
    CLEAN.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    basis = version + b"".join(path.read_bytes() for path in (ROOT / ".clang-tidy", ROOT / "tests" / ".clang-tidy"))
    options = ["--checks=-clang-analyzer-*"] if quick else []
    commands = own_commands(build_dir)
    COMMANDS.mkdir(parents=True, exist_ok=True)
    (COMMANDS / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = list(pool.map(lambda command: tidy(command, basis, options), commands))
    faulty = [report for report in reports if report]
    for report in faulty:
        print(report)
    print(f"clang-tidy: {len(commands) - len(faulty)} of {len(commands)} files clean")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
