"""What else happens to an organisation: disks fill up on either side, a clock is wrong, the collector is away for a
month, addresses change, branches are renamed, moved and removed."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from answers import DAY_S, history_start_s, simulate
from branch import wait_for
from centre import Centre, Site
from proxy import Proxy
from ringside import bin_dir
from small_disk import small_disk
from whole import Whole


def stamp(time_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))


def span(days: int = 32) -> tuple[str, str]:
    start_s = history_start_s()
    return stamp(start_s - DAY_S), stamp(start_s + days * DAY_S)


def fill(path: Path) -> None:
    with pytest.raises(OSError), open(path, "wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)) == 4096:
            pass
        ballast.write(b"1")


def deliver(site: Site, agent, lines: int) -> None:
    site.wait_for_lines(agent, lines)
    wait_for(f"{site.name}'s backlog to be delivered", site.is_delivered)


def count(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def test_collectors_disk_full_and_roomy_again(tmp_path: Path) -> None:
    """Summaries wait at the branch, and nothing is half there."""
    with small_disk(tmp_path / "disk", "64m") as disk:
        with Centre(tmp_path, size_max="64MiB", data=disk / "centre") as centre, centre.running() as daemon:
            site = Site(tmp_path / "alpha", "alpha")
            simulate(site.log, 41, "--days", "29")
            site.join(centre.port, centre.add("alpha"))
            filler = disk / "filler"
            fill(filler)
            with site.running() as agent:
                site.wait_for_lines(agent, count(site.log))
                wait_for("the collector to say that it is full", lambda: "full" in daemon.said())
                assert site.backlog() and daemon.process.poll() is None
                filler.unlink()
                deliver(site, agent, count(site.log))
            problems = Whole(centre, {"alpha": [site.log]}, {}, span()).problems()
            assert not problems, "\n".join(problems[:40])
            site.close()


def test_sites_disk_full_and_roomy_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk, Centre(tmp_path) as centre, centre.running():
        site = Site(tmp_path / "alpha", "alpha", ledger=disk / "ledger")
        site.join(centre.port, centre.add("alpha"))
        simulate(site.log, 42, "--days", "2")
        with site.running() as agent:
            deliver(site, agent, count(site.log))
            fill(disk / "filler")
            more = tmp_path / "more"
            simulate(more, 43, "--days", "1")
            with open(site.log, "ab") as log:
                log.write(more.read_bytes())
            deliver(site, agent, count(site.log))
        problems = Whole(centre, {"alpha": [site.log]}, {}, span()).site_problems("alpha")
        assert not problems, "\n".join(problems[:40])
        site.close()


def test_a_month_of_backlog(tmp_path: Path) -> None:
    """A site that joins with 29 days behind it: the newest interval is at the centre before the oldest, the agent's
    memory does not grow with the backlog, and in the end everything is there."""
    with Centre(tmp_path) as centre, centre.running():
        site = Site(tmp_path / "alpha", "alpha")
        simulate(site.log, 44, "--days", "29", "--calls-per-day", "300")
        with site.running() as agent:
            site.wait_for_lines(agent, count(site.log))
            waiting = site.backlog()
            before = anonymous_bytes(agent.process.pid)
            site.join(centre.port, centre.add("alpha"))
            deliver(site, agent, count(site.log))
            grown = anonymous_bytes(agent.process.pid) - before
        print(f"{waiting} intervals waited, the agent grew by {grown} bytes")
        assert waiting and waiting > 5000
        assert grown < 4 << 20
        problems = Whole(centre, {"alpha": [site.log]}, {}, span()).problems()
        assert not problems, "\n".join(problems[:40])
        site.close()


def anonymous_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Anonymous: in smaps_rollup")


def test_the_collector_away_and_back(tmp_path: Path) -> None:
    """Days pass while nobody answers; what changed meanwhile goes up once, with its newest content."""
    with Centre(tmp_path) as centre:
        with centre.running():
            site = Site(tmp_path / "alpha", "alpha")
            site.join(centre.port, centre.add("alpha"))
        with site.running() as agent:
            simulate(site.log, 45, "--days", "4")
            site.wait_for_lines(agent, count(site.log))
            waiting = site.backlog()
            assert waiting and waiting > 100
            with centre.running():
                deliver(site, agent, count(site.log))
                wait_for("the heartbeat", lambda: centre.sites()["alpha"]["backlog"] == 0)
                problems = Whole(centre, {"alpha": [site.log]}, {}, span()).problems()
        assert not problems, "\n".join(problems[:40])
        site.close()


def with_hosts(hosts: Path, *command: object) -> list[str]:
    """The command with an /etc/hosts of its own."""
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts),
            *map(str, command)]


def test_a_name_with_several_addresses(tmp_path: Path) -> None:
    """The first address does not answer, the IPv6 one does; then the name moves to another address."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.9 centre.test\n::1 centre.test\n")
    if subprocess.run(with_hosts(hosts, "true"), capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces cannot be made here")
    with Centre(tmp_path, host="[::1]", hosts='"centre.test"') as centre, centre.running():
        site = Site(tmp_path / "alpha", "alpha")
        agent_program = bin_dir() / "ringside-agent"
        done = subprocess.run(
            with_hosts(hosts, agent_program, "join", f"coaps+tcp://centre.test:{centre.port}", "--site", "alpha",
                       "--token-file", centre.add("alpha"), "-c", site.config),
            capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        simulate(site.log, 46, "--days", "0.5")
        agent = subprocess.Popen(with_hosts(hosts, agent_program, "-c", site.config), stderr=subprocess.DEVNULL)
        try:
            wait_for("the lines", lambda: (site.ask() or {"quality": {"lines": 0}})["quality"]["lines"] >= count(site.log))
            wait_for("the backlog to be delivered", site.is_delivered)
        finally:
            agent.terminate()
            agent.wait(60)
        site.close()


def test_a_clock_one_hour_wrong(tmp_path: Path) -> None:
    """Its numbers are taken as they are; that its clock is wrong is told at the centre."""
    with Centre(tmp_path) as centre, centre.running() as daemon:
        site = Site(tmp_path / "alpha", "alpha")
        site.join(centre.port, centre.add("alpha"))
        simulate(site.log, 47, "--days", "1")
        agent = site.start(LD_PRELOAD=str(site.clockshift), RINGSIDE_CLOCK_SHIFT_S="3600")
        try:
            deliver(site, agent, count(site.log))
            wait_for("the clock's offset to be known",
                     lambda: abs((centre.sites()["alpha"]["clock_offset_ms"] or 0) - 3600000) < 60000)
        finally:
            agent.stop()
        assert "its clock is" in daemon.said()
        problems = Whole(centre, {"alpha": [site.log]}, {}, span()).problems()
        assert not problems, "\n".join(problems[:40])
        site.close()


def test_groups_move_and_sites_go(tmp_path: Path) -> None:
    """Moved to another group, its numbers move with it; removed, they are gone from everywhere."""
    with Centre(tmp_path) as centre, centre.running():
        sites = {name: Site(tmp_path / name, name) for name in ("alpha", "beta")}
        for number, (name, site) in enumerate(sites.items()):
            site.join(centre.port, centre.add(name, "--group", "north"))
            simulate(site.log, 50 + number, "--days", "1")
            with site.running() as agent:
                deliver(site, agent, count(site.log))
        logs = {name: [site.log] for name, site in sites.items()}
        assert not Whole(centre, logs, {"alpha": "north", "beta": "north"}, span()).problems()
        centre.command("site", "set", "beta", "--group", "south")
        settled(centre, logs, {"alpha": "north", "beta": "south"})
        centre.command("site", "remove", "beta")
        wait_for("beta to be gone", lambda: "beta" not in centre.sites())
        settled(centre, {"alpha": logs["alpha"]}, {"alpha": "north"})
        for site in sites.values():
            site.close()


def settled(centre: Centre, logs: dict[str, list[Path]], groups: dict[str, str]) -> None:
    whole = Whole(centre, logs, groups, span())
    wait_for(f"the numbers of {groups}", lambda: not whole.problems(), 20)


def test_two_boxes_with_one_identity(tmp_path: Path) -> None:
    """A copied box: the same credentials, a ledger of its own. The centre keeps to the first and says so."""
    with Centre(tmp_path) as centre, centre.running() as daemon, Proxy(centre.port, 1, share=0.0) as proxy:
        original = Site(tmp_path / "alpha", "alpha")
        original.join(proxy.port, centre.add("alpha"))
        simulate(original.log, 60, "--days", "1")
        copy = Site(tmp_path / "copy", "alpha")
        copy.credentials.mkdir()
        for file in original.credentials.iterdir():
            (copy.credentials / file.name).write_bytes(file.read_bytes())
            (copy.credentials / file.name).chmod(0o600)
        simulate(copy.log, 61, "--days", "1")
        with original.running() as agent:
            deliver(original, agent, count(original.log))
            with copy.running():
                wait_for("the collector to notice", lambda: "two boxes" in daemon.said())
        problems = Whole(centre, {"alpha": [original.log]}, {}, span()).problems()
        assert not problems, "\n".join(problems[:40])
        assert any(event["kind"] == "two-boxes" for event in centre.ask("site", "show", "alpha")["events"])
        original.close()
        copy.close()


def test_registry_that_cannot_be_written_ends_the_collector(tmp_path: Path) -> None:
    """At its last write a failed commit leaves the registry unusable until it is opened again: by the next process."""
    log = tmp_path / "calls"
    with Centre(tmp_path) as centre:
        faults = {"LD_PRELOAD": str(bin_dir() / "faults.so"), "RINGSIDE_FAULTS_LOG": str(log),
                  "RINGSIDE_FAULTS_ROOT": str((centre.data / "registry").resolve())}
        log.touch()
        daemon = centre.start(**faults)
        centre.wait_until_listening()
        Site(tmp_path / "alpha", "alpha").join(centre.port, centre.add("alpha"))
        daemon.stop()
        writes = log.read_text().split().count("write")
        assert writes > 1
        for name, last in (("beta", writes), ("gamma", writes - 1)):  # that of a later site may be one less
            site, token = Site(tmp_path / name, name), centre.add(name)
            daemon = centre.start(**faults, RINGSIDE_FAULTS=f"write:fail:{last}")
            centre.wait_until_listening()
            if site.try_to_join(f"coaps+tcp://127.0.0.1:{centre.port}", token).returncode != 0:
                break
            daemon.stop()
        wait_for("the collector to give up", lambda: daemon.process.poll() is not None)
        assert daemon.process.returncode == 1 and "the registry could not be written" in daemon.said()
        with centre.running():
            site.join(centre.port, token)
