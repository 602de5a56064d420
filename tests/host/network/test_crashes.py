"""The agent's process is killed at each command it gives to the host; the next one ends the work."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable

import pytest

from cloudweb import process
from tests.builders.ports import make_network, make_port, port_ref
from tests.host.network.bench import KernelBench

pytestmark = pytest.mark.host
KILLED = -signal.SIGKILL


def die_in(action: Callable[[], object], *, command: int) -> bool:
    """Run an action in a process that kills itself right after its n-th command; tell whether it did."""

    def child() -> None:
        count, run = itertools.count(), process.run

        def counted(*words: str, **options: object) -> object:
            done = run(*words, **options)  # type: ignore[arg-type]
            if next(count) == command:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        process.run = counted  # type: ignore[assignment]
        action()

    worker = multiprocessing.get_context("fork").Process(target=child)
    worker.start()
    worker.join()
    assert worker.exitcode in (0, KILLED)
    return worker.exitcode == KILLED


def test_killed_while_plugging(bench: KernelBench) -> None:
    for command in itertools.count():
        port = make_port(make_network())
        died = die_in(lambda port=port: bench.agent.plug(port), command=command)
        bench.restart()
        if died and command % 2:
            assert bench.agent.plug(port).up
        bench.agent.unplug(port_ref(port))
        assert not bench.census()
        if not died:
            break
    assert command > 4


def test_killed_while_unplugging_the_last_port(bench: KernelBench) -> None:
    for command in itertools.count():
        port = make_port(make_network())
        bench.agent.plug(port)
        died = die_in(lambda port=port: bench.agent.unplug(port_ref(port)), command=command)
        if command % 2:
            bench.restart()
        bench.agent.unplug(port_ref(port))
        assert not bench.census()
        if not died:
            break
    assert command > 2
