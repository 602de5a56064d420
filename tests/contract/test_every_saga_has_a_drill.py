"""A saga that nobody drilled could be stuck, or leak, where nobody looked."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from django.apps import apps

from operations.saga import Saga
from tests.drills.every import DRILLS
from tests.infrastructure import ROOT


def test_every_saga_of_every_app_is_drilled() -> None:
    for app in apps.get_app_configs():
        if Path(app.path).parent == ROOT:
            for found in walk_packages([app.path], f"{app.name}."):
                if ".operations." in found.name:  # also what the app does not import by itself
                    import_module(found.name)
    drilled = {drill.saga.kind for drill in DRILLS}
    product = {
        kind
        for kind, saga in Saga.REGISTRY.items()
        if saga.__module__.startswith("tests.example.") or not saga.__module__.startswith("tests.")
    }
    assert len(product) >= 11
    assert product - drilled == set()
