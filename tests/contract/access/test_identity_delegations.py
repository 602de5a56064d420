"""What acts for a user has no business with his secrets, and changes nothing beyond its own roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV2Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.db import transaction

from cloudweb.context import RequestContext
from identity.manager import (
    AccessKeyManager,
    ApplicationCredentialManager,
    CredentialManager,
    SignatureManager,
    TrustManager,
)
from identity.manager.application_credentials import Wanted
from identity.manager.secrets import Proof
from identity.methods.signature import RequestSignature
from identity.models import User
from identity.scopes import SYSTEM, Place
from tests.builders.access import READS
from tests.builders.identity import (
    ApiClient,
    client_at,
    client_of,
    client_with,
    make_context,
    make_domain,
    make_member,
    make_user,
)

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
CERT = "-----a secret of the owner-----"
PUBLIC_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKfPk9R8T1UQAyxfvTVp3gMQJ7TTF3Qk8b6bCwGsvQeM owner"
)
DELEGATES = (
    "reader trust", "trust without roles", "restricted reader", "restricted member",
    "unrestricted reader", "EC2 key",
)  # fmt: skip


class Scene:
    """An owner with secrets, and everybody who asks for them."""

    def __init__(self) -> None:
        self.owner = make_member("member", password="right")
        self.context = make_context(self.owner)
        self.project_id = str(self.owner.default_project_id)
        key = AccessKeyManager(self.context).create(self.owner.pk, project_id=self.project_id)
        self.key = key
        keeper = CredentialManager(self.context)
        self.cert = keeper.create(user_id=self.owner.pk, type="cert", blob=CERT).row.pk
        proof = Proof("right")
        self.seed = keeper.create(user_id=self.owner.pk, type="totp", blob=SEED, proof=proof).row.pk
        self.program = ApplicationCredentialManager(self.context).create(
            self.owner.pk, name="spare"
        )
        self.key_pair_of(client_of(self.owner))
        self.clients = {
            "owner": client_of(self.owner),
            "reader trust": self.trusted(project_id=self.project_id, roles=[Wanted(name="reader")]),
            "trust without roles": self.trusted(),
            "restricted reader": self.programmed("a", ["reader"]),
            "restricted member": self.programmed("b", ["member"]),
            "unrestricted reader": self.programmed("c", ["reader"], unrestricted=True),
            "EC2 key": self.signed(),
            "system reader": client_at(SYSTEM, "reader"),
            "domain manager": client_at(Place(domain=make_domain()), "manager"),
            "operator": client_with("admin"),
        }

    def key_pair_of(self, client: ApiClient) -> None:
        body = {"keypair": {"name": "mine", "public_key": PUBLIC_KEY}}
        assert client.send("POST", "/compute/v2.1/os-keypairs", body).status_code == 200

    def trusted(self, **more: Any) -> ApiClient:
        trustee = make_user(password="right")
        trust = TrustManager(self.context).create(
            trustor_user_id=self.owner.pk,
            trustee_user_id=trustee.pk,
            impersonation=True,
            **more,
        )
        return log_in(
            {
                "methods": ["password"],
                "password": {"user": {"id": trustee.pk, "password": "right"}},
            },
            {"OS-TRUST:trust": {"id": trust.pk}},
        )

    def programmed(self, name: str, roles: list[str], **more: Any) -> ApiClient:
        made = ApplicationCredentialManager(self.context).create(
            self.owner.pk, name=name, roles=[Wanted(name=role) for role in roles], **more
        )
        block = {"id": made.row.pk, "secret": made.secret}
        return log_in({"methods": ["application_credential"], "application_credential": block})

    def signed(self) -> ApiClient:
        request = AWSRequest("GET", "https://ec2.example/", params={})
        SigV2Auth(Credentials(self.key.access, str(self.key.secret))).add_auth(request)
        params = {name: str(value) for name, value in dict(request.params).items()}
        proof = RequestSignature(
            access=self.key.access, signature=params["Signature"],
            verb="GET", host="ec2.example", path="/", params=params,
        )  # fmt: skip
        return ApiClient(SignatureManager(RequestContext.system()).issue(proof).token.signed())

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, int]:
        """Return what everybody gets; each call is rolled back, and shows no secret it must not."""
        found = {}
        for who, client in self.clients.items():
            with transaction.atomic():
                answer = client.send(method, path, body)
                transaction.set_rollback(True)
            found[who] = answer.status_code
            if method in READS:
                self.check_secrets(who, path, answer.content.decode())
        return found

    def check_secrets(self, who: str, path: str, text: str) -> None:
        """The owner and operators, asking for one thing by their own password, see its secret."""
        assert SEED not in text, f"{who} reads the seed"
        one = path.endswith((self.cert, self.key.access))
        seen = CERT in text or str(self.key.secret) in text
        assert seen == (one and who in ("owner", "operator")), f"{who} at {path}"


def log_in(identity: dict[str, Any], scope: Any = None) -> ApiClient:
    auth = {"identity": identity} | ({"scope": scope} if scope else {})
    answer = ApiClient().send("POST", "/identity/v3/auth/tokens", {"auth": auth})
    assert answer.status_code == 201, answer.content
    return ApiClient(answer.headers["X-Subject-Token"])


@pytest.fixture
def scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield Scene()
        transaction.set_rollback(True)


def everybody(status: int, others: int, **named: int) -> dict[str, int]:
    """Return what owner and operator get, what system reader and domain manager get, and the rest."""
    seen = {"owner": status, "operator": status, "system reader": others, "domain manager": 404}
    found = dict.fromkeys(DELEGATES, 403) | seen
    return found | {name.replace("_", " "): value for name, value in named.items()}


@pytest.mark.django_db
def test_secrets_are_for_the_user_in_person(scene: Scene) -> None:
    user = f"/identity/v3/users/{scene.owner.pk}"
    keys, mine = f"{user}/credentials/OS-EC2", "/identity/v3/credentials"
    new_key = {"tenant_id": scene.project_id}
    change = {"credential": {"blob": "another"}}
    new = {"credential": {"type": "cert", "blob": "new", "user_id": scene.owner.pk}}
    assert scene.ask("GET", mine) == everybody(200, 200, domain_manager=200)
    assert scene.ask("POST", mine, new) == everybody(201, 403, domain_manager=403)
    for one in (scene.cert, scene.seed):
        assert scene.ask("GET", f"{mine}/{one}") == everybody(200, 200)
    assert scene.ask("PATCH", f"{mine}/{scene.cert}", change) == everybody(200, 404)
    assert scene.ask("DELETE", f"{mine}/{scene.cert}") == everybody(204, 404)
    assert scene.ask("GET", keys) == everybody(200, 200)
    assert scene.ask("GET", f"{keys}/{scene.key.access}") == everybody(200, 200)
    assert scene.ask("POST", keys, new_key) == everybody(201, 404)
    assert scene.ask("DELETE", f"{keys}/{scene.key.access}") == everybody(204, 404)


@pytest.mark.django_db
def test_a_second_factor_changes_by_proof_alone(scene: Scene) -> None:
    """A token is none; operators answer for the users they help."""
    mine = "/identity/v3/credentials"
    body = {"credential": {"type": "totp", "blob": SEED, "user_id": scene.owner.pk}}
    refused = everybody(201, 403, owner=403, domain_manager=403)
    assert scene.ask("POST", mine, body) == refused
    seed = f"{mine}/{scene.seed}"
    becoming = {"credential": {"type": "totp", "blob": SEED}}
    for path, change in ((f"{mine}/{scene.cert}", becoming), (seed, {"credential": {"blob": "x"}})):
        assert scene.ask("PATCH", path, change) == everybody(200, 404, owner=403)
    assert scene.ask("DELETE", seed) == everybody(204, 404, owner=403)


@pytest.mark.django_db
def test_key_pairs_take_the_delegated_role(scene: Scene) -> None:
    """They are the user's in every project: readers and those without a role replace none."""
    pairs = "/compute/v2.1/os-keypairs"
    theirs = {"system reader": 404, "domain manager": 404, "operator": 404}
    members = {"owner", "restricted member", "EC2 key"}
    readers = members | {"reader trust", "restricted reader", "unrestricted reader"}

    def only(passing: set[str], status: int) -> dict[str, int]:
        return {who: status if who in passing else theirs.get(who, 403) for who in scene.clients}

    assert scene.ask("GET", f"{pairs}/mine") == only(readers, 200)
    assert scene.ask("DELETE", f"{pairs}/mine") == only(members, 202)
    new = {"keypair": {"name": "new", "public_key": PUBLIC_KEY}}
    made = scene.ask("POST", pairs, new)
    assert made == only(members, 200) | dict.fromkeys(theirs, 200)  # theirs, not his


@pytest.mark.django_db
def test_programs_and_trustees_see_themselves_alone(scene: Scene) -> None:
    user = f"/identity/v3/users/{scene.owner.pk}"
    programs, trusts = f"{user}/application_credentials", "/identity/v3/OS-TRUST/trusts"
    program = {"application_credential": {"name": "new"}}
    trustees = dict.fromkeys(("reader trust", "trust without roles", "EC2 key"), 403)
    seen = dict.fromkeys(scene.clients, 200) | trustees | {"domain manager": 404}
    assert scene.ask("GET", programs) == seen
    assert scene.ask("GET", f"{user}/access_rules") == seen
    hidden = {"restricted reader": 404, "restricted member": 404}
    assert scene.ask("GET", f"{programs}/{scene.program.row.pk}") == seen | hidden
    made = {"owner": 201, "unrestricted reader": 201, "system reader": 404, "operator": 404}
    assert scene.ask("POST", programs, program) == everybody(0, 0) | made
    count = {
        who: len(client.send("GET", trusts).json()["trusts"])
        for who, client in scene.clients.items()
        if "trust" in who or who == "owner"
    }
    assert count == {"owner": 2, "reader trust": 1, "trust without roles": 1}


@pytest.mark.django_db
def test_what_acts_for_an_operator_does_not_take_his_account(scene: Scene) -> None:
    admin = make_member("admin", password="right")
    context = make_context(admin)
    made = ApplicationCredentialManager(context).create(admin.pk, name="x", unrestricted=True)
    block = {"id": made.row.pk, "secret": made.secret}
    program = log_in({"methods": ["application_credential"], "application_credential": block})
    url = f"/identity/v3/users/{admin.pk}"
    options = {"options": {"multi_factor_auth_enabled": False}}
    for change in ({"password": "taken"}, options):
        assert program.send("PATCH", url, {"user": change}).status_code == 403
    assert program.send("PATCH", url, {"user": {"description": "d"}}).status_code == 200
    assert User.objects.get(pk=admin.pk).check_password("right")
