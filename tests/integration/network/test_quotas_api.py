"""Quotas as clients use them: what is counted, and no limit below it unless by force."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.identity import ApiClient
from tests.builders.network_api import V2, error_of

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_quota_is_409_over_quota_and_counts_what_is_there(
    member: ApiClient, admin: ApiClient, project: Any
) -> None:
    url = f"{V2}/quotas/{project.pk}"
    assert admin.send("PUT", url, {"quota": {"network": 1}}).json()["quota"]["network"] == 1
    assert member.send("POST", f"{V2}/networks", {"network": {}}).status_code == 201
    assert error_of(member.send("POST", f"{V2}/networks", {"network": {}})) == (409, "OverQuota")
    details = member.send("GET", f"{url}/details.json").json()["quota"]
    assert details["network"] == {"limit": 1, "used": 1, "reserved": 0}
    assert member.send("GET", f"{url}/default").json()["quota"]["network"] == 100
    assert admin.send("PUT", url, {"quota": {"network": -2}}).status_code == 400
    said = [
        admin.send("PUT", url, {"quota": {"network": limit, **words}}).status_code
        for limit, words in (
            (0, {"check_limit": True}),
            (0, {"force": False}),
            (1, {"check_limit": True}),
            (-1, {"check_limit": "true", "force": None}),
            (0, {"force": True, "check_limit": True}),
            (0, {}),
            (0, {"force": "perhaps"}),
        )
    ]
    assert said == [409, 409, 200, 200, 200, 409, 400]
    wanted = {"router": 1, "floatingip": 2}
    shown = admin.send("PUT", url, {"quota": wanted}).json()["quota"]
    assert {name: shown[name] for name in wanted} == wanted
    assert admin.send("PUT", url, {"quota": {"vip": 1}}).status_code == 400
    assert admin.send("DELETE", url).status_code == 204
    assert member.send("GET", url).json()["quota"]["network"] == 100
