"""Key pairs of type x509: imported, drawn, and handed to guests as what they are."""

from __future__ import annotations

import base64
import hashlib
import ssl
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import load_pem_x509_certificate

from instances.certificates import draw
from instances.guest_metadata import GuestMetadata
from instances.manager.key_pair import draw as draw_ssh
from instances.models import Instance, KeyPair
from tests.builders.identity import ApiClient, client_of, make_member

pytestmark = pytest.mark.django_db
PATH = "/compute/v2.1/os-keypairs"


@pytest.fixture
def client() -> ApiClient:
    return client_of(make_member("member"))


def create(client: ApiClient, version: str = "2.2", **body: Any) -> Any:
    wanted = {"keypair": {"name": "k", "type": "x509", **body}}
    return client.send("POST", PATH, wanted, OpenStack_API_Version=f"compute {version}")


def sha1(certificate: str) -> str:
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()


def test_a_certificate_is_imported(client: ApiClient) -> None:
    _, certificate = draw(user_id="u")
    answer = create(client, public_key=certificate)
    assert answer.status_code == 201, answer.content
    pair = answer.json()["keypair"]
    assert (pair["type"], pair["public_key"]) == ("x509", certificate)
    assert pair["fingerprint"].replace(":", "") == sha1(certificate)
    assert "private_key" not in pair
    at = {"OpenStack_API_Version": "compute 2.10"}
    assert client.send("GET", f"{PATH}/k", **at).json()["keypair"]["type"] == "x509"


def test_a_pair_is_drawn_until_2_91(client: ApiClient) -> None:
    pair = create(client, "2.91").json()["keypair"]
    key, certificate, others = pkcs12.load_key_and_certificates(
        base64.b64decode(pair["private_key"]), None
    )
    assert certificate == load_pem_x509_certificate(pair["public_key"].encode())
    assert key is not None
    assert key.public_key() == certificate.public_key()
    assert not others
    assert certificate.subject.rfc4514_string() == f"CN={pair['user_id']}"
    assert pair["fingerprint"].replace(":", "") == sha1(pair["public_key"])
    KeyPair.objects.all().delete()
    assert create(client, "2.92").status_code == 400
    assert create(client, "2.1").status_code == 400  # it knows no types


def test_what_is_no_certificate(client: ApiClient) -> None:
    private, line = draw_ssh(comment="x")
    _, certificate = draw(user_id="u")
    der = ssl.PEM_cert_to_DER_cert(certificate)
    unheard_of = ssl.DER_cert_to_PEM_cert(
        der.replace(bytes([0xA0, 3, 2, 1, 2]), bytes([0xA0, 3, 2, 1, 9]), 1)
    )
    broken = (
        line, private, "", certificate[:-60], certificate * 2, certificate.replace("M", "N"), unheard_of,
    )  # fmt: skip
    statuses = [create(client, public_key=text).status_code for text in broken]
    statuses.append(create(client, public_key=certificate, type="ssh").status_code)
    statuses.append(create(client, public_key=certificate, type="pgp").status_code)
    assert statuses == [400] * 9
    assert not KeyPair.objects.exists()


def test_a_guest_gets_it_as_a_certificate_not_as_a_line_for_ssh() -> None:
    _, certificate = draw(user_id="u")
    guest = GuestMetadata(
        Instance(name="w", hostname="w", key_name="k", public_key=certificate), []
    )
    data = guest.meta_data()
    assert data["keys"] == [{"name": "k", "type": "x509", "data": certificate}]
    assert "public_keys" not in data
    assert guest.document("latest/meta-data/public-keys") is None
