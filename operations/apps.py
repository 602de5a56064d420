"""Operations as a Django app."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """The engine of everything that takes longer than a request."""

    name = "operations"

    def ready(self) -> None:
        """Declare the policies."""
        from operations import policies  # noqa: F401
