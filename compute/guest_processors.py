"""How a guest's processors are arranged: what flavor and image say of sockets, cores and threads, as Nova hears it.

``hw:cpu_sockets``, ``hw:cpu_cores``, ``hw:cpu_threads`` are wishes, ``hw:cpu_max_sockets`` and so on limits; an
image's (``hw_cpu_sockets`` …) go before the flavor's, within the flavor's limits. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from compute.exceptions import GuestTopologyInvalid

Strings = Mapping[str, str]
PARTS = ("sockets", "cores", "threads")
#: What is meant where nothing is said.
MOST = 65536


class Processors(NamedTuple):
    """Their product is the number of virtual CPUs."""

    sockets: int
    cores: int
    threads: int


def wanted_processors(
    extra_specs: Strings, properties: Strings, *, vcpus: int
) -> Processors | None:
    """Return the arrangement that fits best what is asked for; None where nothing is. Raises GuestTopologyInvalid."""
    keys = [key for part in PARTS for key in (f"cpu_{part}", f"cpu_max_{part}")]
    if not any(f"hw:{key}" in extra_specs or f"hw_{key}" in properties for key in keys):
        return None
    limits = _limits(extra_specs, properties)
    wishes = _wishes(extra_specs, properties, limits)
    found = [one for one in _arrangements(vcpus) if _within(one, limits)]
    if not found:
        raise GuestTopologyInvalid(
            f"Requested vCPU limits {':'.join(map(str, limits))} are impossible to satisfy for "
            f"vcpus count {vcpus}"
        )

    def merit(one: Processors) -> tuple[int, int, int]:
        kept = sum(wish in (0, got) for wish, got in zip(wishes, one, strict=True))
        return kept, one.sockets, one.cores

    return max(found, key=merit)


def _limits(extra_specs: Strings, properties: Strings) -> Processors:
    flavor = _numbers(extra_specs, "hw:cpu_max_")
    image = _numbers(properties, "hw_cpu_max_")
    permitted = Processors(*(one or MOST for one in flavor))
    if any(mine > most for mine, most in zip(image, permitted, strict=True)):
        raise GuestTopologyInvalid(
            f"Image vCPU topology limits ({_told(image)}) exceeds the limits of the flavor "
            f"({_told(permitted)})"
        )
    return Processors(*(mine or most for mine, most in zip(image, permitted, strict=True)))


def _wishes(extra_specs: Strings, properties: Strings, limits: Processors) -> Processors:
    image = _numbers(properties, "hw_cpu_")
    if any(mine > most for mine, most in zip(image, limits, strict=True)):
        raise GuestTopologyInvalid(
            f"Image vCPU topology ({_told(image)}) exceeds the limits of the flavor or image "
            f"({_told(limits)})"
        )
    return image if any(image) else _numbers(extra_specs, "hw:cpu_")


def _numbers(said: Strings, prefix: str) -> Processors:
    return Processors(*(_number(said, f"{prefix}{part}") for part in PARTS))


def _number(said: Strings, key: str) -> int:
    text = said.get(key, "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:9]) <= MOST:
        raise GuestTopologyInvalid(f"{key} is a number from 1 to {MOST}, not '{text[:80]}'.")
    return int(text)


def _arrangements(vcpus: int) -> Iterator[Processors]:
    for sockets in (one for one in range(1, vcpus + 1) if vcpus % one == 0):
        rest = vcpus // sockets
        for cores in (one for one in range(1, rest + 1) if rest % one == 0):
            yield Processors(sockets, cores, rest // cores)


def _within(one: Processors, limits: Processors) -> bool:
    return all(got <= most for got, most in zip(one, limits, strict=True))


def _told(one: Processors) -> str:
    return ", ".join(f"{part}={number}" for part, number in zip(PARTS, one, strict=True))
