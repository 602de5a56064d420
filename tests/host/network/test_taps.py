"""A tap whose guest is off is a way into a tenant's network: it is root's alone."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import struct

import pytest

from cloudweb import process
from network.drivers.linuxbridge.links import (
    IFF_NO_PI,
    IFF_TAP,
    IFF_VNET_HDR,
    TUNSETIFF,
)
from tests.builders.ports import make_network, make_port
from tests.builders.strangers import NOBODY
from tests.host.network.bench import KernelBench

pytestmark = pytest.mark.host


def opens(uid: int, tap: str) -> bool:
    """Tell whether a user gets at a tap; udev lets everybody open the device behind all taps."""

    def child() -> None:
        handle = os.open("/dev/net/tun", os.O_RDWR)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        request = struct.pack("16sH22x", tap.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
        try:
            fcntl.ioctl(handle, TUNSETIFF, request)
        except PermissionError:
            os._exit(1)
        os._exit(0)

    worker = multiprocessing.get_context("fork").Process(target=child)
    worker.start()
    worker.join()
    return worker.exitcode == 0


def test_nobody_else_opens_a_tap_not_even_one_of_an_older_version(bench: KernelBench) -> None:
    port = make_port(make_network(), "10.5.0.11")
    bench.agent.plug(port)
    assert not opens(NOBODY, port.tap)
    process.run("ip", "link", "delete", port.tap)
    process.run("ip", "tuntap", "add", port.tap, "mode", "tap", "vnet_hdr")
    with open("/dev/net/tun", "r+b", buffering=0) as tun:  # noqa: PTH123 - a device, not a file
        request = struct.pack("16sH22x", port.tap.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
        fcntl.ioctl(tun, TUNSETIFF, request)
        bench.agent.plug(port)  # while a guest has it nothing can be done, and need not
    assert opens(NOBODY, port.tap)
    bench.agent.plug(port)
    assert not opens(NOBODY, port.tap)
