"""The scheduler is a query: where a server goes is one SELECT, and taking the place one UPDATE.

* A *filter* is a named condition over hosts (``filters.py``), a *weigher* an ORM expression
  (``weighers.py``). The best few hosts that pass all filters are read in one query, whatever the
  number of hosts, and one of them is drawn at random, the emptier the likelier, so that many
  placements at once do not queue for one row.
* The host is taken by ``UPDATE … WHERE``, whose WHERE repeats every filter: whoever comes second
  for the last place changes no row and goes on to the next candidate. Nothing is over-promised, on
  either database, and there is no lock.
* When nothing fits, one aggregate tells how many hosts each filter removed and what was the most
  they had left (``explanation.py``): the tenant reads that without host names, operators whole.
"""

from compute.scheduler.cells import CellUse, in_use, with_the_same_pages
from compute.scheduler.claims import claim_where_it_is, claims_on
from compute.scheduler.needs import needs
from compute.scheduler.placement import (
    Place,
    claim,
    claimed_host,
    hand_over,
    note_failed_build,
    release,
)
from compute.scheduler.queries import parse_query
from compute.scheduler.request import GroupPolicy, ImageNeeds, PlacementGroup, PlacementRequest
from compute.scheduler.verdict import JudgedHost, Verdict, judge

__all__ = [
    "CellUse",
    "GroupPolicy",
    "ImageNeeds",
    "JudgedHost",
    "Place",
    "PlacementGroup",
    "PlacementRequest",
    "Verdict",
    "claim",
    "claim_where_it_is",
    "claimed_host",
    "claims_on",
    "hand_over",
    "in_use",
    "judge",
    "needs",
    "note_failed_build",
    "parse_query",
    "release",
    "with_the_same_pages",
]
