"""Network cards that come and go in a real guest: each answers a ping while it is there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.driver import DriverError, Unguarded
from compute.drivers.base import InterfaceInUse
from compute.objects import GuestRef
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import make_interface, make_reboot, ref
from tests.builders.libvirt_bench import LibvirtBench, spawn

WORK = Unguarded()
MAC = "fa:16:3e:00:77:02"


@pytest.fixture
def tap() -> Iterator[str]:
    """A tap as the network driver makes it, with an address of this machine's behind it."""
    name = f"tapc{secrets.token_hex(4)}"
    process.run("ip", "tuntap", "add", name, "mode", "tap", "vnet_hdr")
    process.run("ip", "address", "add", "169.254.77.1/30", "dev", name)
    process.run("ip", "link", "set", name, "up")
    yield name
    process.run("ip", "link", "delete", name)


def fill(host: LibvirtBench, guest: GuestRef, made: list[str]) -> None:
    """Give a guest cards until it is refused one; note the taps."""
    for number in range(17):
        made.append(f"tapc{secrets.token_hex(4)}")
        process.run("ip", "tuntap", "add", made[-1], "mode", "tap", "vnet_hdr")
        card = make_interface(tap=made[-1], mac=f"fa:16:3e:00:78:{number:02x}")
        host.driver.attach_interface(guest, card, work=WORK)


def test_a_card_appears_answers_goes_and_is_there_again_at_the_next_start(
    host: LibvirtBench, tap: str
) -> None:
    driver, guest = host.driver, host.make_guest()
    card = make_interface(tap=tap, mac=MAC, mtu=1450)
    spawn(host, guest)
    driver.attach_interface(ref(guest), card, work=WORK)
    with pytest.raises(InterfaceInUse):  # it is still booting and hears nothing
        driver.detach_interface(ref(guest), tap, timeout=0, work=WORK)
    assert driver.interfaces(guest.id) == [tap]
    host.wait_for_boot(guest)
    present = f"grep -q {MAC} /sys/class/net/*/address"
    name = f"$(basename $(dirname $(grep -l {MAC} /sys/class/net/*/address)))"
    socket = driver.storage.files(guest.id).console_socket
    with GuestConsole(socket) as shell:
        for _ in range(2):  # the one from before was not heard; an order may come twice
            driver.detach_interface(ref(guest), tap, timeout=60, work=WORK)
        assert driver.interfaces(guest.id) == []
        for _ in range(2):
            driver.attach_interface(ref(guest), card, work=WORK)
        assert driver.interfaces(guest.id) == [tap]
        shell.run(f"until {present}; do sleep 0.2; done")
        assert shell.run(f"cat /sys/class/net/{name}/mtu").strip().endswith("1450")
        shell.run(f"ip address add 169.254.77.2/30 dev {name}; ip link set {name} up")
        shell.run("until ping -c1 -W1 169.254.77.1 >/dev/null; do sleep 0.2; done")
        driver.detach_interface(ref(guest), tap, timeout=60, work=WORK)
        assert driver.interfaces(guest.id) == []
        shell.run(f"until ! {present}; do sleep 0.2; done")
        assert Path(f"/sys/class/net/{tap}").exists(), "the tap is its maker's"
    made: list[str] = []
    try:
        with pytest.raises(DriverError, match="no free place for another network card"):
            fill(host, ref(guest), made)
        assert len(driver.interfaces(guest.id)) == len(made) - 1 > 8
        whole = guest.model_copy(update={"interfaces": (card,)})
        driver.reboot(make_reboot(guest, spec=whole), work=WORK)
        assert driver.interfaces(guest.id) == [tap]
        driver.power_off(ref(guest), timeout=0, work=WORK)
        driver.detach_interface(ref(guest), tap, timeout=60, work=WORK)
        assert driver.interfaces(guest.id) == []
    finally:
        host.destroy(guest.id)
        for one_tap in made:
            process.run("ip", "link", "delete", one_tap)
    assert list(host.census()) == []
