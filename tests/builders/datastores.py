"""Real datastores of this machine: how small they are made, and how their tenants come to them."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from cloudweb.objects import VersionedObject
from cloudweb.process import run
from databases import objects
from databases.guest.drivers.postgresql_replicas import ReplicatingPostgreSql
from databases.guest.failures import GuestFailure
from databases.guest.methods import Methods
from databases.guest.place import Place
from databases.guest.transfers import Transfers
from operations.certificates import Authority

ANN = {"user": "ann", "password": "secret 1", "database": "first"}

PROGRAMS = {"postgresql": "psql", "mariadb": "mariadbd"}
SMALL = {
    "postgresql": {"shared_buffers": "16MB", "fsync": "off", "max_wal_size": "64MB"},
    "mariadb": {
        "innodb-buffer-pool-size": "8M",
        "innodb-flush-method": "nosync",
        "performance-schema": "OFF",
    },
}


def small(name: str, run: Path) -> Mapping[str, str]:
    """Return options for one of several that run on this machine.

    Each MariaDB that starts clears the temporary tables of all out of its directory for them, so each has its own.
    """
    return SMALL[name] | ({"tmpdir": str(run)} if name == "mariadb" else {})


class Tenant:
    """A client of a datastore, as tenants are: by address, name and password."""

    def __init__(self, place: Place, datastore: str) -> None:
        self.place, self.datastore = place, datastore

    def says(
        self, statement: str, *, user: str, password: str, database: str, authority: str = "none"
    ) -> str:
        """Return what the statement printed; raise PermissionError.

        With an ``authority`` (a file) over TLS, from a server that it signed; by default without TLS.
        """
        secured = {"PGSSLMODE": "disable"}
        if authority != "none":
            secured = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": authority}
        if self.datastore == "postgresql":
            words = [
                str(ReplicatingPostgreSql(self.place).programs / "psql"),
                "-X",
                "-A",
                "-t",
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                str(self.place.port),
            ]
            words += ["-U", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-c", statement]
        else:
            words = [
                "mariadb",
                "--no-defaults",
                "-N",
                "-h",
                "127.0.0.1",
                "-P",
                str(self.place.port),
            ]
            words += ["-u", user, f"--password={password}", database, "-e", statement]
            if authority == "none":
                words += ["--skip-ssl"]
            else:
                words += [f"--ssl-ca={authority}", "--ssl-verify-server-cert"]
        found = run(*words, env={**os.environ, "PGPASSWORD": password, **secured}, check=False)
        if found.returncode:
            raise PermissionError(found.stderr.decode())
        return found.stdout.decode().strip()


def certify(
    methods: Methods, authority: Authority, *, names: Sequence[str] = ("127.0.0.1",)
) -> str:
    """Give a guest the certificate that it asks for, as its control plane would; return its file of the authority."""
    key = x509.load_pem_x509_csr(methods.certificate.request().encode()).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    addresses = [x509.IPAddress(ip_address(name)) for name in names]
    given = objects.CertificateGiven(
        certificate=authority.certify(key, "database", names=addresses, life=timedelta(days=1)),
        authority=authority.certificate_pem,
        until=time.time() + 24 * 3600,
    )
    for _again in range(2):
        methods.install_certificate(data(given))
    return str(methods.certificate.directory / "authority.pem")


def data(payload: VersionedObject) -> dict[str, Any]:
    """Return a payload as the agent reads it."""
    found: dict[str, Any] = payload.dump()["data"]
    return found


class Guests:
    """Guests of one datastore, each with a place of its own."""

    def __init__(self, name: str, home: Path) -> None:
        self.name, self._home = name, home
        self._owner = {"postgresql": "postgres", "mariadb": "mysql"}[name] * (os.geteuid() == 0)
        self._all: list[Methods] = []
        self._places: dict[str, Place] = {}

    def new(self, guest: str, **facts: Any) -> tuple[Methods, Callable[[str], str], dict[str, Any]]:
        """Return an empty guest, how its tenant speaks to it, and what it is to be."""
        base = self._home / guest
        base.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        place = Place(data=base / self.name, run=base / "run", port=port, user=self._owner,
                      address="127.0.0.1", fixed=small(self.name, base / "run"))  # fmt: skip
        self._places[guest] = place
        methods = self.booted(guest)
        self._all.append(methods)
        tenant = Tenant(place, self.name)
        datastore: Any = self.name
        told = data(objects.PrepareDatastore(datastore=datastore, version="1", **facts))
        return methods, lambda statement: tenant.says(statement, **ANN), told

    def booted(self, guest: str, disk: str = "state") -> Methods:
        """Return a guest as its agent finds it after a start: what it was told is on its disk."""
        place = self._places[guest]
        return Methods(
            self._home / f"{guest}.{disk}",
            places=lambda _name, _base: place,
            transfers=Transfers(pause=lambda _seconds: None),
        )

    def renewed(self, guest: str) -> Methods:
        """Return the agent of a new disk, with the data of the guest before."""
        return self.booted(guest, disk="renewed")

    def end(self) -> None:
        """Stop all."""
        for methods in self._all:
            with suppress(GuestFailure):  # one that never served
                methods.stop({})


@contextmanager
def guests_of(name: str) -> Iterator[Guests]:
    """Give guests of a datastore in a directory of their own; skip where it is not installed."""
    if shutil.which(PROGRAMS[name]) is None:
        pytest.skip(f"{name} is not installed")
    home = Path(tempfile.mkdtemp(prefix="guests"))
    home.chmod(0o755)
    found = Guests(name, home)
    try:
        yield found
    finally:
        found.end()
        shutil.rmtree(home)
