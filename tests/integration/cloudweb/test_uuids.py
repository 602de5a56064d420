"""UUIDs asked for by the thousand."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.database.uuids import Among
from network.models import Port, PortAddress
from tests.builders.networks import make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_what_is_among_many_is_what_is_in_them() -> None:
    network = make_network()
    make_subnet(network)
    first, second, third = (make_port(network).id for _ in range(3))
    wanted = {
        "none": [],
        "unknown": [uuid4()],
        "of one": [first, first],
        "as text": [str(first), str(third).upper(), str(uuid4()), "no id"],
        "thousands": [second, *(uuid4() for _ in range(3000))],
    }
    assert {
        case: (
            {*Port.objects.filter(Among("id", ids)).values_list("id", flat=True)},
            {
                *PortAddress.objects.filter(Among("port_id", iter(ids))).values_list(
                    "port", flat=True
                )
            },
            Port.objects.filter(~Among("id", ids)).count(),
        )
        for case, ids in wanted.items()
    } == {
        "none": (set(), set(), 3),
        "unknown": (set(), set(), 3),
        "of one": ({first}, {first}, 2),
        "as text": ({first, third}, {first, third}, 1),
        "thousands": ({second}, {second}, 2),
    }
    with CaptureQueriesContext(connection) as asked:
        assert not Port.objects.filter(Among("id", [])).exists()
    assert len(asked) == 0
