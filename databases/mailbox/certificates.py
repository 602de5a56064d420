"""Certificates of databases: each project has an authority of its own, whose key never leaves here.

A guest makes its key and asks with its reports; the answer is a letter. So a certificate is renewed as it was
first given: the guest asks in time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import IntegrityError, transaction
from django.db.models import Q

from cloudweb.addresses import parse_address
from cloudweb.database.clock import now
from cloudweb.encryption import decrypt, encrypt
from databases import rpc
from databases.mail import waits_for, written_last
from databases.models import DatabaseInstance, GuestAgent, ProjectAuthority
from databases.objects import CertificateGiven, GuestReport
from operations.certificates import Authority, new_authority

LIFE = timedelta(days=90)
#: A guest that wants new ones all the time gets one so often.
PAUSE = timedelta(minutes=1)
#: And another for the same key: the first did not come in.
AGAIN = timedelta(hours=1)
_LETTER_LIFE = timedelta(days=1)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def authority_of(project_id: str) -> Authority:
    """Return a project's authority; it is made at first use."""
    found = ProjectAuthority.objects.filter(project_id=project_id).first()
    if found is None:
        fresh = encrypt(new_authority(f"databases of {project_id}"))
        try:
            with transaction.atomic():
                found = ProjectAuthority.objects.create(project_id=project_id, pem=fresh)
        except IntegrityError:  # somebody else was first
            found = ProjectAuthority.objects.get(project_id=project_id)
    return Authority(decrypt(found.pem))


def answer_request(agent: GuestAgent, report: GuestReport) -> None:
    """Post the certificate that a guest asks for; a request that is none is passed over."""
    key = _key_in(report.certificate_request)
    if key is None:
        return
    digest = hashlib.sha256(key.public_bytes(_DER, _SPKI)).hexdigest()
    moment = now()
    another = Q(certified_at__lt=moment - PAUSE) & ~Q(certified_key=digest)
    due = GuestAgent.objects.filter(
        Q(certified_at=None) | another | Q(certified_at__lt=moment - AGAIN), pk=agent.pk
    )
    instance = DatabaseInstance.objects.get(pk=agent.pk)
    if waits_for(instance, rpc.INSTALL_CERTIFICATE):
        return
    with transaction.atomic():
        if not due.update(certified_key=digest, certified_at=moment):
            return
        given = certificate_for(instance, key)
        written_last(instance, rpc.INSTALL_CERTIFICATE, given, within=_LETTER_LIFE)


def certificate_for(instance: DatabaseInstance, key: ec.EllipticCurvePublicKey) -> CertificateGiven:
    """Return a certificate of the project's authority for what an instance is reached by."""
    authority = authority_of(instance.project_id)
    return CertificateGiven(
        certificate=authority.certify(key, str(instance.id), names=names_of(instance), life=LIFE),
        authority=authority.certificate_pem,
        until=(now() + LIFE).timestamp(),
    )


def names_of(instance: DatabaseInstance) -> Iterable[x509.GeneralName]:
    """Return what clients may know an instance by: its addresses, its id, and its name where hosts are called so."""
    for address in instance.addresses:
        yield x509.IPAddress(parse_address(address))
    yield x509.DNSName(str(instance.id))
    if all(_LABEL.fullmatch(one) for one in instance.name.lower().split(".")):
        yield x509.DNSName(instance.name.lower())


_DER, _SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def _key_in(request: str) -> ec.EllipticCurvePublicKey | None:
    """Return the key that a request proves to be had; nothing else that it says is believed."""
    if not request or len(request) > 4096:
        return None
    try:
        found = x509.load_pem_x509_csr(request.encode())
        key = found.public_key()
        is_whole = found.is_signature_valid
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        return None
    return key if is_whole and isinstance(key, ec.EllipticCurvePublicKey) else None
