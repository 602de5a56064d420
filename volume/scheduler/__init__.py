"""Where a volume goes is one SELECT, and taking the room one UPDATE, as for servers and hosts.

* A *filter* is a named condition over pools (``filters.py``). The pools that pass all of them are read
  in one query, the one with most room first.
* Room is taken by ``UPDATE … WHERE``, whose WHERE repeats every filter: whoever comes second for the
  last room changes no row and goes on to the next pool. Nothing is promised twice.
* When nothing fits, one aggregate tells how many pools each filter removed (``explanation.py``).
"""

from volume.scheduler.placement import (
    Place,
    claim,
    grow,
    release,
    serves,
    shrink,
    take,
)
from volume.scheduler.request import PoolRequest

__all__ = ["Place", "PoolRequest", "claim", "grow", "release", "serves", "shrink", "take"]
