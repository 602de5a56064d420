"""The kit that gives every saga its tests (DESIGN section 4).

``Drill``: every case that a saga must survive, derived from what it does, in a cloud in memory.
``memory``: a cloud in one thread, whose broker a test may lose, double or stop. ``processes``: real
worker processes over a real Redis, which die by SIGKILL at a point of ``cloudweb/killpoints.py``.
"""

from operations.testing.drill import Drill
from operations.testing.memory import Cloud, check_invariants, cloud, unpaid_debts
from operations.testing.processes import KillAt, Processes

__all__ = ["Cloud", "Drill", "KillAt", "Processes", "check_invariants", "cloud", "unpaid_debts"]
