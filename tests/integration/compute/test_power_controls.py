"""Redfish and IPMI, as the drivers of fences speak them with emulated controllers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compute.fencing.base import FenceFailed, FencePlace, FenceRefused
from compute.fencing.ipmi import IpmiFence
from compute.fencing.manual import ManualFence
from compute.fencing.redfish import RedfishFence
from tests.builders.bmc import PASSWORD, USER, RedfishService, ipmitool, redfish


def _place(service: RedfishService, **facts: object) -> FencePlace:
    said = {
        "host": "h1", "address": service.address, "user": USER, "password": PASSWORD,
        "ca": service.ca, **facts,
    }  # fmt: skip
    return FencePlace(**said)  # type: ignore[arg-type]


def test_redfish_cuts_the_power_once_and_gives_it_back(tmp_path: Path) -> None:
    with redfish(tmp_path) as service:
        fence = RedfishFence(_place(service))
        assert fence.power() == "on"
        fence.off()
        assert fence.power() == "off"
        fence.off()
        fence.on()
        assert fence.power() == "on"
        assert service.resets == [("1", "ForceOff"), ("1", "On")]


def test_redfish_switches_the_machine_that_is_meant(tmp_path: Path) -> None:
    with redfish(tmp_path, a="On", b="On") as service:
        with pytest.raises(FenceRefused, match="2 such machines"):
            RedfishFence(_place(service)).off()
        RedfishFence(_place(service, machine="b")).off()
        assert service.powers == {"a": "On", "b": "Off"}


def test_redfish_tells_what_keeps_it(tmp_path: Path) -> None:
    with redfish(tmp_path) as service:
        with pytest.raises(FenceRefused, match="refuses its user"):
            RedfishFence(_place(service, password="other")).power()
        with pytest.raises(FenceFailed):  # nobody vouches for its certificate
            RedfishFence(_place(service, ca="")).power()
        with pytest.raises(FenceRefused, match="cannot be read"):
            RedfishFence(_place(service, ca="no certificate")).power()
        assert RedfishFence(_place(service, ca="", verify=False)).power() == "on"
        service.offers = ("GracefulShutdown",)
        with pytest.raises(FenceRefused, match="offers no ForceOff"):
            RedfishFence(_place(service)).off()
        service.powers["1"] = "PoweringOff"
        assert RedfishFence(_place(service)).power() == "on"  # not off yet
    with pytest.raises(FenceFailed):
        RedfishFence(_place(service)).power()


def test_ipmi_speaks_through_ipmitool_and_shows_its_password_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ipmitool(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    place = FencePlace("h1", address="10.0.0.9:6230", user=USER, password=PASSWORD)
    fence = IpmiFence(place)
    assert fence.power() == "on"
    fence.off()
    assert (fence.power(), state.read_text()) == ("off", "off\n")
    fence.on()
    assert fence.power() == "on"
    asked = (tmp_path / "asked").read_text()
    assert "-I lanplus -C 3 -H 10.0.0.9 -p 6230 -U operator -E chassis power off" in asked
    assert PASSWORD not in asked
    with pytest.raises(FenceFailed):
        IpmiFence(FencePlace("h1", address="::1", user=USER, password="other")).power()
    assert "-H ::1 -p 623 " in (tmp_path / "asked").read_text()


def test_ipmi_without_its_program_says_where_it_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FenceFailed, match="not installed where the control workers run"):
        IpmiFence(FencePlace("h1", address="[fd00::9]:1623")).power()


def test_what_only_a_human_can_do_is_said() -> None:
    fence = ManualFence(FencePlace("h1"))
    assert fence.power() == "unknown"
    for act in (fence.off, fence.on):
        with pytest.raises(FenceRefused, match="by hand"):
            act()
