"""How what is told is said to an agent that knows less of it."""

from __future__ import annotations

from collections.abc import Callable

from cloudweb.objects import Data


def without(*fields: str) -> Callable[[Data], Data]:
    """Return a downgrade that leaves out what an older agent does not know, and does well without."""
    return lambda data: {name: value for name, value in data.items() if name not in fields}


def without_authority(field: str) -> Callable[[Data], Data]:
    """Return a downgrade for who knows no TLS: its replica comes as it always did."""

    def downgrade(data: Data) -> Data:
        source = data.get(field)
        if source is None:
            return data
        return {**data, field: {key: said for key, said in source.items() if key != "authority"}}

    return downgrade
