"""Options of a port: what is let in, and that dnsmasq starts with all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cloudweb import process
from network.dhcp_options import TABLES, option_texts

GOOD = {
    (4, "tftp-server", "123.123.123.123"): ['option:tftp-server,"123.123.123.123"'],
    (4, "67", "pxelinux.0"): ['option:bootfile-name,"pxelinux.0"'],
    (4, "server-ip-address", "123.123.123.45"): ["option:server-ip-address,123.123.123.45"],
    (4, "router", ""): ["option:router"],
    (4, "classless-static-route", "10.0.0.7/8, 10.5.0.2"): [
        "option:classless-static-route,10.0.0.0/8,10.5.0.2",
        "249,10.0.0.0/8,10.5.0.2",
    ],
    (4, "domain-search", "a.example,b.example"): ["option:domain-search,a.example,b.example"],
    (4, "bootfile-name", "http://x/y?a=1,2#z"): ['option:bootfile-name,"http://x/y?a=1,2#z"'],
    (4, "mtu", "01400"): ["option:mtu,1400"],
    (4, "210", "/tftp boot/"): ['210,"/tftp boot/"'],
    (4, "200", "01:02:FF"): ["200,01:02:FF"],
    (4, "200", "192.0.2.1,192.0.2.2"): ["200,192.0.2.1,192.0.2.2"],
    (4, "200", "1.2.3"): ['200,"1.2.3"'],
    (4, "200", "7"): ["200,7"],
    (6, "dns-server", "FD00::1,[fd00::2]"): ["option6:dns-server,[fd00::1],[fd00::2]"],
    (6, "bootfile-url", "tftp://[fd00::1]/x"): ['option6:bootfile-url,"tftp://[fd00::1]/x"'],
    (6, "200", "x"): ['option6:200,"x"'],
}  # fmt: skip
BAD = [
    (4, "mtu", "9000\nlog-facility=/etc/passwd"), (4, "mtu", "99999"), (4, "mtu", "x"),
    (4, "router", "fd00::1"), (4, "dns-server", ""), (4, "dns-server", "1.2.3.4,"),
    (4, "bootfile-name", 'a"b'), (4, "bootfile-name", "a\\"), (4, "bootfile-name", "a\tb"),
    (4, "bootfile-name", "é"), (4, "bootfile-name", "a" * 256), (4, "domain-name", "-a.b"),
    (4, "classless-static-route", "10.0.0.0/8"), (4, "lease-time", "1"), (4, "51", "1"),
    (4, "53", "1"), (4, "0", "1"), (4, "option:mtu", "1"), (4, "mtu,1,tag:s0", "1"), (4, "", "x"),
    (4, "209999999999", "1"), (4, "static-route", "1.2.3.4"), (4, "dns-server", "fd00::1%\nx"),
    (6, "mtu", "1400"), (6, "dns-server", "10.0.0.1"), (6, "1", "x"), (6, "router", ""),
]  # fmt: skip


def test_what_is_let_in_and_how_it_is_told() -> None:
    told = {
        (version, name, value): option_texts(name, value, version=version)
        for version, name, value in GOOD
    }
    assert told == GOOD


def test_what_is_refused() -> None:
    taken = []
    for version, name, value in BAD:
        try:
            taken.append(option_texts(name, value, version=version))
        except ValueError:
            continue
    assert taken == []


VALUES = ("10.0.0.1", "10.0.0.1,10.0.0.2", "10.0.0.0/8,10.0.0.1", "7", "a.example", "fd00::1")


@pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="needs dnsmasq")
def test_dnsmasq_takes_every_option_that_is_let_in(tmp_path: Path) -> None:
    lines = [text for texts in GOOD.values() for text in texts]
    for version, table in TABLES.items():
        for name, _write in table.values():
            taken = []
            for value in VALUES:
                try:
                    taken = option_texts(name, value, version=version)
                    break
                except ValueError:
                    continue
            assert taken, name
            lines += taken
    file = tmp_path / "options.conf"
    file.write_text("".join(f"dhcp-option=tag:p1,{line}\n" for line in lines))
    process.run("dnsmasq", "--test", f"--conf-file={file}")
