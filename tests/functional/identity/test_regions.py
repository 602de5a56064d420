"""Regions over HTTP: what lies in what."""

from __future__ import annotations

import pytest

from tests.builders.identity import client_with

pytestmark = pytest.mark.django_db
REGIONS = "/identity/v3/regions"


def test_a_region_lies_in_one_that_exists_and_never_in_itself() -> None:
    admin = client_with("admin")
    nowhere = {"region": {"parent_region_id": "nowhere"}}
    assert admin.send("POST", REGIONS, nowhere).status_code == 400
    assert admin.send("PUT", f"{REGIONS}/north", {"region": {}}).status_code == 201
    assert admin.send("PUT", f"{REGIONS}/north", {"region": {}}).status_code == 409
    inside = {"region": {"parent_region_id": "north"}}
    assert admin.send("PUT", f"{REGIONS}/fjord", inside).status_code == 201
    for region, parent, status in (("north", "fjord", 400), ("north", "nowhere", 400)):
        body = {"region": {"parent_region_id": parent}}
        assert admin.send("PATCH", f"{REGIONS}/{region}", body).status_code == status
    assert admin.send("DELETE", f"{REGIONS}/north").status_code == 409
    assert admin.send("DELETE", f"{REGIONS}/fjord").status_code == 204
    assert admin.send("DELETE", f"{REGIONS}/north").status_code == 204
