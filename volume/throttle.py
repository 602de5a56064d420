"""What a QoS spec lets a guest ask of a volume each second."""

from __future__ import annotations

from collections.abc import Mapping

_KINDS = [
    f"{what}_{unit}" for what in ("total", "read", "write") for unit in ("bytes_sec", "iops_sec")
]
#: What the hypervisor understands; ``_per_gb`` of each is multiplied by the volume's size.
KEYS = (*_KINDS, *(f"{kind}_max" for kind in _KINDS), "size_iops_sec")
_MOST = 2**63 - 1


def throttle_of(specs: Mapping[str, str], *, size: int) -> Mapping[str, int]:
    """Return the limits that a hypervisor holds a volume of ``size`` GiB to, each a number above 0.

    Keys of other hypervisors, and values that are no numbers, say nothing here. A hypervisor takes a
    total or its parts: where both are said, the total counts.
    """
    found: dict[str, int] = {}
    for key in KEYS:
        limit = _number(specs.get(key)) or _number(specs.get(f"{key}_per_gb")) * size
        per_gb_min = _number(specs.get(f"{key}_per_gb_min"))
        limit = max(limit, per_gb_min)
        if limit:
            found[key] = min(limit, _MOST)
    for unit in ("bytes_sec", "iops_sec"):
        for ending in ("", "_max"):
            if f"total_{unit}{ending}" in found:
                for part in ("read", "write"):
                    found.pop(f"{part}_{unit}{ending}", None)
    return found


def _number(text: object) -> int:
    word = str(text or "").strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else 0
