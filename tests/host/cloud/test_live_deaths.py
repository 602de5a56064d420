"""A server goes live between two hosts while somebody dies; ``python -m tests.live_deaths`` has them all."""

from __future__ import annotations

import pytest

from tests.live_deaths.phases import FEW, dies
from tests.live_deaths.stage import stage

pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]


def test_it_is_on_one_host_whoever_dies() -> None:
    with stage("copy") as (voyager, pings):
        voyager.keep()
        voyager.goes("hb")
        at = pings.now()
        voyager.goes("ha")
        print(f"Live to the other host: {pings.gap(at):.2f} s without an answer")
        way = voyager.is_called_off()
        assert voyager.ends(way)["status"] == "cancelled"
        assert voyager.is_whole(died=False) == "ha"
        voyager.all_agree("ha")
        for phase, victim in FEW:
            at = pings.now()
            print(f"{dies(voyager, phase, victim)}, gap {pings.gap(at):.2f} s")
