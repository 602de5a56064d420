"""Established connections that a rule no longer allows are cut, not left to end by themselves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.objects import PortWiring


class Flows:
    """Remembers which rules were in force, so that a withdrawn one can be told from a new one.

    Without the ``conntrack`` command nothing is cut: connections of a withdrawn rule then go on until
    one side ends them. So do those of rules withdrawn while the file was damaged.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def settle(self, zone: int, ports: Sequence[PortWiring]) -> None:
        """Cut what ports that lost a rule, an address or themselves still have open in the zone."""
        before = read_record(self._file, _parse) or {}
        now = {
            port.id: {
                "addresses": sorted(address.ip_address for address in port.addresses),
                "rules": sorted(rule.model_dump_json() for rule in port.rules),
                "open": not port.port_security,
                "up": port.admin_up,
            }
            for port in ports
        }
        if now == before:
            return
        cut: set[str] = set()
        for port_id, was in before.items():
            rest = now.get(port_id)
            if rest is None or _lost(was, rest):
                cut.update(was["addresses"])
        if cut and shutil.which("conntrack"):
            for address in sorted(cut):
                for side in ("--orig-src", "--orig-dst"):
                    process.run(
                        "conntrack",
                        "-D",
                        "--zone",
                        str(zone),
                        *_family(address),
                        side,
                        address,
                        check=False,
                    )
        write_atomically(self._file, json.dumps(now))


def _parse(kept: Any) -> dict[str, dict[str, Any]]:
    for was in kept.values():
        lists, flags = (was["addresses"], was["rules"]), (was["open"], was["up"])
        if not all(
            isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists
        ):
            raise ValueError("not a list of texts")
        if not all(isinstance(one, bool) for one in flags):
            raise ValueError("not a flag")
    return dict(kept)


def _family(address: str) -> Sequence[str]:
    return ("-f", "ipv6") if ":" in address else ("-f", "ipv4")


def _lost(was: dict[str, object], rest: dict[str, object]) -> bool:
    def gone(key: str) -> bool:
        before, after = was[key], rest[key]
        assert isinstance(before, list)
        assert isinstance(after, list)
        return not set(before) <= set(after)

    secured = was["open"] and not rest["open"]
    disabled = was["up"] and not rest["up"]
    return bool(secured or disabled or gone("rules") or gone("addresses"))
