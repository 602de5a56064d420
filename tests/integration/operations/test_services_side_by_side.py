"""Services that report for the first time at the same moment are all known afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from operations import services
from operations.models import Service
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
MANY = 8


def test_each_gets_a_number_of_its_own() -> None:
    together = Barrier(MANY)

    def report(number: int) -> None:
        try:
            together.wait(PATIENCE)
            services.ensure([(f"compute.h{number}", "compute", f"h{number}")])
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(report, range(MANY)))
    numbers = Service.objects.values_list("number", flat=True)
    assert len(numbers) == len(set(numbers)) == MANY
