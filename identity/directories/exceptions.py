"""What goes wrong between us and a directory."""

from __future__ import annotations

from cloudweb.exceptions import ServiceUnavailable


class DirectoryUnavailable(ServiceUnavailable):
    """The LDAP server of a domain does not answer, or not as it should."""

    code = "directory_unavailable"

    def __init__(self, domain: str, *, detail: str = "", retry_after: int = 10) -> None:
        super().__init__(
            f"The directory that keeps the users of domain '{domain}' does not answer. "
            "Users of other domains are not affected.",
            detail=detail,
            retry_after=retry_after,
        )
