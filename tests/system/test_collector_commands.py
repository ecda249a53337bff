"""ringside-collector's commands as an administrator meets them: files and their modes, output, exit codes, errors."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ringside import bin_dir

TIMEOUT_S = 60
TOKEN = re.compile(r"^    ((?:[A-Z2-7]{4}-){7}[A-Z2-7]{4})$", re.MULTILINE)


class Centre:
    """A place for a collector: a configuration, and a data directory that init makes."""

    def __init__(self, home: Path, user: str = "", more: str = "") -> None:
        self.data = home / "data"
        self.config = home / "collector.conf"
        self.config.write_text(f'data {{ dir = "{self.data}" }}\nservice {{ user = "{user}" }}\n'
                               f"store {{ size_max = 64MiB }}\n{more}")

    def run(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(bin_dir() / "ringside-collector"), "-c", str(self.config), *map(str, arguments)],
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
                              env={**os.environ, "TZ": "UTC"}, **options)

    def good(self, *arguments: object) -> str:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def refused(self, code: int, says: str, *arguments: object) -> None:
        done = self.run(*arguments)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        assert says in done.stderr
        assert done.stderr.startswith("ringside-collector: ") and done.stderr.count("\n") == 1

    def ask(self, *arguments: object) -> Any:
        return json.loads(self.good(*arguments, "--format", "json"))

    def identity(self, name: str) -> Path:
        return self.data / "identity" / name


@pytest.fixture(name="centre")
def fixture_centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path)
    centre.good("init", "--host", "collector.example", "--host", "192.0.2.1")
    return centre


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def near(stamp: str, when: datetime) -> bool:
    return abs(datetime.fromisoformat(stamp.replace("Z", "+00:00")) - when) < timedelta(minutes=5)


# ---- init ----

@pytest.mark.parametrize("mask", [0, 0o077])
def test_init_keeps_keys_to_their_owner(tmp_path: Path, mask: int) -> None:
    centre = Centre(tmp_path)
    done = centre.run("init", "--host=a.example", preexec_fn=lambda: os.umask(mask))
    assert (done.returncode, done.stderr) == (0, "")
    assert mode(centre.data) == 0o750
    assert mode(centre.identity("")) == 0o700
    assert mode(centre.data / "registry") == 0o700
    assert mode(centre.identity("ca.key")) == mode(centre.identity("collector.pem")) == 0o600
    for path in centre.data.rglob("*"):
        assert mode(path) & 0o007 == 0 or path.name == "ca.pem", path
        if b"PRIVATE KEY" in (path.read_bytes() if path.is_file() and path.suffix in (".pem", ".key") else b""):
            assert mode(path) == 0o600, path


def test_init_happens_once(centre: Centre) -> None:
    before = {path: path.read_bytes() for path in centre.identity("").iterdir()}
    centre.refused(1, "holds a CA already", "init", "--host", "other.example")
    assert {path: path.read_bytes() for path in centre.identity("").iterdir()} == before


def test_init_again_renews_only_the_collectors_certificate(centre: Centre) -> None:
    before = {path.name: path.read_bytes() for path in centre.identity("").iterdir()}
    assert "other.example" in centre.good("init", "--again", "--host", "other.example")
    after = {path.name: path.read_bytes() for path in centre.identity("").iterdir()}
    assert (after["ca.pem"], after["ca.key"]) == (before["ca.pem"], before["ca.key"])
    assert after["collector.pem"] != before["collector.pem"]
    assert "coaps+tcp://other.example " in centre.good("site", "add", "a")


def test_init_takes_hosts_from_the_settings_or_the_machine(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    centre = Centre(tmp_path / "1", more='ingest { hosts = { one.example, "2001:db8::1" } listen = "[::1]:7000" }\n')
    assert "one.example, 2001:db8::1" in centre.good("init")
    assert "coaps+tcp://one.example:7000 " in centre.good("site", "add", "a")
    centre.good("init", "--again", "--host", "2001:db8::2")
    assert "coaps+tcp://[2001:db8::2]:7000 " in centre.good("site", "add", "b")
    assert os.uname().nodename in Centre(tmp_path / "2").good("init")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_is_the_services(open_home: Path) -> None:
    centre = Centre(open_home, user="nobody")
    centre.good("init", "--host", "a.example")
    centre.good("site", "add", "a", "--token-file", open_home / "token")
    centre.good("site", "list")
    owner = pwd.getpwnam("nobody").pw_uid
    assert {path.stat().st_uid for path in [centre.data, *centre.data.rglob("*")]} == {owner}
    assert (open_home / "token").stat().st_uid == 0  # who asked for it chose the place
    assert mode(open_home / "token") == 0o600


def test_a_place_that_cannot_be_made(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.data.write_text("a file")
    centre.refused(1, str(centre.data), "init", "--host", "a.example")


# ---- site add ----

def test_a_token_is_shown_once_and_kept_nowhere(centre: Centre) -> None:
    said = centre.good("site", "add", "branch-07", "--group", "north", "--zone", "Europe/Madrid")
    token = TOKEN.search(said)
    assert token
    assert "ringside-agent join coaps+tcp://collector.example --site branch-07\n" in said
    plain = token[1].replace("-", "").encode()
    kept = b"".join(path.read_bytes() for path in centre.data.rglob("*") if path.is_file())
    for form in (token[1].encode(), plain, plain.lower(), base64.b32decode(plain)):
        assert form not in kept
    site = centre.ask("site", "show", "branch-07")
    assert (site["site"], site["state"], site["group"], site["zone"]) == (
        "branch-07", "invited", "north", "Europe/Madrid")
    assert near(site["token_expires"], datetime.now(timezone.utc) + timedelta(hours=24))
    assert near(site["added"], datetime.now(timezone.utc))


def test_a_site_is_added_once_and_again_when_asked(centre: Centre) -> None:
    first = TOKEN.search(centre.good("site", "add", "a", "--group", "north"))
    centre.refused(1, "--again gives it a new token", "site", "add", "a")
    second = TOKEN.search(centre.good("site", "add", "a", "--again"))
    assert first and second and first[1] != second[1]
    assert centre.ask("site", "show", "a")["group"] == "north"
    centre.refused(1, "there is no site 'b'", "site", "add", "b", "--again")
    assert [site["site"] for site in centre.ask("site", "list")["sites"]] == ["a"]


def test_a_token_file_is_for_its_owner(centre: Centre, tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_text("something longer than a token, from before, that anybody could read\n" * 3)
    place.chmod(0o644)
    said = centre.good("site", "add", "a", "--token-file", place)
    assert not TOKEN.search(said)
    assert re.fullmatch(r"(?:[A-Z2-7]{4}-){7}[A-Z2-7]{4}\n", place.read_text())
    assert mode(place) == 0o600
    link = tmp_path / "link"
    link.symlink_to(place)
    centre.refused(1, str(link), "site", "add", "b", "--token-file", link)
    centre.refused(1, "/dev/null", "site", "add", "b", "--token-file", "/dev/null")
    centre.refused(1, "No such file", "site", "add", "b", "--token-file", tmp_path / "none" / "token")
    before = place.read_text()
    centre.refused(1, "already", "site", "add", "a", "--token-file", place)
    assert place.read_text() == before
    assert len(centre.ask("site", "list")["sites"]) == 1


def test_many_at_once_lose_nothing(centre: Centre) -> None:
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda number: centre.good("site", "add", f"s{number}"), range(12)))
    assert len(tokens) == 12
    sites = centre.ask("site", "list")["sites"]
    assert sorted(site["number"] for site in sites) == list(range(1, 13))
    assert [site["site"] for site in sites] == sorted(f"s{number}" for number in range(12))


# ---- the rest of a site's life ----

def test_set_changes_what_is_named(centre: Centre) -> None:
    centre.good("site", "add", "a", "--group", "north", "--zone", "Europe/Madrid")
    assert centre.good("site", "set", "a", "--group", "south") == "Site a: group south, zone Europe/Madrid\n"
    assert centre.good("site", "set", "a", "--zone=") == "Site a: group south, zone as its agent says\n"
    assert centre.good("site", "set", "a", "--group", "") == "Site a: group none, zone as its agent says\n"
    site = centre.ask("site", "show", "a")
    assert (site["group"], site["zone"]) == (None, None)
    assert site["token_expires"] is not None


def test_revoked_and_invited_again(centre: Centre) -> None:
    centre.good("site", "add", "a")
    centre.good("site", "revoke", "a")
    centre.good("site", "revoke", "a")
    site = centre.ask("site", "show", "a")
    assert (site["state"], site["token_expires"]) == ("revoked", None)
    centre.good("site", "add", "a", "--again")
    site = centre.ask("site", "show", "a")
    assert site["state"] == "invited" and site["token_expires"]


def test_removed_sites_do_not_come_back(centre: Centre) -> None:
    centre.good("site", "add", "a")
    centre.good("site", "remove", "a")
    assert centre.ask("site", "show", "a")["state"] == "removed"
    centre.refused(1, "is being removed", "site", "add", "a", "--again")
    centre.refused(1, "is being removed", "site", "set", "a", "--group", "north")
    centre.refused(1, "is being removed", "site", "revoke", "a")


@pytest.mark.parametrize("command", [("show", "x"), ("revoke", "x"), ("remove", "x"), ("set", "x", "--group", "g")])
def test_unknown_sites(centre: Centre, command: tuple[str, ...]) -> None:
    centre.refused(1, "there is no site 'x'", "site", *command)


# ---- list and show ----

LISTED = {"site", "number", "state", "group", "zone", "online", "last_seen", "last_seen_age_ms", "lag_ms", "backlog",
          "waiting", "talking", "oldest_wait_ms", "agent_version", "clock_offset_ms", "certificate_end", "added",
          "joined", "token_expires"}


def test_formats_say_the_same(centre: Centre) -> None:
    for name in ("b", "a", "c"):
        centre.good("site", "add", name, "--group", "north", "--zone", "America/Argentina/ComodRivadavia")
    sites = centre.ask("site", "list")["sites"]
    assert [site["site"] for site in sites] == ["a", "b", "c"]
    assert all(set(site) == LISTED for site in sites)
    rows = list(csv.DictReader(io.StringIO(centre.good("site", "list", "--format", "csv"), newline="")))
    assert [row["site"] for row in rows] == ["a", "b", "c"]
    assert rows[0]["online"] == "false" and rows[0]["last_seen"] == ""
    assert rows[0]["added"] == sites[0]["added"]
    table = centre.good("site", "list")
    assert max(len(line) for line in table.splitlines()) <= 80
    assert table.splitlines()[1].split()[:3] == ["a", "invited", "never"]
    shown = centre.ask("site", "show", "a")
    assert {key: shown[key] for key in LISTED} == sites[0]
    assert shown["counters"]["taken"] == 0 and shown["gaps"] == [] and shown["events"] == []
    flat = next(csv.DictReader(io.StringIO(centre.good("site", "show", "a", "--format", "csv"), newline="")))
    assert flat["counters.taken"] == "0"


def test_no_sites_yet(centre: Centre) -> None:
    assert centre.ask("site", "list")["sites"] == []
    assert centre.good("site", "list") == "no sites yet: ringside-collector site add ID\n"
    assert centre.good("site", "list", "--format", "csv") == ""


def test_a_missing_store_hides_no_site(centre: Centre) -> None:
    centre.good("site", "add", "a")
    shutil.rmtree(centre.data / "store")
    assert centre.ask("site", "list")["sites"][0]["site"] == "a"
    assert centre.ask("site", "show", "a")["last_seen"] is None


def test_damage_is_told(centre: Centre) -> None:
    centre.good("site", "add", "a")
    store = centre.data / "store" / "data.mdb"
    store.write_bytes(b"\xff" * 65536)
    done = centre.run("site", "list")
    assert done.returncode == 0 and "a " in done.stdout
    assert "when sites were seen cannot be told" in done.stderr and done.stderr.count("\n") == 1
    (centre.data / "registry" / "data.mdb").write_bytes(b"\xff" * 65536)
    centre.refused(1, "the registry", "site", "list")
    centre.refused(1, "the registry", "site", "add", "b")


# ---- usage ----

@pytest.mark.parametrize(("arguments", "says"), [
    (("foo",), "unknown command 'foo'"),
    (("--foo",), "unknown option '--foo'"),
    (("run", "now"), "unexpected argument 'now'"),
    (("check", "--all"), "check has no option '--all'"),
    (("init", "here"), "unexpected argument 'here'"),
    (("init", "--host"), "--host wants a value"),
    (("init", "--host", "a_b"), "'a_b' is neither a host name nor an address"),
    (("site",), "site what?"),
    (("site", "ad"), "unknown command 'site ad'"),
    (("site", "add"), "which site?"),
    (("site", "add", "a", "b"), "too many arguments: 'b'"),
    (("site", "add", "../a"), "'../a' is no site id"),
    (("site", "add", "a" * 65), "is no site id"),
    (("site", "add", "a", "--group", "two words"), "no name for a group"),
    (("site", "add", "a", "--zone", "Mars/Phobos"), "'Mars/Phobos' is no time zone of this machine"),
    (("site", "add", "a", "--zone", "../../etc/passwd"), "is no time zone of this machine"),
    (("site", "add", "a", "--again=yes"), "--again takes no value"),
    (("site", "set", "a"), "set what?"),
    (("site", "show", "a", "--format", "xml"), "allowed: table, json, csv"),
    (("site", "list", "--group", "g"), "list has no option '--group'"),
    (("site", "list", "-c"), "-c wants a value"),
])
def test_wrong_usage_exits_2_with_one_line(centre: Centre, arguments: tuple[str, ...], says: str) -> None:
    centre.refused(2, says, *arguments)


@pytest.mark.parametrize("arguments", [("site", "add", "a"), ("site", "list"), ("site", "revoke", "a"),
                                       ("init", "--again", "--host", "a.example")])
def test_before_init_each_command_says_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    centre = Centre(tmp_path)
    centre.refused(1, "run ringside-collector init first", *arguments)
    assert not centre.data.exists()


def test_the_daemon_says_so_too(tmp_path: Path) -> None:
    done = Centre(tmp_path).run()
    assert done.returncode == 1
    assert "run ringside-collector init first" in done.stderr


def test_settings_are_checked(tmp_path: Path) -> None:
    centre = Centre(tmp_path, more="ingest {\n  listen = nowhere\n  handshakes_max = 0\n}\nstorage { }\n")
    for command in (("check",), ("site", "list"), ("init",), ()):
        done = centre.run(*command)
        assert done.returncode == 2
        assert f"{centre.config}:5: ingest.listen:" in done.stderr
        assert f"{centre.config}:6: ingest.handshakes_max:" in done.stderr


def test_printed_settings_read_the_same(centre: Centre, tmp_path: Path) -> None:
    done = centre.run("check")
    assert (done.returncode, done.stdout) == (0, f"{centre.config}: ok\n")
    remarks = done.stderr.splitlines()  # nothing to complain of
    assert len(remarks) == 1 and remarks[0].startswith(f"{centre.config}: note: service.sandbox = yes: "), remarks
    printed = centre.run("check", "--print")
    assert printed.returncode == 0
    (tmp_path / "again").mkdir()
    again = Centre(tmp_path / "again")
    again.config.write_text(printed.stdout)
    values = [line.split("#")[0].strip() for line in printed.stdout.splitlines()]
    assert [line.split("#")[0].strip() for line in again.run("check", "--print").stdout.splitlines()] == values


def test_settings_may_stand_before_or_behind_the_command(centre: Centre) -> None:
    tool = str(bin_dir() / "ringside-collector")
    for words in ((f"--config={centre.config}", "site", "list"), ("site", "list", "-c", str(centre.config)),
                  ("site", "--config", str(centre.config), "list")):
        done = subprocess.run([tool, *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([tool, "-c", "/nonexistent/c.conf", "check"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2 and "/nonexistent/c.conf: no such file" in done.stderr


def test_version_and_help(centre: Centre) -> None:
    assert centre.good("version").startswith("ringside-collector ")
    assert centre.good("--version") == centre.good("version")
    usage = centre.good("help")
    assert usage.startswith("usage: ringside-collector ")
    assert max(len(line) for line in usage.splitlines()) <= 80
    for words in (("--help",), ("-h",), ("site", "--help"), ("site", "add", "-h"), ("init", "--help")):
        assert centre.good(*words) == usage


def test_output_to_a_full_disk_is_a_failure(centre: Centre) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([str(bin_dir() / "ringside-collector"), "-c", str(centre.config), "site", "list"],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == "ringside-collector: the output could not be written\n"
