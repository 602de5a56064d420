"""The real openstack command brings a server to another host while it runs, and looks at how that goes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from cloudweb import process
from tests.builders.images import RAW
from tests.builders.shell import WAIT, Shell, shell
from tests.infrastructure import PATIENCE, ROOT, Cloud, wait_until

pytestmark = pytest.mark.openstack
__all__ = ["shell"]
MANAGE = (sys.executable, str(ROOT / "manage.py"))
LIVE = ("server", "migrate", "--live-migration")


@pytest.fixture
def second_host(cloud: Cloud, tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """One more host of the cloud, with simulated guests, for as long as the test runs."""
    name, directory, var = "t-second", tmp_path / "host", tmp_path / "var"
    (var / "run").mkdir(parents=True)
    (var / "run" / "redis.sock").symlink_to(cloud.var / "run" / "redis.sock")
    control = {"DJANGO_SETTINGS_MODULE": "cloudweb.settings.control"}
    words = ("add_host", name, "--directory", str(directory))
    process.run(*MANAGE, *words, env={**control, "CLOUDWEB_VAR": str(cloud.var)})
    agent = {
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent",
        "CLOUDWEB_VAR": str(var),
        "CLOUDWEB_HOST_DIR": str(directory),
        "METADATA_URL": cloud.url,
        "DRIVERS": "fake",
        "CLOUDWEB_TIME_SCALE": "1",
    }
    service = (*MANAGE, "service", "host", "--host", name)
    running = process.start_child(*service, log=tmp_path / "host.log", env=agent)
    try:
        yield name, running
    finally:
        running.send_signal(signal.SIGCONT)
        running.terminate()
        running.wait(PATIENCE)
        process.run(*service, "--leave", env=agent)


def ask_at_the_newest_version(shell: Shell, name: str, host: str) -> None:
    """The command asks at 2.30 at most, where hosts have their say before anything begins."""
    admin = openstack.connect(cloud="cloudweb-admin")
    server = admin.compute.find_server(name)
    body = {"os-migrateLive": {"host": host, "block_migration": "auto"}}
    asked = admin.compute.post(f"/servers/{server.id}/action", json=body, microversion="2.96")
    assert asked.status_code == 202, asked.text


def test_a_server_is_brought_to_another_host_while_it_runs(
    shell: Shell, second_host: tuple[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, second = second_host
    for variable, value in shell.cloud.environment("cloudweb-admin").items():
        monkeypatch.setenv(variable, value)

    def up() -> bool:
        found = shell.json("compute", "service", "list", "--host", name)
        return [one["State"] for one in found if one["Binary"] == "nova-compute"] == ["up"]

    wait_until(up, what="the second host is up")
    disk = tmp_path / "disk.raw"
    disk.write_bytes(RAW)
    shell.run("image", "create", "t-image", "--disk-format", "raw", "--file", str(disk))
    like = ("--image", "t-image", "--flavor", "m1.tiny", "--no-network", WAIT)
    shell.version = "2.90"
    shell.run("server", "create", *like, "--host", name, "t-goes")

    def host() -> str:
        shown = shell.json("server", "show", "t-goes")
        return str(shown["OS-EXT-SRV-ATTR:host"])

    (first,) = {one["Host"] for one in shell.json("compute", "service", "list")
                if one["Binary"] == "nova-compute"} - {name}  # fmt: skip
    assert host() == name
    for version, to in (("2.25", None), ("2.30", name), (None, first)):
        shell.version = version
        target = ("--host", to) if to else ()
        shell.run(*LIVE, *target, WAIT, "t-goes")
        assert host() == (to or first)
    shell.version = "2.80"
    done = shell.json("server", "migration", "list", "--server", "t-goes")
    assert [(one["Status"], one["Type"]) for one in done] == [("completed", "live-migration")] * 3
    assert done[0]["Dest Compute"] == first

    # It goes while it is off, too, and says so before the old place is let go.
    for version, end, to in (
        *(("2.1", "revert", first), ("2.1", "confirm", name)),
        ("2.96", "confirm", first),
    ):
        shell.version = version
        shell.run("server", "migrate", WAIT, "t-goes")
        assert shell.json("server", "show", "t-goes")["status"] == "VERIFY_RESIZE"
        shell.run("server", "migration", end, "t-goes")
        wait_until(
            lambda: shell.json("server", "show", "t-goes")["status"] == "ACTIVE", what="it rests"
        )
        assert host() == to
    shell.version = "2.80"

    # While the other host says nothing it is looked at, and called off.
    second.send_signal(signal.SIGSTOP)
    ask_at_the_newest_version(shell, "t-goes", name)
    listed = ("server", "migration", "list", "--server", "t-goes")
    wait_until(lambda: shell.json(*listed)[0]["Status"] == "preparing", what="it is begun")
    of_it = (
        "t-goes",
        str(shell.json(*listed)[0]["Id"]),
    )  # "show" of client 10.5 mixes these two up
    refused = shell.run("server", "migration", "force", "complete", *of_it, code=1)
    assert "is preparing. Cannot force_complete" in refused
    shell.run("server", "migration", "abort", *of_it)
    second.send_signal(signal.SIGCONT)
    wait_until(lambda: shell.json(*listed)[0]["Status"] == "cancelled", what="it is called off")
    assert "is cancelled" in shell.run("server", "migration", "abort", *of_it, code=1)
    assert host() == first
