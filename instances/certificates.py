"""X.509 key pairs: certificates by which users of Windows guests log in without a password (WinRM)."""

from __future__ import annotations

import base64
import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudweb.database.clock import now
from instances.exceptions import KeyPairInvalid

BEGINNING = "-----BEGIN CERTIFICATE-----"
_LIFETIME = datetime.timedelta(days=3650)
#: The name by which Windows maps a certificate to an account (userPrincipalName).
_PRINCIPAL = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8_STRING = 0x0C


def draw(*, user_id: str) -> tuple[str, str]:
    """Return a fresh pair: PKCS #12 without a password in base64, and the certificate in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64])])
    principal = f"{user_id[:64]}@localhost".encode()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - datetime.timedelta(minutes=5))
        .not_valid_after(now() + _LIFETIME)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.OtherName(_PRINCIPAL, bytes([_UTF8_STRING, len(principal)]) + principal)]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    archive = pkcs12.serialize_key_and_certificates(
        None, key, certificate, None, serialization.NoEncryption()
    )
    return (
        base64.b64encode(archive).decode(),
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )


def fingerprint_of(certificate: str) -> str:
    """Return the SHA-1 of a certificate in PEM as colon-separated hex; raise KeyPairInvalid."""
    text = certificate.strip()
    try:
        if not text.startswith(BEGINNING) or text.count("-----BEGIN") != 1:
            raise ValueError("It is no certificate in PEM")  # noqa: TRY301
        found = x509.load_pem_x509_certificate(text.encode())
        found.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise KeyPairInvalid(
            "Keypair data is invalid: failed to generate X509 fingerprint"
        ) from error
    return found.fingerprint(hashes.SHA1()).hex(":")  # noqa: S303 - a name that Windows shows
