"""Infrastructure for every test; what a test needs in the database it builds with tests/builders."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

from cloudweb.database import clock
from tests.builders.ceph import CephCluster, ceph_cluster, missing
from tests.emptying import empty_tables
from tests.infrastructure import Cloud, private_postgresql, private_redis, running_cloud
from tests.parts import marks_of

# A loaded machine is no failure.
hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.load_profile("suite")


class Loggers(dict[str, Any]):
    """Loggers by name: pytest walks through them before each test, while a thread of ours may make one."""

    def values(self) -> list[Any]:  # type: ignore[override]
        """Return those of now."""
        return [*super().values()]


logging.root.manager.loggerDict = Loggers(logging.root.manager.loggerDict)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what its directory says already."""
    for item in items:
        for mark in marks_of(Path(item.path).relative_to(config.rootpath)):
            item.add_marker(getattr(pytest.mark, mark))
        if "postgresql_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgresql)
    if hasattr(config, "workerinput"):  # what may take longest begins first: workers end together
        items.sort(key=lambda item: -_time_allowed(item))


def pytest_collection_finish() -> None:
    """Let the collector leave alone what was imported, and look rarely: it took a tenth of all time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _time_allowed(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker and marker.args else 0.0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what drives this machine where we are not root."""
    if item.get_closest_marker("host") and os.geteuid() != 0:
        pytest.skip("drives the kernel and hypervisor of this machine: needs root")


@pytest.fixture(scope="session", autouse=True)
def _database_clock_is_measured_once() -> None:
    """Pinned statement counts must not depend on when a minute was over (PostgreSQL)."""
    clock.MEASURE_EVERY = float("inf")


@pytest.fixture(scope="session", autouse=True)
def _tables_are_emptied_and_no_more() -> Iterator[None]:
    """What a test committed goes; what every flush would make anew stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: empty_tables())
        yield


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    """The Unix socket of a Redis of the suite's own."""
    with private_redis() as path:
        yield path


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The DATABASE_URL of a PostgreSQL of the suite's own."""
    with private_postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """A whole cloud of processes on fake drivers, shared by the session."""
    with running_cloud(migrates=True) as running:
        yield running


@pytest.fixture(scope="session")
def ceph() -> Iterator[CephCluster]:
    """A Ceph of the suite's own; who has used it leaves nothing in it."""
    if why := missing():
        pytest.skip(why)
    with ceph_cluster() as cluster:
        cluster.await_usage()
        yield cluster
