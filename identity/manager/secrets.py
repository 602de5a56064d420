"""Who gets to see a secret that is kept here, and what proves that it is the user himself."""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudweb.context import RequestContext
from cloudweb.encryption import decrypt
from cloudweb.exceptions import Forbidden
from cloudweb.throttle import admit
from identity import passcodes, second_step
from identity.authentication import log_in
from identity.exceptions import NoSuchReference, WrongPasscode, WrongPassword
from identity.ids import undashed
from identity.models import Credential, Project, Source, User


@dataclass(frozen=True, slots=True)
class Opened:
    """A credential; ``blob`` is its secret, None for who does not get to see it."""

    row: Credential
    blob: str | None = field(default=None, repr=False)


def opened(row: Credential) -> Opened:
    """Return a credential with its secret readable."""
    return Opened(row, decrypt(row.encrypted_blob))


def shows(context: RequestContext, row: Credential) -> bool:
    """Tell whether the caller may read a secret again that is kept here.

    Clients and their test suites show one EC2 key or certificate with its secret (contract 2.4), so
    its owner and operators may, with a token they got by their own password. A seed of passcodes is
    never told: whoever read it could show the second factor for ever.
    """
    own = row.user_id == context.user_id or context.is_admin
    in_person = "password" in context.methods and not context.is_delegated
    return own and in_person and row.type != passcodes.TYPE


@dataclass(frozen=True, slots=True)
class Proof:
    """The password, and a passcode or recovery code where the user has a second factor."""

    password: str = field(default="", repr=False)
    passcode: str = field(default="", repr=False)

    def check(self, user: User) -> None:
        """Raise WrongPassword, WrongPasscode or TooManyRequests unless it is this user himself.

        Raises Forbidden where an identity provider lets him in, for he has no password here.
        """
        if user.source == Source.OIDC:
            raise Forbidden("Your identity provider lets you in; a second factor is set up there.")
        admit("passcode", user.pk)
        if not self.password or log_in(user_id=user.pk, password=self.password) is None:
            raise WrongPassword("The password is wrong.")
        if second_step.has_factor(user) and not second_step.passed(user, self.passcode):
            raise WrongPasscode


def project_named(project_id: str | None) -> Project | None:
    """Return a project a body names; raise NoSuchReference."""
    if not project_id:
        return None
    project = Project.objects.select_related("domain").filter(pk=undashed(project_id)).first()
    if project is None:
        raise NoSuchReference(f"Could not find project: {project_id[:64]}.")
    return project
