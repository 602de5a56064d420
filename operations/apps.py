"""Operations as a Django app."""

from typing import ClassVar

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """The engine of everything that takes longer than a request."""

    name = "operations"
    encrypted_columns: ClassVar[dict[str, tuple[str, ...]]] = {
        "Debt": ("sealed",),
        "FirstAnswer": ("answer",),
        "HostCredential": ("key",),
    }

    def ready(self) -> None:
        """Declare the policies."""
        from operations import policies  # noqa: F401
