"""What a flavor and an image ask of a host, in OpenStack's keys; what no host here could do is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from cloudweb.exceptions import BadRequest
from compute import traits
from compute.guest_processors import wanted_processors
from compute.guest_topology import wanted_topology
from compute.scheduler.request import ImageNeeds

TRAIT = "trait:"
#: Keys of a flavor, and those of an image, that no driver here honours, with the values that ask for nothing.
REFUSED: Mapping[str, frozenset[str]] = {
    "hw:emulator_threads_policy": frozenset({"share"}),
    "hw:cpu_realtime": frozenset({"no", "false"}),
    "hw:mem_encryption": frozenset({"no", "false"}),
}
#: Which processors run what is made for another.
_RUNS: Mapping[str, tuple[str, ...]] = {"i686": ("i686", "x86_64")}
_CALLED = {"amd64": "x86_64", "x64": "x86_64", "i386": "i686", "i586": "i686", "arm64": "aarch64"}
_VERSION = re.compile(r"(>=|<=|==|=|>|<)?\s*(\d{1,4})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?\Z")
Lookup = Literal["gt", "gte", "lt", "lte", "exact"]
_LOOKUPS: Mapping[str, Lookup] = {
    ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "exact", "==": "exact", "": "exact",
}  # fmt: skip


def needs(
    extra_specs: Mapping[str, str], properties: Mapping[str, str], *, vcpus: int, ram: int
) -> dict[str, Any]:
    """Return the fields of a PlacementRequest that a flavor and an image say.

    Raises BadRequest for what contradicts itself, is malformed, or is more than any host here does.
    """
    _check_supported(extra_specs, properties)
    wanted_processors(extra_specs, properties, vcpus=vcpus)
    numa = wanted_topology(extra_specs, properties, vcpus=vcpus, ram=ram)
    required, forbidden = _traits(extra_specs, properties)
    return {
        "traits": tuple(sorted(required)),
        "forbidden_traits": tuple(sorted(forbidden)),
        "image": _of_image(properties),
        "numa": numa,
        "vcpus": vcpus if numa is None else vcpus - numa.own,
        "ram": ram,
    }


def _check_supported(extra_specs: Mapping[str, str], properties: Mapping[str, str]) -> None:
    for key, harmless in REFUSED.items():
        asked = {"flavor": (key, extra_specs)}
        asked["image"] = (key.replace("hw:", "hw_"), properties)
        for who, (name, said) in asked.items():
            value = said.get(name, "").strip().lower()
            if value and value not in harmless:
                raise BadRequest(
                    f"The {who} asks for {name}={said[name][:80]}, which no host of this cloud can give."
                )


def _traits(
    extra_specs: Mapping[str, str], properties: Mapping[str, str]
) -> tuple[set[str], set[str]]:
    found: dict[str, set[str]] = {"required": set(), "forbidden": set()}
    for who, said in (("flavor", extra_specs), ("image", properties)):
        for key, value in said.items():
            if not key.startswith(TRAIT):
                continue
            name, wish = key.removeprefix(TRAIT), value.strip().lower()
            if wish not in found or not traits.is_trait(name):
                raise BadRequest(
                    f"The {who} says {key[:80]}={value[:80]}; a trait is required or forbidden."
                )
            found[wish].add(name)
    both = found["required"] & found["forbidden"]
    if both:
        raise BadRequest(f"Trait {min(both)} is required and forbidden by flavor and image.")
    return found["required"], found["forbidden"]


def _of_image(properties: Mapping[str, str]) -> ImageNeeds:
    """Return what an image asks by the keys of Glance, the older names included."""
    said = properties.get("hw_architecture") or properties.get("architecture") or ""
    name = said.strip().lower()
    name = _CALLED.get(name, name)
    kind = properties.get("img_hv_type") or properties.get("hypervisor_type") or ""
    wanted = (
        properties.get("img_hv_requested_version")
        or properties.get("hypervisor_version_requires")
        or ""
    )
    return ImageNeeds(
        architectures=_RUNS.get(name, (name,)) if name else (),
        hypervisor_type=kind.strip().lower(),
        versions=_versions(wanted),
        hypervisor=" ".join(part.strip()[:80] for part in (kind, wanted) if part.strip()),
    )


def _versions(wanted: str) -> tuple[tuple[Lookup, int], ...]:
    """Return what ``>=6.0,<8`` asks of a number like 7002000."""
    found = []
    for part in filter(None, map(str.strip, wanted.split(","))):
        said = _VERSION.match(part)
        if said is None:
            raise BadRequest(
                f"The image asks for the hypervisor's version {wanted[:80]!r}, which is none."
            )
        major, minor, micro = (int(number or 0) for number in said.groups()[1:])
        found.append((_LOOKUPS[said[1] or ""], major * 1_000_000 + minor * 1000 + micro))
    return tuple(found)
