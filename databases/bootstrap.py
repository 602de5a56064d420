"""What a new cloud offers from the start: PostgreSQL and MariaDB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from uuid import UUID

from django.db import transaction

from cloudweb.conf import drivers
from cloudweb.preparation.banner import Login
from databases.models import ConfigurationParameter, Datastore, DatastoreVersion
from databases.parameters import MARIADB, POSTGRESQL, Parameter
from instances.bootstrap import bootstrap as bootstrap_cloud
from instances.demo_image import IMAGE_ID

#: An image with these tags has both.
TAGS = ["database"]
OFFERED: tuple[tuple[str, str, Sequence[Parameter]], ...] = (
    ("postgresql", "15", POSTGRESQL),
    ("mariadb", "10.11", MARIADB),
)


def bootstrap(*, say: Callable[[str], object]) -> list[Login]:
    """Make what a cloud begins with where it is missing; return the log-ins that clouds.yaml names."""
    logins = bootstrap_cloud(say=say)
    ensure_datastores(image_id=IMAGE_ID if drivers() == "fake" else None)
    return logins


def ensure_datastores(*, image_id: UUID | None = None) -> None:
    """Offer them; safe to repeat. What is there stays as it is."""
    for name, version, parameters in OFFERED:
        with transaction.atomic():
            datastore, _ = Datastore.objects.get_or_create(name=name)
            row, is_new = DatastoreVersion.objects.get_or_create(
                datastore=datastore,
                name=version,
                defaults={
                    "manager": name,
                    "number": version,
                    "image_tags": TAGS,
                    "image_id": image_id,
                },
            )
            if is_new:
                give_parameters(row, parameters)
                Datastore.objects.filter(id=datastore.id, default_version=None).update(
                    default_version=row
                )


def parameters_of(manager: str) -> Sequence[Parameter]:
    """Return what may be set of versions that this driver serves; nothing of one not known here."""
    return next((table for name, _, table in OFFERED if name == manager), ())


def give_parameters(version: DatastoreVersion, parameters: Sequence[Parameter]) -> None:
    """Write down what tenants may set of a version."""
    ConfigurationParameter.objects.bulk_create(
        ConfigurationParameter(version=version, **asdict(one) | {"choices": list(one.choices)})
        for one in parameters
    )
