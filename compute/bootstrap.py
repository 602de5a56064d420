"""What a new cloud offers from the start."""

from __future__ import annotations

from django.db import transaction

from compute.models import Flavor

#: name, MiB of RAM, virtual CPUs, GiB of disk
DEFAULT_FLAVORS = (
    ("m1.nano", 128, 1, 1),
    ("m1.micro", 256, 1, 2),
    ("m1.tiny", 512, 1, 5),
    ("m1.small", 2_048, 1, 20),
    ("m1.medium", 4_096, 2, 40),
    ("m1.large", 8_192, 4, 80),
)


def ensure_default_flavors() -> None:
    """Offer the default flavors to a cloud that has none; safe to repeat.

    An operator who deleted some does not get them back.
    """
    with transaction.atomic():
        if Flavor.objects.exists():
            return
        Flavor.objects.bulk_create(
            [
                Flavor(id=str(number), name=name, ram=ram, vcpus=vcpus, disk=disk)
                for number, (name, ram, vcpus, disk) in enumerate(DEFAULT_FLAVORS, start=1)
            ],
            ignore_conflicts=True,
        )
