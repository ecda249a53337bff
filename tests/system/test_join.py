"""`ringside-agent join` as a person meets it: what it refuses, and that a token stays secret."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import termios
import time
from pathlib import Path
from typing import Iterator

import pytest

import ringside

URL = "coaps+tcp://127.0.0.1:1"  # nobody listens there
TOKEN = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567"


@pytest.fixture(name="config")
def fixture_config(tmp_path: Path) -> Path:
    config = tmp_path / "agent.conf"
    config.write_text(f'collector {{ credentials = "{tmp_path}/credentials" }}\nservice {{ user = "" }}\n')
    return config


def command(*arguments: object) -> list[str]:
    return [str(ringside.bin_dir() / "ringside-agent"), "join", *map(str, arguments)]


def join(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, text=True, timeout=ringside.TIMEOUT_S,
                          check=False)


def refused(done: subprocess.CompletedProcess[str], status: int, says: str) -> None:
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("ringside-agent: ")


@pytest.mark.parametrize("arguments, says", [
    ((), "which collector?"),
    ((URL, "another"), "which collector?"),
    (("https://centre",), "it begins with coaps+tcp://"),
    (("coaps+tcp://2001:db8::1",), "stands in brackets"),
    (("coaps+tcp://centre:0",), "there may be a port"),
    ((URL, "--site", "a b"), "site id a b: allowed are"),
    ((URL, "--site="), "site id : allowed are"),
    ((URL, "--site"), "option --site wants a value"),
    ((URL, "--token-file"), "option --token-file wants a value"),
    ((URL, "--token", TOKEN), "other users can read a command line"),
    ((URL, f"--token={TOKEN}"), "other users can read a command line"),
    ((URL, "--force"), "unknown option --force"),
])
def test_usage(config: Path, arguments: tuple[str, ...], says: str) -> None:
    done = join("-c", config, *arguments, stdin=TOKEN)
    refused(done, 2, says)
    assert TOKEN not in done.stderr


def test_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "agent.conf"
    config.write_text('site { id = "branch-08" }\n')
    refused(join(URL, "--site", "branch-07", "-c", config, stdin=TOKEN), 2, "they must be the same")
    config.write_text("collector { url = 5 }\n")
    done = join(URL, "--site", "branch-07", "-c", config, stdin=TOKEN)
    assert done.returncode == 2
    assert f"{config}:1: collector.url" in done.stderr


@pytest.mark.parametrize("token", ["", "\n", "ABCD\n", TOKEN + "A\n", TOKEN.replace("A", "1")])
def test_no_token(config: Path, token: str) -> None:
    refused(join(URL, "--site", "b7", "-c", config, stdin=token), 1, "that is no token")


def test_a_token_from_a_file_or_standard_input(config: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"  {TOKEN.lower()}\n")
    for done in (join(URL, "--site", "b7", "-c", config, "--token-file", token),
                 join(URL, "--site", "b7", "-c", config, "--token-file", "-", stdin=TOKEN),
                 join(URL, "--site", "b7", "-c", config, stdin=TOKEN)):
        refused(done, 1, "127.0.0.1: nobody listens there")
    refused(join(URL, "--site", "b7", "-c", config, "--token-file", tmp_path / "missing"), 1, "no token")
    token.write_text("A" * 5000)
    refused(join(URL, "--site", "b7", "-c", config, "--token-file", token), 1, "too long for one")
    assert not (tmp_path / "credentials").exists()


@pytest.fixture(name="terminal")
def fixture_terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def wait_silent(terminal: int) -> None:
    deadline = time.monotonic() + ringside.TIMEOUT_S
    while echoes(terminal) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not echoes(terminal)


def test_the_prompt_does_not_echo(config: Path, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    with subprocess.Popen(command(URL, "--site", "b7", "-c", config), stdin=theirs, stdout=theirs,
                          stderr=theirs) as process:
        wait_silent(theirs)
        os.write(ours, TOKEN.encode() + b"\n")
        assert process.wait(ringside.TIMEOUT_S) == 1
    shown = os.read(ours, 10000).decode()
    assert shown.startswith("Token (")
    assert "nobody listens there" in shown
    assert TOKEN not in shown
    assert echoes(theirs)


def test_an_interrupted_prompt_leaves_the_terminal_as_it_was(config: Path, terminal: tuple[int, int]) -> None:
    _, theirs = terminal
    # Whoever runs this in the background has it ignore the signal, and all that it starts.
    with subprocess.Popen(command(URL, "--site", "b7", "-c", config), stdin=theirs, stdout=theirs, stderr=theirs,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        wait_silent(theirs)
        process.send_signal(signal.SIGINT)
        assert process.wait(ringside.TIMEOUT_S) == -signal.SIGINT
    assert echoes(theirs)
