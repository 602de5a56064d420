"""A real LDAP server of the suite's own: slapd on the loopback, with its own certificate."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudweb import process
from identity.directories.conf import Directory
from tests.infrastructure import PATIENCE, free_port, scratch, wait_until

SUFFIX = "dc=corp,dc=example"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ROOT_DN = f"cn=root,{SUFFIX}"
READER_DN = f"cn=cloud,{SUFFIX}"
PASSWORD = "right"

_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/slapd.pid
TLSCACertificateFile {home}/cert.pem
TLSCertificateFile {home}/cert.pem
TLSCertificateKeyFile {home}/key.pem
allow bind_anon_cred bind_anon_dn
database mdb
directory {home}/data
suffix {suffix}
rootdn {root}
rootpw root
dbnosync
index objectClass,uid,entryUUID eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={reader} read by * none
"""


@dataclass
class Slapd:
    """A running server, and what tests change in it."""

    home: Path
    port: int
    server: Any = field(repr=False)

    @property
    def socket_url(self) -> str:
        """The URL of its Unix socket."""
        return f"ldapi://{quote(str(self.home / 'ldapi'), safe='')}"

    @property
    def url(self) -> str:
        """The URL of its port."""
        return f"ldap://127.0.0.1:{self.port}"

    def directory(self, **overrides: Any) -> Directory:
        """Return settings that fit it."""
        values: dict[str, Any] = {
            "domain": "corp",
            "url": self.socket_url,
            "bind_dn": READER_DN,
            "bind_password": PASSWORD,
            "user_base": PEOPLE,
            "group_base": GROUPS,
            "timeout": 3,
            **overrides,
        }
        return Directory(**values)

    def connection(self) -> Any:
        """Return a connection that may write."""
        import ldap

        connection = ldap.initialize(self.socket_url)
        connection.simple_bind_s(ROOT_DN, "root")
        return connection

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        import ldap

        try:
            self.connection().unbind_s()
        except ldap.SERVER_DOWN:
            return False
        return True

    def add(self, dn: str, **attributes: Any) -> str:
        """Add an entry; values are texts, bytes or lists of them."""
        with contextlib.closing(_Closing(self.connection())) as one:
            one.connection.add_s(dn, [(name, _bytes(value)) for name, value in attributes.items()])
        return dn

    def add_person(self, uid: str, *, password: str | None = PASSWORD, **more: Any) -> str:
        """Add a person; return the DN."""
        from ldap.dn import escape_dn_chars

        secret = {} if password is None else {"userPassword": password}
        return self.add(
            f"uid={escape_dn_chars(uid)},{PEOPLE}",
            **{
                "objectClass": ["inetOrgPerson"],
                "uid": uid,
                "cn": uid,
                "sn": uid,
                "mail": f"{uid}@corp.example"
                if uid.isascii() and uid.isalnum()
                else "odd@corp.example",
                **secret,
                **more,
            },
        )

    def add_group(self, cn: str, *members: str) -> str:
        """Add a group of these DNs; return its DN."""
        return self.add(
            f"cn={cn},{GROUPS}", objectClass="groupOfNames", cn=cn, member=list(members)
        )

    def replace(self, dn: str, **attributes: Any) -> None:
        """Set attributes of an entry."""
        import ldap

        with contextlib.closing(_Closing(self.connection())) as one:
            one.connection.modify_s(
                dn,
                [(ldap.MOD_REPLACE, name, _bytes(value)) for name, value in attributes.items()],
            )

    def rename(self, dn: str, to: str) -> None:
        """Give an entry another RDN."""
        with contextlib.closing(_Closing(self.connection())) as one:
            one.connection.rename_s(dn, to)

    def delete(self, dn: str, *, missing_ok: bool = False) -> None:
        """Remove an entry."""
        import ldap

        with contextlib.closing(_Closing(self.connection())) as one:
            try:
                one.connection.delete_s(dn)
            except ldap.NO_SUCH_OBJECT:
                if not missing_ok:
                    raise


@dataclass
class _Closing:
    connection: Any

    def close(self) -> None:
        self.connection.unbind_s()


def _bytes(value: Any) -> list[bytes]:
    listed = value if isinstance(value, list) else [value]
    return [one if isinstance(one, bytes) else str(one).encode() for one in listed]


def write_certificate(home: Path) -> None:
    """Write a certificate for 127.0.0.1 that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (home / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (home / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@contextlib.contextmanager
def private_slapd() -> Iterator[Slapd]:
    """Run a slapd on a Unix socket and a port of the loopback, in the foreground of its own."""
    with scratch("ldap") as home:
        (home / "data").mkdir()
        write_certificate(home)
        config = home / "slapd.conf"
        config.write_text(_CONFIG.format(home=home, suffix=SUFFIX, root=ROOT_DN, reader=READER_DN))
        port = free_port()
        socket = quote(str(home / "ldapi"), safe="")
        server = process.start_child(
            "slapd", "-d", "0", "-f", str(config), "-h",
            f"ldapi://{socket} ldap://127.0.0.1:{port}", log=home / "log",
        )  # fmt: skip
        try:
            slapd = Slapd(home, port, server)
            wait_until(slapd.answers, what="slapd answers")
            slapd.add(SUFFIX, objectClass=["dcObject", "organization"], dc="corp", o="Corp")
            slapd.add(PEOPLE, objectClass="organizationalUnit", ou="people")
            slapd.add(GROUPS, objectClass="organizationalUnit", ou="groups")
            slapd.add(
                READER_DN,
                objectClass=["organizationalRole", "simpleSecurityObject"],
                cn="cloud",
                userPassword=PASSWORD,
            )
            yield slapd
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGCONT)
                server.terminate()
                server.wait(PATIENCE)
