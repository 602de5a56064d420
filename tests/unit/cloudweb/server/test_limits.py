"""Accounts of time and shares."""

from __future__ import annotations

import asyncio

import pytest

from cloudweb.server.limits import Limits, Pace, Shares, limits


def test_waiting_costs_what_bytes_give_back() -> None:
    async def dripped() -> int:
        pace, drips = Pace(seconds=0.05, rate=1_000_000), 0
        while True:
            try:
                await pace.wait(asyncio.sleep(0.01))
            except TimeoutError:
                return drips
            drips += 1
            pace.earn(1)

    async def kept_up() -> None:
        pace = Pace(seconds=0.05, rate=1000)
        for _ in range(10):
            await pace.wait(asyncio.sleep(0.01))
            pace.earn(1_000_000)  # never more than the account holds

    assert asyncio.run(dripped()) < 6
    asyncio.run(kept_up())


def test_a_credit_does_not_grow() -> None:
    async def stalled() -> None:
        pace = Pace(seconds=0.02, rate=1)
        pace.earn(10**9)
        await pace.wait(asyncio.Event().wait())

    with pytest.raises(TimeoutError):
        asyncio.run(stalled())


def test_shares_are_for_each_and_for_all() -> None:
    shares = Shares(each=2, most=3)
    assert [shares.take("a"), shares.take("a"), shares.take("a")] == [True, True, False]
    assert [shares.take("b"), shares.take("c")] == [True, False]
    shares.give("a")
    assert [shares.take("c"), shares.total] == [True, 3]


def test_a_limit_is_positive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_LEAST_RATE", "0")
    with pytest.raises(ValueError, match="API_LEAST_RATE is 0"):
        limits()
    monkeypatch.setenv("API_LEAST_RATE", "1024")
    assert (limits().least_rate, limits().transfers) == (1024, Limits().transfers)
