"""The example as a Django app."""

from django.apps import AppConfig


class ExampleConfig(AppConfig):
    """Shelves."""

    name = "tests.example"
    label = "example"

    def ready(self) -> None:
        """Declare policies and sagas, subscribe to news."""
        from tests.example import holdings, policies  # noqa: F401
        from tests.example.operations import build_shelf  # noqa: F401
