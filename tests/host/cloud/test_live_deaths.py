"""A server goes live between two hosts that share its disk while somebody dies; the whole of it: tests/live_deaths."""

from __future__ import annotations

import pytest

from tests.live_deaths.phases import FEW, dies
from tests.live_deaths.stage import stage

pytestmark = [pytest.mark.timeout(1500), pytest.mark.filterwarnings("ignore")]


def test_it_is_on_one_host_whoever_dies() -> None:
    with stage("directory") as (voyager, pings):
        voyager.keep()
        for host in ("ha", "hb"):
            at = pings.now()
            voyager.goes(host)
            print(f"Live to {host}, a directory shared: {pings.gap(at):.2f} s without an answer")
        pings.end()  # an emulated guest that is busy at the switch may lose a page
        way = voyager.is_called_off()
        assert voyager.ends(way)["status"] == "cancelled"
        assert voyager.is_whole(died=False) == "hb"
        voyager.all_agree("hb")
        for phase, victim in FEW:
            print(dies(voyager, phase, victim))
