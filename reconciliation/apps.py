"""Reconciliation as a Django app."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Differences between rows and hosts; the apps above say which kinds there are."""

    name = "reconciliation"

    def ready(self) -> None:
        """Declare policies and the saga."""
        from reconciliation import policies  # noqa: F401
        from reconciliation.operations import HealDifference  # noqa: F401
