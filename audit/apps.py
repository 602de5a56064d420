"""The audit log as a Django app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Who changed what."""

    name = "audit"
    verbose_name = "Audit log"

    def ready(self) -> None:
        """Declare policies, subscribe to log-ins."""
        from audit import log_ins, policies  # noqa: F401
