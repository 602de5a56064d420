"""nftables: whole transactions of text, in a namespace or where we are."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cloudweb import process
from network.drivers.linuxbridge import namespaces, texts


def apply(text: str, *, namespace: str | None = None) -> None:
    """Load a file in one transaction: all of it or nothing; raise DriverError for odd characters."""
    texts.checked(text.split("\n"))
    process.run(*namespaces.command(namespace, "nft", "-f", "-"), data=text.encode())


def fresh(family: str, name: str) -> str:
    """Return the lines that make a table empty, whether it was there or not; its content follows."""
    return f"table {family} {name}\ndelete table {family} {name}\n"


def tables(prefix: str, *, namespace: str | None = None) -> Sequence[tuple[str, str]]:
    """Return (family, name) of the tables whose names begin so."""
    listed = process.run(*namespaces.command(namespace, "nft", "-j", "list", "tables"))
    found = [entry["table"] for entry in json.loads(listed.stdout)["nftables"] if "table" in entry]
    return [(table["family"], table["name"]) for table in found if table["name"].startswith(prefix)]


def delete(*tables: tuple[str, str], namespace: str | None = None) -> None:
    """Make tables absent."""
    if tables:
        apply("".join(fresh(family, name) for family, name in tables), namespace=namespace)
