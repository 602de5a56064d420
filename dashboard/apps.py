"""The tenant's web pages, as a Django app."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The tenant's web pages."""

    name = "dashboard"
