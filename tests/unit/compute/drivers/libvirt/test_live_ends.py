"""What becomes of the files and notes of a guest that died on one of its hosts while it went."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, PropertyMock, patch

import pytest

from cloudweb.driver import TransientDriverError, Unguarded
from compute.drivers.base import GuestNotFound, GuestRuns
from compute.drivers.fake import FakeDriver
from compute.drivers.libvirt.live import LibvirtLive
from compute.drivers.libvirt.live_state import Journey
from compute.drivers.libvirt.storage import Storage
from compute.live_migrating import LiveMigrations
from compute.live_objects import RunsHere, RunsState
from compute.objects import GuestRef
from tests.builders.guests import make_guest

REF = GuestRef(id="7d3f7a54-6d53-4a9b-8f5e-1f6e0c1a2b3c", name="instance-7d3f7a546d53")


class Side(LibvirtLive):
    """One host of two, of whose libvirt we say what it says."""

    def __init__(self, home: Path, host: str, state: RunsState) -> None:
        self.state_dir, self.state = home / host, state
        self._watcher = self._domains = self.connection = MagicMock()
        self._asked = {}
        self.storage = Storage(home, home / "run", host)

    def who_runs(self, ref: GuestRef) -> RunsHere:
        return RunsHere(id=ref.id, state=self.state)


@pytest.fixture(autouse=True)
def _apart() -> Any:
    with (
        patch.object(LibvirtLive, "tunnels", MagicMock(**{"is_held.return_value": False})),
        patch.object(Storage, "may_be_shared", new_callable=PropertyMock, return_value=True),
    ):
        yield


def test_who_died_where_it_left_is_known_to_share_its_disks_until_it_is_said_who_has_it(
    tmp_path: Path,
) -> None:
    old = Side(tmp_path, "ha", "off")
    old._note(REF.id, note := Journey(leaves=True, shared=True, offer="192.0.2.1:1"))
    job = MagicMock(began=0.0)
    assert old._outcome(REF, MagicMock(), "", job).outcome == "aborted"
    assert old._journey(REF.id) == note
    old.state = "running"
    assert old._outcome(REF, MagicMock(), "", job).outcome == "aborted"
    assert old._journey(REF.id) is None


def test_a_host_whose_guest_is_not_taken_back_has_its_files_at_once(tmp_path: Path) -> None:
    old, new = Side(tmp_path, "ha", "off"), Side(tmp_path, "hb", "running")
    files = old.storage.files(REF.id)
    files.home.mkdir(parents=True)
    files.home.joinpath("root.qcow2").touch()
    old.storage.claim(files)
    with pytest.raises(GuestRuns):
        new.rollback_live_migration_at_destination(REF, work=Unguarded())
    old.storage.remove(files)
    assert files.home.joinpath("root.qcow2").exists()


def test_who_loses_a_guest_leaves_its_files_to_a_host_that_cannot_be_asked(tmp_path: Path) -> None:
    old, new = Side(tmp_path, "ha", "off"), Side(tmp_path, "hb", "running")
    old.entries, old._forget = MagicMock(), MagicMock()  # type: ignore[method-assign]
    files = old.storage.files(REF.id)
    files.home.mkdir(parents=True)
    files.home.joinpath("root.qcow2").touch()
    old.storage.claim(files)
    old._note(REF.id, Journey(leaves=True, shared=True, offer="192.0.2.1:1"))
    old.post_live_migration(REF, work=Unguarded())
    assert old.storage.guests() == []  # it is no stray of this host
    old.storage.remove(files)
    assert files.home.joinpath("root.qcow2").exists()
    new.storage.claim(files)
    assert new.storage.guests() == [REF.id]


def test_who_came_and_died_is_on_its_way_no_more(tmp_path: Path) -> None:
    new = Side(tmp_path, "hb", "unknown")
    new._note(REF.id, note := Journey(leaves=False, shared=False))
    spec = make_guest(id=REF.id)
    with pytest.raises(TransientDriverError):  # its libvirt is away, and it may run
        new.post_live_migration_at_destination(spec, work=Unguarded())
    assert new._journey(REF.id) == note
    new.state = "absent"
    with pytest.raises(GuestNotFound):
        new.post_live_migration_at_destination(spec, work=Unguarded())
    assert new._journey(REF.id) is None
    new.tunnels.close.assert_called_once_with(REF.id)


def test_while_libvirt_is_away_nobody_says_what_is_here(tmp_path: Path) -> None:
    host = Side(tmp_path, "ha", "unknown")
    host._note(REF.id, note := Journey(leaves=True, shared=False, offer="192.0.2.1:1", held=True))
    for ask in (
        partial(host.resume_source, REF),
        partial(host.post_live_migration, REF),
        partial(host.rollback_live_migration_at_destination, REF),
        lambda work: host._clear_the_way(REF, work),
    ):
        with pytest.raises(TransientDriverError):
            ask(work=Unguarded())
    assert host._journey(REF.id) == note


def test_one_that_came_is_not_said_to_be_gone_where_its_libvirt_dies_then() -> None:
    driver, forget = MagicMock(spec=FakeDriver), MagicMock()
    driver.rollback_live_migration_at_destination.side_effect = GuestRuns
    driver.who_runs.return_value = RunsHere(id=REF.id, state="unknown")
    migrations = LiveMigrations(
        driver,
        MagicMock(),
        keep=MagicMock(),
        note_runs=MagicMock(),
        forget=forget,
        soon=MagicMock(),
    )
    with pytest.raises(TransientDriverError):
        migrations.roll_back(REF, Unguarded())
    forget.assert_not_called()
