"""What volumes take from the reports of hosts."""

from __future__ import annotations

from collections.abc import Sequence

from cloudweb.context import RequestContext
from operations.reporting import Heard, takes_reports
from reconciliation.manager import DifferenceManager
from volume.differences import find_volumes
from volume.manager.agent import AgentManager
from volume.manager.pool import PoolManager
from volume.objects import VolumeReport
from volume.operations.unlock_volume import unlock_volumes


@takes_reports("volume", VolumeReport)
def note_reports(heard: Sequence[Heard[VolumeReport]]) -> None:
    """Record pools and what operators must see; give hosts the keys that they lack."""
    told = {one.host: one.part.pools for one in heard if one.part.pools is not None}
    if told:
        PoolManager(RequestContext.system()).report(told)
    AgentManager(RequestContext.system()).report({one.host: one.part for one in heard})
    for one in heard:
        if one.part.held is not None:
            found = find_volumes(one.host, one.part.held)
            DifferenceManager(RequestContext.system()).note(found, host=one.host)
        if one.part.locked:
            unlock_volumes(one.host, one.part.locked)
