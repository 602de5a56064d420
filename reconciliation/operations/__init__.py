"""The saga of reconciliation."""

from reconciliation.operations.heal_difference import HealDifference

__all__ = ["HealDifference"]
