"""Identity: who may do what, where, as a Django app."""

from typing import ClassVar

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Identity: who may do what, where."""

    name = "identity"
    encrypted_columns: ClassVar[dict[str, tuple[str, ...]]] = {
        "AccessToken": ("encrypted_secret",),
        "Consumer": ("encrypted_secret",),
        "Credential": ("encrypted_blob",),
        "DomainOption": ("encrypted_value",),
        "IdentityProvider": ("encrypted_client_secret",),
        "RequestToken": ("encrypted_secret", "encrypted_verifier"),
    }

    def ready(self) -> None:
        """Declare the policies, check the settings."""
        from identity import checks, policies  # noqa: F401
