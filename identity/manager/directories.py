"""What keeps users and groups of LDAP directories in step between log-ins."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from identity.directories import sync
from identity.directories.exceptions import DirectoryUnavailable


class DirectoryManager(Manager):
    """The directories that back domains."""

    @periodic(every=timedelta(minutes=10))
    @policy("identity:directories:synchronize")
    def synchronize_directories(self) -> None:
        """Look who left the LDAP directories; costs nothing where there is none.

        Raises DirectoryUnavailable when one did not answer, after the others were done.
        """
        silent = [report for report in sync.sync_all() if report.problem]
        if silent:
            detail = "; ".join(f"{report.domain}: {report.problem}" for report in silent)
            raise DirectoryUnavailable(", ".join(one.domain for one in silent), detail=detail)
