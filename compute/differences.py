"""Differences in what hosts have promised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from compute.scheduler.claims import recount, wrong_sums
from operations.saga import Run
from reconciliation.kinds import Finding, Kind, declare, looks_at_rows

HOST_SUMS = "host_sums"


@looks_at_rows
def find_wrong_sums() -> Mapping[str, list[Finding]]:
    """Find hosts whose sums are not those of their claims."""
    found = [
        Finding(
            subject=host,
            sentence=f"Host {host} counts other sums than its servers hold: they hold "
            + ", ".join(f"{name.removesuffix('_used')} {total}" for name, total in facts.items()),
        )
        for host, facts in wrong_sums().items()
    ]
    return {HOST_SUMS: found}


def _recount(_run: Run, difference: Difference) -> None:
    recount(difference.subject)


declare(
    Kind(
        name=HOST_SUMS,
        title="Sums of a host",
        remedy="They are counted anew.",
        is_true=lambda difference: bool(wrong_sums(difference.subject)),
        heal=_recount,
    )
)

if TYPE_CHECKING:
    from reconciliation.models import Difference
