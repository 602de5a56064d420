"""One simulated host with its own libvirtd for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.libvirt_bench import LibvirtBench


@pytest.fixture(scope="module")
def host() -> Iterator[LibvirtBench]:
    """A host whose guests are gone after each module."""
    bench = LibvirtBench()
    yield bench
    bench.close()
