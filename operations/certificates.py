"""Certificates of hosts: how they know each other where one writes to what another keeps.

One authority for the installation, kept beside its other keys. A host's certificate says O=cloudweb,
CN=<its name>, and is good for both ends of a connection; files are named as QEMU looks for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudweb.conf import var_dir
from cloudweb.files import make_directory
from cloudweb.keeping import kept_secret, replace_private

ORGANIZATION = "cloudweb"
_CA_LIFE, _HOST_LIFE = timedelta(days=20 * 365), timedelta(days=5 * 365)
#: A host's certificate is replaced when it ends so soon.
_RENEWAL = timedelta(days=365)
#: The group ffdhe2048 of RFC 7919: QEMU looks for one, and without it takes a second to draw its own at
#: each start. No cipher of today uses it.
_DH_PARAMETERS = """\
-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""
#: Clocks of hosts may be behind ours.
_BEFORE = timedelta(hours=1)


class Authority:
    """Signs certificates of hosts."""

    def __init__(self, pem: str) -> None:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self.certificate = x509.load_pem_x509_certificate(pem.encode())

    def issue(self, host: str) -> tuple[str, str]:
        """Return a new certificate and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        ends = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
        names = [x509.DNSName(host)]
        signed = self.certify(key.public_key(), host, names=names, life=_HOST_LIFE, ends=ends)
        return signed, _private(key)

    def certify(
        self,
        key: ec.EllipticCurvePublicKey,
        common: str,
        *,
        names: Iterable[x509.GeneralName],
        life: timedelta,
        ends: Iterable[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH,),
    ) -> str:
        """Return a certificate of somebody's key, as PEM; ``ends`` of a connection that it is good for."""
        signed = (
            _builder(_name(common), self.certificate.subject, key, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(ends), critical=False)
            .add_extension(_usage(digital_signature=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return _pem(signed)

    @property
    def certificate_pem(self) -> str:
        """The certificate by which those it signed are known."""
        return _pem(self.certificate)

    def is_good(self, pem: bytes, host: str) -> bool:
        """Tell whether a certificate is ours, a host's, and does not end soon."""
        try:
            found = x509.load_pem_x509_certificate(pem)
            found.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        ends = found.not_valid_after_utc
        return found.subject == _name(host) and ends > datetime.now(UTC) + _RENEWAL


@cache
def authority() -> Authority:
    """Return the installation's authority; it is made at first use."""
    path = var_dir() / "secrets" / "ca.pem"
    return Authority(kept_secret(path, fresh=None if path.exists() else new_authority()))


def authority_pem() -> str:
    """Return the authority's certificate, by which a host is known, as PEM."""
    return authority().certificate_pem


def give_certificate(host: str, directory: Path, *, renew: bool = False) -> None:
    """Write into a directory what a host needs to serve others and to be served."""
    write_certificate(authority(), host, directory, renew=renew)


def write_certificate(
    signer: Authority, host: str, directory: Path, *, renew: bool = False
) -> None:
    """Write a host's certificate, its key and the authority's certificate, unless good ones are there."""
    make_directory(directory)
    own = directory / "server-cert.pem"
    if renew or not own.exists() or not signer.is_good(own.read_bytes(), host):
        certificate, key = signer.issue(host)
        files = {
            "server-key.pem": key,
            "client-key.pem": key,
            "client-cert.pem": certificate,
            "server-cert.pem": certificate,
        }
        for name, text in files.items():
            replace_private(directory / name, text)
    shared = {"ca-cert.pem": signer.certificate_pem, "dh-params.pem": _DH_PARAMETERS}
    for name, text in shared.items():
        if not (known := directory / name).exists() or known.read_text() != text:
            replace_private(known, text)


def new_authority(common: str = "authority") -> str:
    """Return a new authority's key and certificate, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(common)
    signed = (
        _builder(name, name, key.public_key(), _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _private(key) + _pem(signed)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    begins = datetime.now(UTC) - _BEFORE
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + life)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    """Return a name in the order in which QEMU's lists spell it."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
