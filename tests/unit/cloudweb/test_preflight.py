"""Every reason not to start is one sentence that says what to do, and nothing is left running."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from cloudweb.supervisor import preflight
from cloudweb.supervisor.preflight import CannotStart, check

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which everything is well."""
    monkeypatch.setenv("CLOUDWEB_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DRIVERS", "fake")
    monkeypatch.setenv("LISTEN", "127.0.0.1:8000")
    monkeypatch.setenv("HOST_NAME", "h1")
    monkeypatch.setattr(preflight, "_check_port", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/usr/bin/{name}")


def test_a_sound_machine_passes_and_is_locked(tmp_path: Path) -> None:
    with check():
        assert (tmp_path / "var/run/cloudweb.pid").read_text() == f"{os.getpid()}\n"
        with pytest.raises(CannotStart, match=rf"already running .* pid {os.getpid()}\."):
            check()
    check().close()  # the lock went with its owner


def test_a_pid_left_over_from_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "var/run").mkdir(parents=True)
    (tmp_path / "var/run/cloudweb.pid").write_text("1\n")
    with check():
        assert (tmp_path / "var/run/cloudweb.pid").read_text() == f"{os.getpid()}\n"


def test_a_failed_check_lets_go_of_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken() -> None:
        raise CannotStart("taken")

    with monkeypatch.context() as patch:
        patch.setattr(preflight, "_check_port", taken)
        with pytest.raises(CannotStart, match="taken"):
            check()
    check().close()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("LISTEN", "nowhere", r"LISTEN is 'nowhere'.*127\.0\.0\.1:8000"),
        ("DRIVERS", "faek", r"DRIVERS is 'faek'.*'fake'"),
        ("BEAT", "often", r"BEAT is 'often'.*inside or apart"),
        ("HOST_NAME", "Not A Host", "setting HOST_NAME"),
        ("CLOUDWEB_VAR", f"/tmp/{'long/' * 25}", "too long.*CLOUDWEB_VAR"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(CannotStart, match=sentence):
        check()


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 5 * 1024**2))
    with pytest.raises(CannotStart, match=r"is full: 5 MB are free.*CLOUDWEB_VAR"):
        check()


def test_real_drivers_need_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVERS", "real")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotStart, match=r"sudo make run.*DRIVERS=fake make run"):
        check()


def test_a_missing_hypervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVERS", "real")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        shutil, "which", lambda name, path=None: None if name == "libvirtd" else name
    )
    with pytest.raises(
        CannotStart, match=r"libvirtd is not installed.*libvirt-daemon-system\. .*fake"
    ):
        check()


def test_a_missing_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        shutil, "which", lambda name, path=None: None if name == "redis-server" else name
    )
    with pytest.raises(CannotStart, match=r"redis-server is not installed.*apt-get install"):
        check()


def test_keys_that_are_lost_beside_an_old_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    var = tmp_path / "var"
    (var / "hosts/h1/credentials").mkdir(parents=True)
    check().close()  # an empty directory, and one without a database, are new clouds
    (var / "cloudweb.sqlite3").write_bytes(b"SQLite")
    with pytest.raises(
        CannotStart, match=r"secret_key is missing in .*secrets.*Put back .*keys\.md"
    ):
        check()
    (var / "hosts/h1/credentials/orders.pub").write_text("key")
    with pytest.raises(CannotStart, match=r"secret_key and orders\.pem are missing"):
        check()
    assert not list((var / "secrets").iterdir())
    (var / "secrets/secret_key").write_text("key")
    with pytest.raises(CannotStart, match=r"orders\.pem is missing"):
        check()
    with monkeypatch.context() as patch:
        patch.setenv("NEW_KEYS", "yes")
        check().close()
    (var / "secrets/orders.pem").write_text("key")
    check().close()
