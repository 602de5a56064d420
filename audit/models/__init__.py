"""The table of the audit log."""

from audit.models.record import Origin, Outcome, Record

__all__ = ["Origin", "Outcome", "Record"]
