"""Keeping rows in step with directories between log-ins: who left, who lost a group."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from identity.directories.conf import Directory, directories
from identity.directories.exceptions import DirectoryUnavailable
from identity.directories.shadows import mark_left, mirrored, refresh
from identity.models import Domain, User
from identity.models.user import Source

log = structlog.get_logger(__name__)
_running = threading.Lock()


@dataclass(slots=True)
class Report:
    """What one round did in one domain."""

    domain: str
    present: int = 0
    left: int = 0
    groups: int = 0
    problem: str = ""


def sync(directory: Directory) -> Report:
    """Ask for every user who logged in once, and for all groups.

    A directory that does not answer changes nothing: an outage is no departure.
    """
    from identity.directories import client  # loads the LDAP libraries

    report = Report(directory.domain)
    named = {"name": directory.domain}
    domain = Domain.objects.get_or_create(name__iexact=directory.domain, defaults=named)[0]
    try:
        names = client.group_names(directory)
        report.groups = len(mirrored(domain, names))
        for user in User.objects.filter(domain=domain, source=Source.LDAP).iterator():
            entry = client.find(directory, client.by_id(directory, user.external_id))
            if entry is None:
                mark_left(user)
                report.left += 1
            else:
                refresh(domain, entry)
                report.present += 1
    except DirectoryUnavailable as error:
        report.problem = error.detail or error.message
        log.warning("a directory does not answer", domain=directory.domain, problem=report.problem)
    return report


def sync_all() -> list[Report]:
    """Do all directories; nothing where none is configured or a round is still going on."""
    if not directories() or not _running.acquire(blocking=False):
        return []
    try:
        return [sync(directory) for directory in directories()]
    finally:
        _running.release()
