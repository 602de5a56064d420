"""A saga that nobody drilled could be stuck, or leak, where nobody looked."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from django.apps import apps

from operations.saga import Saga
from tests.drills.every import DRILLS
from tests.infrastructure import ROOT


def sagas_of_the_product() -> dict[str, type[Saga]]:
    """Return all there are, also those that no app imports by itself."""
    for app in apps.get_app_configs():
        if Path(app.path).parent == ROOT:
            for found in walk_packages([app.path], f"{app.name}."):
                if ".operations." in found.name:
                    import_module(found.name)
    return {
        kind: saga
        for kind, saga in Saga.REGISTRY.items()
        if not saga.__module__.startswith("tests.")
    }


def test_every_saga_of_every_app_is_drilled() -> None:
    product = sagas_of_the_product()
    example = {
        kind for kind, saga in Saga.REGISTRY.items() if saga.__module__.startswith("tests.example.")
    }
    assert len(product) >= 11
    assert (product.keys() | example) - {drill.saga.kind for drill in DRILLS} == set()
