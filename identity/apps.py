"""Identity: who may do what, where, as a Django app."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Identity: who may do what, where."""

    name = "identity"

    def ready(self) -> None:
        """Declare the policies, check the settings, subscribe to events."""
        from identity import checks, events, policies  # noqa: F401
