"""A port's own options of DHCP as OVN is told them: those that it knows, by its names; pure functions.

What an option may hold is said in ``network.dhcp_options``; here it is written in OVN's language instead of
dnsmasq's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cloudweb.addresses import parse_address
from network.dhcp_options import TABLES, written
from network.ovn.texts import listed, quoted, routes

Write = Callable[[str], str]


def _addresses(value: str) -> str:
    return listed([part.strip("[]") for part in value.split(",")])


def _flag(value: str) -> str:
    if value not in ("0", "1"):
        raise ValueError("OVN needs 0 or 1")
    return value


def _text(value: str) -> str:
    return quoted(value.strip('"'))


def _host(value: str) -> str:
    """Write an address, or else a name."""
    text = value.strip('"')
    try:
        return str(parse_address(text))
    except ValueError:
        return quoted(text)


def _routes(value: str) -> str:
    parts = value.split(",")
    return routes([*zip(parts[::2], parts[1::2], strict=True)])


#: By our name, or the number where there is none: OVN's names, and how it is written.
_FOUR: Mapping[str, tuple[tuple[str, ...], Write]] = {
    "router": (("router",), _addresses),
    "dns-server": (("dns_server",), _addresses),
    "log-server": (("log_server",), _addresses),
    "lpr-server": (("lpr_server",), _addresses),
    "domain-name": (("domain_name",), quoted),
    "swap-server": (("swap_server",), _addresses),
    "ip-forward-enable": (("ip_forward_enable",), _flag),
    "policy-filter": (("policy_filter",), _addresses),
    "default-ttl": (("default_ttl",), str),
    "mtu": (("mtu",), str),
    "router-discovery": (("router_discovery",), _flag),
    "router-solicitation": (("router_solicitation",), _addresses),
    "arp-timeout": (("arp_cache_timeout",), str),
    "ethernet-encap": (("ethernet_encap",), _flag),
    "tcp-ttl": (("tcp_ttl",), str),
    "tcp-keepalive": (("tcp_keepalive_interval",), str),
    "nis-server": (("nis_server",), _addresses),
    "ntp-server": (("ntp_server",), _addresses),
    "netbios-ns": (("netbios_name_server",), _addresses),
    "netbios-nodetype": (("netbios_node_type",), str),
    "tftp-server": (("tftp_server",), _host),
    "bootfile-name": (("bootfile_name",), _text),
    "domain-search": (("domain_search_list",), quoted),
    "classless-static-route": (("classless_static_route", "ms_classless_static_route"), _routes),
    "tftp-server-address": (("tftp_server_address",), _addresses),
    "210": (("path_prefix",), _text),
    "252": (("wpad",), _text),
    "server-ip-address": (("next_server",), _addresses),
}
_SIX: Mapping[str, tuple[tuple[str, ...], Write]] = {
    "dns-server": (("dns_server",), _addresses),
    "domain-search": (("domain_search",), quoted),
}
_KNOWN = {4: _FOUR, 6: _SIX}


def told(name: str, value: str, *, version: int) -> Mapping[str, str]:
    """Return an option by OVN's names, each empty where it shall not be said; raise ValueError."""
    known, text = written(name, value, version=version)
    if known not in _KNOWN[version]:
        number = {one: code for code, (one, _) in TABLES[version].items()}.get(known, known)
        raise ValueError(f"OVN knows no option {number} of DHCP for IPv{version}")
    names, write = _KNOWN[version][known]
    return dict.fromkeys(names, write(text) if text else "")


def with_own(
    options: Mapping[str, str], own: Iterable[tuple[str, str, int]], *, version: int
) -> Mapping[str, str]:
    """Return a subnet's options with a port's in place of them; what would not have been let in is left out."""
    found = dict(options)
    for name, value, of_version in own:
        if of_version != version:
            continue
        try:
            found |= told(name, value, version=version)
        except ValueError:
            continue
    return {name: value for name, value in found.items() if value}
