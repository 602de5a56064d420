"""Bodies between the loop and a thread."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cloudweb.server.answers import Outflow
from cloudweb.server.bodies import Gone, Inflow, Receive, Spool
from cloudweb.server.limits import Pace

NEVER = object()


def client(*parts: Any, more: bool = False) -> Receive:
    """Return what receives these parts, then nothing more, or for ever nothing."""
    waiting = list(parts)

    async def receive() -> Any:
        if not waiting:
            await asyncio.Event().wait()
        part = waiting.pop(0)
        if part is NEVER:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting) or more}

    return receive


def pace() -> Pace:
    return Pace(seconds=0.1, rate=1000)


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000, 100_001, 300_000])
def test_a_small_body_is_spooled_to_one_byte_over_the_limit(tmp_path: Path, size: int) -> None:
    async def taken() -> tuple[int, bytes]:
        parts = [b"x" * 65536] * (size // 65536) + [b"x" * (size % 65536)]
        spool = Spool(tmp_path / "spool")
        with spool.file() as file:
            found = await spool.take(file, client(*parts), most=100_000, pace=pace())
            return found, file.read()

    found, content = asyncio.run(taken())
    assert found == len(content) == min(size, 100_001)


@pytest.mark.parametrize(("parts", "error"), [((b"x",), TimeoutError), ((b"x", NEVER), Gone)])
def test_a_body_that_does_not_come(tmp_path: Path, parts: Any, error: type[Exception]) -> None:
    spool = Spool(tmp_path)

    async def taken() -> None:
        with spool.file() as file:
            await spool.take(file, client(*parts, more=True), most=1000, pace=pace())

    with pytest.raises(error):
        asyncio.run(taken())
    assert spool.held == 0


def read_all(inflow: Inflow, size: int) -> list[bytes]:
    return list(iter(lambda: inflow.read(size), b""))


def test_an_upload_is_read_while_it_arrives() -> None:
    async def moved() -> bytes:
        inflow = Inflow()
        parts = [bytes([number]) * 70_000 for number in range(50)]
        reading = asyncio.to_thread(read_all, inflow, 50_000)
        feeding = asyncio.create_task(inflow.feed(client(*parts), pace=pace()))
        content = b"".join(await reading)
        await feeding
        return content

    content = asyncio.run(moved())
    assert content == b"".join(bytes([number]) * 70_000 for number in range(50))


def test_nothing_is_received_before_it_is_wanted() -> None:
    async def looked() -> int:
        asked = 0

        async def receive() -> Any:
            nonlocal asked
            asked += 1
            return {"type": "http.request", "body": b"x" * Inflow.AHEAD, "more_body": True}

        inflow = Inflow()
        feeding = asyncio.create_task(inflow.feed(receive, pace=pace()))
        await asyncio.sleep(0)
        before = asked
        await asyncio.to_thread(inflow.read, 10)
        feeding.cancel()
        assert asked <= 2  # one ahead
        return before

    assert asyncio.run(looked()) == 0


@pytest.mark.parametrize(
    ("parts", "error"), [((b"x",), TimeoutError), ((b"x", NEVER), ConnectionError)]
)
def test_an_upload_that_breaks_off(parts: Any, error: type[Exception]) -> None:
    async def moved() -> None:
        inflow = Inflow()
        feeding = asyncio.create_task(inflow.feed(client(*parts, more=True), pace=pace()))
        try:
            await asyncio.to_thread(read_all, inflow, 10)
        finally:
            await feeding
            assert inflow.broken

    with pytest.raises(error):
        asyncio.run(moved())


def test_generated_blocks_come_in_pieces_from_one_thread() -> None:
    async def sent(blocks: Any) -> list[bytes]:
        flow, found = Outflow(), []
        running = asyncio.create_task(asyncio.to_thread(flow.run, blocks))
        while (block := await flow.next()) is not None:
            found.append(block)
        await running
        return found

    found = asyncio.run(sent(b"line\n" for _ in range(100_000)))
    assert b"".join(found) == b"line\n" * 100_000
    assert len(found) < 10


def test_a_generator_ends_when_nobody_wants_more() -> None:
    closed = []

    def endless() -> Any:
        try:
            while True:
                yield b"x" * 100_000
        finally:
            closed.append(True)

    async def sent() -> None:
        flow = Outflow()
        running = asyncio.create_task(asyncio.to_thread(flow.run, endless()))
        await flow.next()
        flow.give_up()
        await running

    asyncio.run(sent())
    assert closed == [True]


def test_a_generator_that_fails_is_no_end() -> None:
    def failing() -> Any:
        yield b"x"
        raise LookupError

    async def sent() -> None:
        flow = Outflow()
        running = asyncio.create_task(asyncio.to_thread(flow.run, failing()))
        try:
            while await flow.next() is not None:
                pass
        finally:
            with pytest.raises(LookupError):
                await running

    with pytest.raises(BrokenPipeError):
        asyncio.run(sent())
