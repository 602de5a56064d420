"""Key pairs: fingerprints as OpenStack writes them, and keys that OpenSSH reads."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from instances.exceptions import KeyPairInvalid
from instances.manager.key_pair import draw, fingerprint_of

KEYS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def line_of(kind: str) -> str:
    made = KEYS[kind]().public_key()  # type: ignore[no-untyped-call]
    public: bytes = made.public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return public.decode()


@pytest.mark.parametrize("kind", KEYS)
def test_fingerprint_is_md5_of_the_blob(kind: str) -> None:
    line = line_of(kind)
    digest = hashlib.md5(base64.b64decode(line.split()[1])).hexdigest()
    expected = ":".join(digest[at : at + 2] for at in range(0, 32, 2))
    assert fingerprint_of(line) == expected
    assert fingerprint_of(f"  {line} me@home and more\n") == expected


def test_a_known_key() -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJf3vjeAlfyPRUzIGbQ5pQPzvQy2XLaXBFCU0ggMfLrR x"
    assert fingerprint_of(line) == fingerprint_of(line.rpartition(" ")[0])
    assert len(fingerprint_of(line)) == 47


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ssh-rsa",
        "ssh-rsa AAAA",
        "ssh-rsa ====",
        "ssh-unknown AAAAC3NzaC1lZDI1NTE5AAAAIJf3vjeAlfyPRUzIGbQ5pQPzvQy2XLaXBFCU0ggMfLrR",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJf3vjeAlfyPRUzIGbQ5pQPzvQy2XLaXBFCU0ggMfLrR",
        'command="rm -rf /" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJf3vjeAlfyPRUzIGbQ5pQPzvQy2XLaXBFCU0ggMfLrR',
        "ssh-ed25519 AAAA\nssh-ed25519 AAAA",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "ssh-ed25519 größe",
    ],
)
def test_what_is_no_public_key(text: str) -> None:
    with pytest.raises(KeyPairInvalid):
        fingerprint_of(text)


def test_a_drawn_pair_belongs_together() -> None:
    private, public = draw(comment="my key\n#1")
    key = serialization.load_ssh_private_key(private.encode(), password=None)
    again = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert public == f"{again.decode()} my-key--1"
    assert fingerprint_of(public)


def test_a_compressed_point_is_no_key_that_servers_read() -> None:
    """The library has not implemented it; that is no fault of ours either."""
    kind, blob = line_of("ecdsa").split()[:2]
    raw = bytearray(base64.b64decode(blob))
    raw[-65] = 2  # the point begins with 4 where it is not compressed
    with pytest.raises(KeyPairInvalid):
        fingerprint_of(f"{kind} {base64.b64encode(raw).decode()}")
