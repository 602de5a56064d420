"""A stranger in front of a running API: he guesses passcodes, and feeds it patterns."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyotp
import requests

from tests.infrastructure import Cloud

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def log_in(cloud: Cloud, method: str, user: dict[str, Any], scope: Any = None) -> requests.Response:
    identity = {"methods": [method], method: {"user": user}}
    auth = {"identity": identity} | ({"scope": scope} if scope else {})
    url = f"{cloud.url}/identity/v3/auth/tokens"
    return requests.post(url, json={"auth": auth}, timeout=120)


def test_passcodes_cannot_be_guessed(cloud: Cloud) -> None:
    """However many threads and names of the same user: a few tries, then not even the right one."""
    admin = {
        "name": "admin",
        "domain": {"id": "default"},
        "password": cloud.password("cloudweb-admin"),
    }
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    token = log_in(cloud, "password", admin, scope).headers["X-Subject-Token"]
    operator = requests.Session()
    operator.headers["X-Auth-Token"] = token
    v3 = f"{cloud.url}/identity/v3"
    made = operator.post(f"{v3}/users", json={"user": {"name": "guessed"}}, timeout=120)
    user_id = made.json()["user"]["id"]
    seed = {"type": "totp", "blob": SEED, "user_id": user_id}
    kept = operator.post(f"{v3}/credentials", json={"credential": seed}, timeout=120)
    assert kept.status_code == 201
    names = ({"id": user_id}, {"name": "guessed", "domain": {"name": "Default"}})

    def guess(number: int) -> int:
        user = {**names[number % 2], "passcode": f"{number:03d}"}
        return log_in(cloud, "totp", user).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(guess, range(40)))
    assert set(answers) == {401, 429}
    assert answers[401] <= 20
    right = {"id": user_id, "passcode": pyotp.TOTP(SEED).now()}
    refused = log_in(cloud, "totp", right)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert log_in(cloud, "totp", {**right, "name": "another"}).status_code == 400
    assert operator.delete(f"{v3}/users/{user_id}", timeout=120).status_code == 204


def test_a_pattern_of_an_access_rule_holds_nobody_up(cloud: Cloud) -> None:
    """An expression made of it would search for minutes, in the thread of every request."""
    demo = {"name": "demo", "domain": {"id": "default"}, "password": cloud.password()}
    issued = log_in(cloud, "password", demo)
    token, user_id = issued.headers["X-Subject-Token"], issued.json()["token"]["user"]["id"]
    rules = [
        {"service": "identity", "method": "GET", "path": pattern}
        for pattern in ("/" + "**a*" * 60 + "b", "/" + "*a" * 120 + "b", "/v3/auth/catalog")
    ]
    own = requests.Session()
    own.headers["X-Auth-Token"] = token
    mine = f"{cloud.url}/identity/v3/users/{user_id}"
    made = own.post(
        f"{mine}/application_credentials",
        json={"application_credential": {"name": "hostile", "access_rules": rules}},
        timeout=120,
    ).json()["application_credential"]
    block = {"id": made["id"], "secret": made["secret"]}
    method = {"methods": ["application_credential"], "application_credential": block}
    tokens = f"{cloud.url}/identity/v3/auth/tokens"
    answer = requests.post(tokens, json={"auth": {"identity": method}}, timeout=120)
    hostile = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
    path = f"{cloud.url}/identity/v3/users/{'a' * 1900}"
    assert requests.get(path, headers=hostile, timeout=20).status_code == 403
    catalog = f"{cloud.url}/identity/v3/auth/catalog"
    assert requests.get(catalog, headers=hostile, timeout=20).status_code == 200
    # The cloud is shared: nothing of this stays with its user.
    own.delete(f"{mine}/application_credentials/{made['id']}", timeout=120)
    for rule in made["access_rules"]:
        own.delete(f"{mine}/access_rules/{rule['id']}", timeout=120)
