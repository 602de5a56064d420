"""Who gets in, and how one is put out: a user of Ceph for each attachment, clients blocklisted by address.

A lock of an image keeps nobody from writing: whoever asks for it gets it. And a user that is removed keeps
the connections it has. So putting out takes both: the user goes, and the OSDs refuse its clients.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Mapping

import structlog

from volume.drivers.ceph.cluster import Cluster, Refused

log = structlog.get_logger(__name__)
#: How long the OSDs refuse a client that was there when it was cut off: its guest may sleep for long.
REFUSED_FOR = 30 * 24 * 3600
#: One that was gone already needs a ticket to come back, and those it may still have end in an hour.
GONE_FOR = 2 * 3600


class Fence:
    """The users of attachments, and the addresses that their clients had."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._seen: dict[str, set[str]] = {}  # by user, addresses of dead clients too
        self._lock = threading.Lock()

    def let_in(self, attachment_id: str, pool: str, *, read_only: bool) -> tuple[str, str]:
        """Return the name of the attachment's user, who has but this pool, and its key."""
        name = self._name(attachment_id)
        if read_only:
            caps = {"mon": "allow r", "osd": f"profile rbd-read-only pool={pool}"}
        else:
            caps = {"mon": "profile rbd", "osd": f"profile rbd pool={pool}"}
        try:
            return name, self._cluster.ensure_user(name, caps)
        except Refused as error:
            if error.errno != errno.EINVAL:
                raise
        self._cluster.remove_user(name)  # it was let in to do something else
        return name, self._cluster.ensure_user(name, caps)

    def put_out(self, attachment_id: str, image: str) -> None:
        """Let nobody write to the image through the attachment any more, nor come back.

        Whoever is at it as another attachment's user stays, whichever host let that in: the volume may be another
        host's since. Who is at it as nobody's user is put out too.
        """
        name = self._name(attachment_id)
        connected = self._note(self._cluster.remove_user(name)).get(name, set())
        with self._lock:
            seen = self._seen.get(name, set())
            theirs = set().union(*(one for other, one in self._seen.items() if other != name))
        clients = [one for one in self._cluster.clients(image) if one.address not in theirs]
        there = connected | {one.address for one in clients}
        if refused := {
            address: REFUSED_FOR if address in there else GONE_FOR for address in seen | there
        }:
            log.info(
                "clients are cut off", attachment=attachment_id, image=image, addresses=[*refused]
            )
            self._cluster.blocklist(refused)
        for client in clients:
            self._cluster.break_lock(image, client)
        with self._lock:
            self._seen.pop(name, None)

    def put_all_out(self, image: str) -> None:
        """Let whoever is at an image that no attachment is of be at it no more."""
        clients = self._cluster.clients(image)
        log.info("strangers are cut off", image=image, addresses=[one.address for one in clients])
        self._cluster.blocklist({one.address: REFUSED_FOR for one in clients})
        for client in clients:
            self._cluster.break_lock(image, client)

    def look(self) -> None:
        """Note from where attachments are connected: who loses the connection may come back."""
        self._note(self._cluster.addresses())

    def _note(self, addresses: Mapping[str, set[str]]) -> Mapping[str, set[str]]:
        prefix = self._name("")
        found = {name: one for name, one in addresses.items() if name.startswith(prefix)}
        with self._lock:
            for name, one in found.items():
                self._seen.setdefault(name, set()).update(one)
        return found

    def _name(self, attachment_id: str) -> str:
        return f"{self._cluster.config.user}-{attachment_id}"
