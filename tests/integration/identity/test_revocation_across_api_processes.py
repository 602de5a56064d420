"""Every way to end a token, across two API processes: what A did, B knows at its next request.

B validated each token a moment before. Both are the command that ``make run`` starts, on one database.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from cloudweb import process
from tests.infrastructure import ROOT, free_port, scratch, wait_until

PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", interactive=False, verbosity=0)
call_command("bootstrap", admin_password="operator")
"""
#: One worker of the suite runs all of them: they share the two processes.
pytestmark = pytest.mark.xdist_group("two-api-processes")
_numbers = itertools.count(1)


@dataclass
class Person:
    """Who must be refused afterwards: his id, and a token that B took a moment ago."""

    id: str
    token: str = field(repr=False, default="")


class Clouds:
    """Two API processes: the operator speaks to A, the tokens are shown to B."""

    def __init__(self, a: str, b: str) -> None:
        self.a = httpx.Client(base_url=f"{a}/identity/v3", timeout=60)
        self.b = httpx.Client(base_url=f"{b}/identity/v3", timeout=60)
        self.a.headers["X-Auth-Token"] = self.log_in(
            self.password("admin", "operator", domain={"id": "default"}),
            scope={"project": {"name": "admin", "domain": {"id": "default"}}},
        )
        self.roles = {one["name"]: one["id"] for one in self.do("GET", "roles")["roles"]}

    def do(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Ask A, as the operator unless there is a token; return the body of a success."""
        headers = {"X-Auth-Token": token} if token else {}
        answer = self.a.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    def make(self, kind: str, **attributes: Any) -> str:
        """Record one of these; return its id."""
        body = {kind: {"name": f"{kind}-{next(_numbers)}", **attributes}}
        return str(self.do("POST", f"{kind}s", body)[kind]["id"])

    def password(self, name: str, password: str, **user: Any) -> dict[str, Any]:
        named = {"id": name} if "domain" not in user else {"name": name, **user}
        return {"methods": ["password"], "password": {"user": {**named, "password": password}}}

    def log_in(self, identity: Mapping[str, Any], scope: Any = None) -> str:
        auth = {"identity": identity, **({"scope": scope} if scope else {})}
        answer = self.a.post("auth/tokens", json={"auth": auth}, headers={"X-Auth-Token": ""})
        assert answer.status_code == 201, answer.text
        return str(answer.headers["X-Subject-Token"])

    def status(self, token: str) -> int:
        """Show a token to B."""
        answer = self.b.get("auth/projects", headers={"X-Auth-Token": token})
        return int(answer.status_code)

    def person(self, **attributes: Any) -> Person:
        """Record a user who has no role yet."""
        return Person(self.make("user", password="right", **attributes))

    def enter(self, person: Person, **scope: Any) -> Person:
        """Log him in where his roles count."""
        person.token = self.log_in(self.password(person.id, "right"), scope=scope or None)
        return person

    def member(self, **attributes: Any) -> tuple[Person, str]:
        """Return someone with the role member on a project of his own, and the project."""
        person, project = self.person(), self.make("project", **attributes)
        self.do("PUT", f"projects/{project}/users/{person.id}/roles/{self.roles['member']}")
        return self.enter(person, project={"id": project}), project


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    """Both processes, once for all paths."""
    with scratch("pair") as home, contextlib.ExitStack() as stack:
        (home / "run").mkdir()
        environment = {
            "DJANGO_SETTINGS_MODULE": "cloudweb.settings.test",
            "CLOUDWEB_VAR": str(home),
            "DATABASE_URL": f"sqlite:///{home / 'test.sqlite3'}",
            "CLOUDWEB_ADMIN_PASSWORD": "",
        }
        process.run(sys.executable, "-c", PREPARE, env=environment, cwd=ROOT, timeout=110)
        urls = []
        for name in "ab":
            address = f"127.0.0.1:{free_port()}"
            child = process.start_child(
                sys.executable, "-m", "cloudweb.server",
                log=home / f"{name}.log", env={**environment, "LISTEN": address}, cwd=ROOT,
            )  # fmt: skip
            stack.callback(child.wait, 20)
            stack.callback(child.terminate)
            urls.append(f"http://{address}")
        for url in urls:
            wait_until(lambda url=url: _answers(url), what=f"{url} answers")
        yield Clouds(*urls)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/identity/v3", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


Path = Callable[[Clouds], tuple[Person, Callable[[], object]]]
PATHS: dict[str, Path] = {}


def path(way: Path) -> Path:
    """Register a way to end a token: it returns whose, and what ends it."""
    PATHS[way.__name__] = way
    return way


Way = tuple[Person, Callable[[], object]]


@path
def log_out(clouds: Clouds) -> Way:
    person, _ = clouds.member()

    def act() -> None:
        headers = {"X-Auth-Token": person.token, "X-Subject-Token": person.token}
        assert clouds.a.delete("auth/tokens", headers=headers).status_code == 204

    return person, act


@path
def own_new_password(clouds: Clouds) -> Way:
    person, _ = clouds.member()
    body = {"user": {"original_password": "right", "password": "new"}}
    return person, lambda: clouds.do("POST", f"users/{person.id}/password", body, person.token)


@path
def own_new_password_without_a_token(clouds: Clouds) -> Way:
    person, _ = clouds.member()
    body = {"user": {"original_password": "right", "password": "new"}}
    bare = httpx.Client(base_url=clouds.a.base_url, timeout=60)
    return person, lambda: bare.post(f"users/{person.id}/password", json=body).raise_for_status()


@path
def operators_new_password(clouds: Clouds) -> Way:
    person, _ = clouds.member()
    body = {"user": {"password": "new"}}
    return person, lambda: clouds.do("PATCH", f"users/{person.id}", body)


@path
def user_disabled(clouds: Clouds) -> Way:
    person, _ = clouds.member()
    body = {"user": {"enabled": False}}
    return person, lambda: clouds.do("PATCH", f"users/{person.id}", body)


@path
def user_deleted(clouds: Clouds) -> Way:
    person, _ = clouds.member()
    return person, lambda: clouds.do("DELETE", f"users/{person.id}")


@path
def project_disabled(clouds: Clouds) -> Way:
    person, project = clouds.member()
    body = {"project": {"enabled": False}}
    return person, lambda: clouds.do("PATCH", f"projects/{project}", body)


@path
def project_deleted(clouds: Clouds) -> Way:
    person, project = clouds.member()
    return person, lambda: clouds.do("DELETE", f"projects/{project}")


def _disable(clouds: Clouds, domain: str) -> Callable[[], object]:
    return lambda: clouds.do("PATCH", f"domains/{domain}", {"domain": {"enabled": False}})


@path
def domain_of_the_user_disabled(clouds: Clouds) -> Way:
    domain = clouds.make("domain")
    return clouds.enter(clouds.person(domain_id=domain)), _disable(clouds, domain)


@path
def domain_of_the_project_disabled(clouds: Clouds) -> Way:
    domain = clouds.make("domain")
    person, _ = clouds.member(domain_id=domain)
    return person, _disable(clouds, domain)


@path
def domain_of_the_scope_disabled(clouds: Clouds) -> Way:
    domain, person = clouds.make("domain"), clouds.person()
    clouds.do("PUT", f"domains/{domain}/users/{person.id}/roles/{clouds.roles['reader']}")
    return clouds.enter(person, domain={"id": domain}), _disable(clouds, domain)


@path
def role_withdrawn_from_the_user(clouds: Clouds) -> Way:
    person, project = clouds.member()
    grant = f"projects/{project}/users/{person.id}/roles/{clouds.roles['member']}"
    return person, lambda: clouds.do("DELETE", grant)


@path
def role_on_a_domain_withdrawn(clouds: Clouds) -> Way:
    domain, person = clouds.make("domain"), clouds.person()
    grant = f"domains/{domain}/users/{person.id}/roles/{clouds.roles['reader']}"
    clouds.do("PUT", grant)
    return clouds.enter(person, domain={"id": domain}), lambda: clouds.do("DELETE", grant)


@path
def role_on_the_system_withdrawn(clouds: Clouds) -> Way:
    person = clouds.person()
    grant = f"system/users/{person.id}/roles/{clouds.roles['reader']}"
    clouds.do("PUT", grant)
    return clouds.enter(person, system={"all": True}), lambda: clouds.do("DELETE", grant)


@path
def inherited_role_withdrawn(clouds: Clouds) -> Way:
    domain, person = clouds.make("domain"), clouds.person()
    project = clouds.make("project", domain_id=domain)
    role = clouds.roles["reader"]
    place = f"OS-INHERIT/domains/{domain}/users/{person.id}"
    grant = f"{place}/roles/{role}/inherited_to_projects"
    clouds.do("PUT", grant)
    return clouds.enter(person, project={"id": project}), lambda: clouds.do("DELETE", grant)


def _by_group(clouds: Clouds) -> tuple[Person, str, str]:
    """Return someone whose role comes from a group, the group's grant, the group."""
    person, project, group = clouds.person(), clouds.make("project"), clouds.make("group")
    clouds.do("PUT", f"groups/{group}/users/{person.id}")
    grant = f"projects/{project}/groups/{group}/roles/{clouds.roles['member']}"
    clouds.do("PUT", grant)
    return clouds.enter(person, project={"id": project}), grant, group


@path
def role_withdrawn_from_the_group(clouds: Clouds) -> Way:
    person, grant, _ = _by_group(clouds)
    return person, lambda: clouds.do("DELETE", grant)


@path
def user_left_the_group(clouds: Clouds) -> Way:
    person, _, group = _by_group(clouds)
    return person, lambda: clouds.do("DELETE", f"groups/{group}/users/{person.id}")


@path
def group_deleted(clouds: Clouds) -> Way:
    person, _, group = _by_group(clouds)
    return person, lambda: clouds.do("DELETE", f"groups/{group}")


def _with_role(clouds: Clouds, role: str) -> Person:
    person, project = clouds.person(), clouds.make("project")
    clouds.do("PUT", f"projects/{project}/users/{person.id}/roles/{role}")
    return clouds.enter(person, project={"id": project})


@path
def role_deleted(clouds: Clouds) -> Way:
    role = clouds.make("role")
    return _with_role(clouds, role), lambda: clouds.do("DELETE", f"roles/{role}")


@path
def implication_withdrawn(clouds: Clouds) -> Way:
    implication = f"roles/{clouds.make('role')}/implies/{clouds.make('role')}"
    clouds.do("PUT", implication)
    person = _with_role(clouds, implication.split("/")[1])
    return person, lambda: clouds.do("DELETE", implication)


@path
def application_credential_deleted(clouds: Clouds) -> Way:
    person, _ = clouds.member()
    url = f"users/{person.id}/application_credentials"
    body = {"application_credential": {"name": "ci"}}
    made = clouds.do("POST", url, body, person.token)["application_credential"]
    block = {key: made[key] for key in ("id", "secret")}
    methods = ["application_credential"]
    token = clouds.log_in({"methods": methods, "application_credential": block})
    act = f"{url}/{made['id']}"
    return Person(person.id, token), lambda: clouds.do("DELETE", act, token=person.token)


def _trusted(clouds: Clouds) -> tuple[Person, Person, str]:
    """Return trustor and trustee, who entered by a trust, and the trust."""
    (trustor, project), trustee = clouds.member(), clouds.person()
    body = {
        "trustor_user_id": trustor.id,
        "trustee_user_id": trustee.id,
        "project_id": project,
        "impersonation": True,
        "roles": [{"name": "reader"}],
    }
    trust = clouds.do("POST", "OS-TRUST/trusts", {"trust": body}, trustor.token)["trust"]["id"]
    return trustor, clouds.enter(trustee, **{"OS-TRUST:trust": {"id": trust}}), trust


@path
def trust_deleted(clouds: Clouds) -> Way:
    trustor, trustee, trust = _trusted(clouds)
    url = f"OS-TRUST/trusts/{trust}"
    return trustee, lambda: clouds.do("DELETE", url, token=trustor.token)


@path
def trustor_disabled(clouds: Clouds) -> Way:
    trustor, trustee, _ = _trusted(clouds)
    body = {"user": {"enabled": False}}
    return trustee, lambda: clouds.do("PATCH", f"users/{trustor.id}", body)


@path
def trustee_disabled(clouds: Clouds) -> Way:
    _, trustee, _ = _trusted(clouds)
    body = {"user": {"enabled": False}}
    return trustee, lambda: clouds.do("PATCH", f"users/{trustee.id}", body)


@pytest.fixture(scope="module")
def bystander(clouds: Clouds) -> Person:
    """Someone who has nothing to do with it: his token outlives everything."""
    return clouds.member()[0]


@pytest.mark.timeout(400)  # the first one waits for both processes to start
@pytest.mark.parametrize("way", PATHS)
def test_the_other_process_refuses_at_once(clouds: Clouds, bystander: Person, way: str) -> None:
    person, act = PATHS[way](clouds)
    assert clouds.status(person.token) == 200
    act()
    assert clouds.status(person.token) == 401
    assert clouds.status(bystander.token) == 200
