"""How much traffic passes: token buckets on taps and on routers' legs, by the kernel's traffic control.

What goes to a guest waits in its tap's own queue. What a guest sends is led through a link that holds it
up (an ``ifb``), because a tap has no queue for what comes in. A router's leg has one bucket for each address
outside, in both directions the same way. The texts are for ``tc -batch`` and may be said again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloudweb import process
from network.drivers.linuxbridge import namespaces, texts
from network.drivers.linuxbridge.links import Link, Links
from network.objects import BandwidthLimit, PortQos, PortWiring
from network.routers.objects import AddressLimit

HOLDER = "limits0"  # what holds up what comes in by a router's leg
BUCKET, BUCKETS = "tbf", "htb"
LATENCY = "100ms"  # the longest that anything waits
QUEUED = 100  # packets to or from one address outside
LONGEST = 60 * 8  # seconds of a rate that a burst may be, by 8: the kernel counts it in 32 bits
MOST_KBPS = 34_000_000  # above that a bucket cannot count


def can_limit(probe: str) -> bool:
    """Tell whether this kernel has what is needed; tried in a namespace of that name, which is gone then."""
    namespaces.ensure(probe)
    try:
        words = namespaces.command(probe, "ip", "link", "add", "probe0", "type", "ifb")
        if process.run(*words, check=False).returncode:
            return False
        text = (*_bucket("probe0", BandwidthLimit(max_kbps=1000)), *_led("probe0", "probe0"))
        _load(text, namespace=probe)
        _load(
            _buckets("lo", [("127.0.0.1", BandwidthLimit(max_kbps=1000))], "src"), namespace=probe
        )
    except process.CommandFailed:
        return False
    finally:
        namespaces.delete(probe)
    return True


def limit_name(tap: str) -> str:
    """Return what the link is called that holds up what comes in by a tap."""
    return f"ifb{tap.removeprefix('tap')}"[:15]


def ensure_port_limits(links: Links, tap: Link, port: PortWiring, *, alias: str) -> None:
    """Make a port's limits be as told, none where none is; the tap is there."""
    qos, holder = port.qos or PortQos(), limit_name(tap.name)
    lines: list[str] = []
    if qos.ingress is not None:
        lines += _bucket(tap.name, qos.ingress)
    elif tap.qdisc == BUCKET:
        lines.append(f"qdisc del dev {tap.name} root")
    held = links.find(holder) is not None
    if qos.egress is not None:
        links.ensure_holder(holder)
        links.ensure(holder, alias=alias, mtu=port.network.mtu)
        lines += (*_bucket(holder, qos.egress), *_led(tap.name, holder))
    elif held:
        lines.append(f"qdisc del dev {tap.name} handle ffff: ingress")
    _load(lines)
    if held and qos.egress is None:
        links.delete(holder)


def is_limited(links: dict[str, Link], port: PortWiring) -> bool:
    """Tell whether a port's limits are still there, by all links of the host."""
    qos, tap, holder = port.qos or PortQos(), links.get(port.tap), links.get(limit_name(port.tap))
    towards = qos.ingress is None or (tap is not None and tap.qdisc == BUCKET)
    return towards and (qos.egress is None or (holder is not None and holder.qdisc == BUCKET))


def ensure_leg_limits(links: Links, leg: str, limits: Sequence[AddressLimit]) -> None:
    """Make the buckets of a router's leg be as told; in the router's namespace."""
    leaving = [(one.address, one.egress) for one in limits if one.egress is not None]
    entering = [(one.address, one.ingress) for one in limits if one.ingress is not None]
    lines: list[str] = []
    if links.get(leg).qdisc == BUCKETS:
        lines.append(f"qdisc del dev {leg} root")
    if leaving:
        lines += _buckets(leg, leaving, "src")
    if links.find(HOLDER) is not None:
        lines.append(f"qdisc del dev {leg} handle ffff: ingress")
        _load(lines)
        links.delete(HOLDER)
        lines = []
    if entering:
        links.ensure_holder(HOLDER)
        links.ensure(HOLDER)
        lines += _buckets(HOLDER, entering, "dst")
        lines.append(f"qdisc replace dev {leg} handle ffff: ingress")
        lines += (
            f"filter replace dev {leg} parent ffff: protocol ip pref 1 u32 match ip dst "
            f"{texts.address(address)}/32 action mirred egress redirect dev {HOLDER}"
            for address, _ in entering
            if ":" not in address
        )
    _load(lines)


def is_leg_limited(links: Links, leg: str, limits: Sequence[AddressLimit]) -> bool:
    """Tell whether the buckets of a router's leg are still there; in the router's namespace."""
    wanted = {
        leg: any(one.egress is not None for one in limits),
        HOLDER: any(one.ingress is not None for one in limits),
    }
    found = {name: links.find(name) for name in wanted}
    return all(
        (link is not None and link.qdisc == BUCKETS) is wanted[name] for name, link in found.items()
    )


def _bucket(name: str, limit: BandwidthLimit) -> Iterable[str]:
    rate, burst = _rate(limit)
    yield f"qdisc replace dev {name} root handle 1: {BUCKET} rate {rate} burst {burst} latency {LATENCY}"


def _led(tap: str, holder: str) -> Iterable[str]:
    yield f"qdisc replace dev {tap} handle ffff: ingress"
    yield (
        f"filter replace dev {tap} parent ffff: protocol all pref 1 handle 800::800 u32 "
        f"match u32 0 0 action mirred egress redirect dev {holder}"
    )


def _buckets(name: str, limits: Sequence[tuple[str, BandwidthLimit]], side: str) -> Iterable[str]:
    """Yield a bucket for each IPv4 address; what is nobody's passes as it comes."""
    yield f"qdisc replace dev {name} root handle 1: {BUCKETS}"
    for number, (address, limit) in enumerate(limits, start=1):
        rate, burst = _rate(limit)
        if ":" in str(texts.address(address)):
            continue
        yield (
            f"class replace dev {name} parent 1: classid 1:{number:x} {BUCKETS} "
            f"rate {rate} ceil {rate} burst {burst} cburst {burst}"
        )
        yield f"qdisc replace dev {name} parent 1:{number:x} handle {number + 0x10:x}: pfifo limit {QUEUED}"
        yield (
            f"filter replace dev {name} parent 1: protocol ip pref 1 u32 "
            f"match ip {side} {texts.address(address)}/32 flowid 1:{number:x}"
        )


def _rate(limit: BandwidthLimit) -> tuple[str, str]:
    """Return rate and burst as ``tc`` writes them; 50 ms of the rate and two large packets where none is said."""
    kbps = min(limit.max_kbps, MOST_KBPS)
    usual = kbps * 1000 // 8 // 20
    burst = limit.burst_kbits * 125 or max(usual, 2 * 1600)
    return f"{kbps}kbit", f"{min(burst, kbps * LONGEST, 2**31)}b"


def _load(lines: Iterable[str], *, namespace: str | None = None) -> None:
    """Put the lines in force, in order."""
    text = "\n".join((*lines, ""))
    if text.strip():
        process.run(*namespaces.command(namespace, "tc", "-batch", "-"), data=text.encode())
