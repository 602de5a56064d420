"""``make run``'s process tree: it serves, repairs itself, ends in order and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import name_of, tree
from tests.infrastructure import Cloud, running_cloud, wait_until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def own_cloud() -> Iterator[Cloud]:
    """A cloud that a test may hurt; one that says it is ready has a host."""
    with running_cloud() as cloud:
        assert httpx.get(f"{cloud.url}/readyz").json()["checks"]["hosts"] == "ok"
        yield cloud


def healthy(cloud: Cloud) -> bool:
    try:
        return httpx.get(f"{cloud.url}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return ""


def alive(pids: list[int]) -> list[str]:
    return [line for pid in pids if (line := command_line(pid))]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_for_their_owner_alone(cloud: Cloud) -> None:
    assert mode(cloud.clouds_yaml) == 0o600
    assert mode(cloud.var / "run") == 0o700
    assert mode(cloud.var / "log") == 0o750
    assert mode(cloud.var / "run" / "redis.sock") == 0o700
    assert mode(cloud.var / "cloudweb.sqlite3") == 0o600
    assert {mode(path) for path in (cloud.var / "secrets").iterdir()} == {0o600}


def test_the_broker_has_no_port(cloud: Cloud) -> None:
    [redis] = [pid for pid in tree(cloud.pid) if "redis-server" in command_line(pid)]
    inodes = {str(path.readlink()) for path in Path(f"/proc/{redis}/fd").iterdir()}
    listening = {
        f"socket:[{line.split()[9]}]"
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
    assert not inodes & listening


def test_the_health_page_names_what_is_well(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.url}/healthz")
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": "ok", "writes": "ok", "migrations": "ok", "broker": "ok"},
    }


def test_a_chunked_body_is_read(cloud: Cloud) -> None:
    user = {"name": "demo", "domain": {"id": "default"}, "password": cloud.password()}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    content = httpx.Request("POST", "http://x", json=body).content
    chunks = (content[at : at + 40] for at in range(0, len(content), 40))
    answer = httpx.post(
        f"{cloud.url}/identity/v3/auth/tokens",
        content=chunks,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 201, answer.text


def test_children_that_are_killed_or_make_no_progress_come_back() -> None:
    with running_cloud(WATCHDOG="15") as cloud:
        children = tree(cloud.pid)[1:]
        assert {name_of(pid) for pid in children} >= {"forkserver", "api", "control", "host"}
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(children), what="they are dead")
        wait_until(lambda: healthy(cloud), what="the cloud is well again")

        names = ("api", "control", "host")
        logs = [cloud.var / "log" / f"{name}.log" for name in names]
        wait_until(
            lambda: all(" works" in log.read_text().rpartition(" ended (")[2] for log in logs),
            what="all speak",
        )
        watched = [named(cloud)[name] for name in names]
        for pid in watched:
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: not alive(watched), what="they are ended")
        wait_until(lambda: healthy(cloud), what="the cloud is well again")
        for log in logs:
            silence = re.findall(r"makes no progress for (\d+) s", log.read_text())[-1]
            assert 15 <= int(silence) < 5 * 15  # that long only for one that had never spoken


def named(cloud: Cloud) -> dict[str, int]:
    """Return the processes that are there now by name."""
    found = {}
    for pid in tree(cloud.pid)[1:]:
        with suppress(OSError):
            found[name_of(pid)] = pid
    return found


def test_one_child_is_forked_anew_and_the_end_of_what_forks_is_that_of_all(
    own_cloud: Cloud,
) -> None:
    before = named(own_cloud)
    os.kill(before["control"], signal.SIGKILL)
    wait_until(
        lambda: named(own_cloud).get("control", before["control"]) != before["control"],
        what="the control worker is there again",
    )
    after = named(own_cloud)
    assert {**after, "control": 0} == {**before, "control": 0}  # and no other was touched
    os.kill(before["forkserver"], signal.SIGKILL)
    doomed = [after[name] for name in ("forkserver", "api", "control", "host")]
    wait_until(lambda: not alive(doomed), what="its children end with it")
    wait_until(
        lambda: named(own_cloud).keys() == before.keys() and healthy(own_cloud),
        what="the cloud is well again",
    )


def test_the_end_of_the_supervisor_is_the_end_of_all_and_sigterm_ends_it_in_order(
    own_cloud: Cloud,
) -> None:
    family = tree(own_cloud.pid)
    assert len(family) >= 5
    os.kill(own_cloud.pid, signal.SIGKILL)
    wait_until(lambda: not alive(family[1:]), what="no child is left")
    with running_cloud(var=own_cloud.var) as again:  # what the killed one left is no obstacle
        assert healthy(again)
        family = tree(again.pid)
        os.kill(again.pid, signal.SIGTERM)
        wait_until(lambda: not alive(family), what="no process is left")
        assert not (again.var / "run" / "redis.sock").exists()


def test_a_second_one_on_the_same_directory_is_refused(cloud: Cloud) -> None:
    with (
        pytest.raises(
            RuntimeError, match=rf"already running on this data directory, pid {cloud.pid}"
        ),
        running_cloud(var=cloud.var),
    ):
        pass
    assert healthy(cloud)
