"""Access tokens of the HTTP interface on the command line: made, listed, revoked, and what a request gets by them."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from pathlib import Path

from branch import PATIENCE_S, wait_for
from centre import Centre
from ringside import bin_dir

TOKEN = re.compile(r"^rs_[A-Za-z0-9_-]{43}$")


def code_of(centre: Centre, token: str, path: str = "/api/v1/about") -> int:
    return centre.http(path, token)[0]


def test_made_used_and_revoked_while_the_collector_runs(tmp_path: Path) -> None:
    with Centre(tmp_path, size_max="64MiB") as centre:
        before = centre.token("before")
        assert TOKEN.match(before)
        with centre.running():
            assert code_of(centre, before) == 200
            assert code_of(centre, "") == 401
            assert code_of(centre, before[:-1] + ("A" if before[-1] != "A" else "B")) == 401
            boss = centre.token("boss", "--role", "admin")
            wait_for("a new token to count", lambda: code_of(centre, boss, "/api/v1/tokens") == 200)
            assert code_of(centre, before, "/api/v1/tokens") == 403
            centre.command("token", "revoke", "before")
            wait_for("a revoked token to count no more", lambda: code_of(centre, before) == 401)
            assert code_of(centre, boss) == 200
        with centre.running():  # a restart does not bring it back
            assert code_of(centre, before) == 401
            assert code_of(centre, boss) == 200


def test_standard_output_has_the_token_and_nothing_else(tmp_path: Path) -> None:
    with Centre(tmp_path, size_max="64MiB") as centre:
        done = centre.run("token", "add", "a")
        assert done.returncode == 0
        assert TOKEN.match(done.stdout.rstrip("\n")) and done.stdout.count("\n") == 1
        assert "a (view) counts until " in done.stderr
        kept = tmp_path / "token"
        kept.write_text("a longer text that was here before, and nobody needs any more\n" * 3)
        kept.chmod(0o644)
        done = centre.run("token", "add", "b", "--role", "admin", "--expires", "never", "--output", kept)
        assert done.returncode == 0 and done.stdout == ""
        assert TOKEN.match(kept.read_text().rstrip("\n"))
        assert kept.stat().st_mode & 0o777 == 0o600
        everything = b"".join(path.read_bytes() for path in centre.data.rglob("*") if path.is_file())
        assert kept.read_bytes().strip() not in everything


def test_a_token_that_nobody_got_is_said(tmp_path: Path) -> None:
    with Centre(tmp_path, size_max="64MiB") as centre, open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([bin_dir() / "ringside-collector", "-c", centre.config, "token", "add", "lost"],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode != 0
        assert "revoke token lost" in done.stderr and "counts" not in done.stderr


def test_list(tmp_path: Path) -> None:
    with Centre(tmp_path, size_max="64MiB") as centre:
        assert "token add" in centre.command("token", "list")
        centre.token("b", "--expires", "2099-01-31")
        centre.token("a", "--role", "admin", "--expires", "never")
        centre.command("token", "revoke", "b")
        centre.command("token", "revoke", "b")
        first, second = centre.ask("token", "list")["tokens"]
        assert (first["name"], first["role"], first["expires"], first["revoked"], first["valid"]) == (
            "a", "admin", None, None, True)
        assert (second["name"], second["role"], second["valid"]) == ("b", "view", False)
        assert second["expires"] == "2099-02-01T00:00:00Z"
        rows = list(csv.DictReader(io.StringIO(centre.command("token", "list", "--format", "csv"))))
        assert [row["name"] for row in rows] == ["a", "b"]
        table = centre.command("token", "list").splitlines()
        assert table[1].split() == ["a", "admin", "counts", first["created"][:10], "never"]
        assert table[2].split()[2] == "revoked"


def test_refused(tmp_path: Path) -> None:
    with Centre(tmp_path, size_max="64MiB") as centre:
        centre.token("a")
        cases = ((("add", "a"), 1, "given once"), (("add", "no name"), 2, "no name"), (("add",), 2, "which token"),
                 (("add", "b", "--role", "root"), 2, "view, admin"), (("add", "b", "--expires", "soon"), 2, "90d"),
                 (("add", "b", "--expires", "30"), 2, "90d"), (("add", "b", "--expires", "2020-01-01"), 2, "over"),
                 (("add", "b", "--output", "/dev/null"), 1, "not a file"), (("revoke", "b"), 1, "no token 'b'"),
                 (("list", "--format", "xml"), 2, "table, json, csv"), (("rename", "a"), 2, "add, list and revoke"),
                 ((), 2, "add, list or revoke"), (("list", "a"), 2, "unexpected"))
        for words, code, text in cases:
            done = centre.run("token", *words)
            assert (done.returncode, done.stdout) == (code, ""), words
            assert text in done.stderr, f"{words}: {done.stderr}"
        assert [token["name"] for token in centre.ask("token", "list")["tokens"]] == ["a"]
