"""How a host comes to belong to the cloud: a key and a certificate of its own, and the cloud's public key."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.db import transaction

from cloudweb.encryption import decrypt, encrypt
from cloudweb.files import PASSED_THROUGH, make_directory
from cloudweb.keeping import replace_private
from cloudweb.topics import HOST_NAME
from operations.certificates import give_certificate
from operations.models import HostCredential
from operations.orders import signer
from operations.periodic import hosts


def add_host(name: str, directory: Path, *, new_key: bool = False) -> None:
    """Let a host join, and write what it needs into ``directory``/credentials; safe to repeat.

    With ``new_key`` the one it had counts no more, in any process, from this moment on. Raises
    ValueError for a name that is no host name.
    """
    if not HOST_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no host name: lower-case letters, digits, dots and hyphens")
    fresh = {"key": encrypt(secrets.token_hex(32))}
    with transaction.atomic():
        if new_key:
            row, _ = HostCredential.objects.update_or_create(host=name, defaults=fresh)
        else:
            row, _ = HostCredential.objects.get_or_create(host=name, defaults=fresh)
    make_directory(directory, PASSED_THROUGH)  # guests of the machine's own libvirtd pass
    credentials = make_directory(directory / "credentials")
    replace_private(credentials / "host.key", decrypt(row.key))
    replace_private(credentials / "orders.pub", signer().public_pem().decode())
    give_certificate(name, credentials / "tls", renew=new_key)


def withdraw_host(name: str) -> bool:
    """Believe nothing that a host says any more; tell whether it had been believed."""
    hosts.forget(name)
    return bool(HostCredential.objects.filter(host=name).delete()[0])
