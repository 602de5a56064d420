"""Consoles are opened: a token for who may, and for who holds one the way to the guest's host."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta
from typing import NamedTuple

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.driver import DriverError
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute.objects import ConsoleOpening
from compute.rpc import OPEN_CONSOLE
from identity.querysets import still_stands
from instances.conf import CONSOLE_SESSION, CONSOLE_TOKEN_LIFE
from instances.exceptions import ConsoleTokenInvalid, ConsoleUnreachable
from instances.manager.console_recordings import begin, is_recorded
from instances.models import ConsoleToken, Instance
from operations.asking import HostDidNotAnswer, ask

#: Seconds for which the token to come back with is good; the next one comes before.
COME_BACK = timedelta(minutes=10)
WORDS = 32  # bytes that are drawn


class OpenedConsole(NamedTuple):
    """Where a host lets in, what lets who looks come back, and where it is written down, if it is."""

    host: str
    path: str
    address: str
    port: int
    ticket: str
    kind: str
    next_token: str
    recording_id: uuid.UUID | None = None


def draw_token(context: RequestContext, instance: Instance, kind: str) -> str:
    """Return a new token of the caller for a console; it is told this once."""
    return _drawn(
        instance_id=instance.id,
        kind=kind,
        user_id=context.user_id or "",
        project_id=context.project_id or "",
        expires_at=now() + timedelta(seconds=CONSOLE_TOKEN_LIFE),
    )


def redeem(token: str, *, kind: str, remote_address: str = "") -> OpenedConsole:
    """Use a token up, ask the guest's host, leave a record of who looks.

    Raises ConsoleTokenInvalid, ConsoleUnreachable.
    """
    row = ConsoleToken.objects.filter(digest=_digest(token), kind=kind).first()
    used = row is not None and ConsoleToken.objects.filter(pk=row.pk, expires_at__gt=now()).delete()
    if row is None or not used or not used[0]:
        raise ConsoleTokenInvalid
    context = RequestContext(
        user_id=row.user_id, project_id=row.project_id, remote_address=remote_address
    )
    return ConsoleManager(context).connect(row.instance_id, row)


class ConsoleManager(Manager):
    """Consoles that somebody looks at."""

    @policy("compute:consoles:connect")
    def connect(self, instance_id: object, token: ConsoleToken) -> OpenedConsole:
        """Ask the host for a way to the console. Raises ConsoleTokenInvalid, ConsoleUnreachable."""
        instance = Instance.objects.alive().filter(id=token.instance_id).first()
        if (
            instance is None
            or not instance.host
            or not still_stands(token.user_id, token.project_id)
        ):
            raise ConsoleTokenInvalid
        kind = token.kind
        question = ConsoleOpening(
            id=str(instance.id),
            name=instance.hypervisor_name,
            kind="serial" if kind == "serial" else "vnc",
        )
        order = OPEN_CONSOLE.order(
            host=instance.host, resource_id=str(instance.id), payload=question
        )
        come_back = next_token(token)
        try:
            found = ask(order)["data"]
        except (HostDidNotAnswer, DriverError) as error:
            raise ConsoleUnreachable(error.message, come_back) from error
        return OpenedConsole(
            host=instance.host,
            path=found["path"],
            address=found["address"],
            port=found["port"],
            ticket=found["ticket"],
            kind=kind,
            next_token=come_back,
            recording_id=self._recording(instance, token),
        )

    def _recording(self, instance: Instance, token: ConsoleToken) -> uuid.UUID | None:
        """Begin one where the project's lines are recorded."""
        if token.kind != "serial" or not is_recorded(instance.project_id):
            return None
        return begin(instance, token, remote_address=self.context.remote_address)

    @policy("compute:console_tokens:get")
    def of_token(self, token: str) -> Instance:
        """Return the server whose console a token opens, which is not used up by that.

        Raises ConsoleTokenInvalid for one that is over, was used, or belongs to who may no longer look.
        """
        row = ConsoleToken.objects.filter(digest=_digest(token), expires_at__gt=now()).first()
        if row is None or not still_stands(row.user_id, row.project_id):
            raise ConsoleTokenInvalid
        instance = Instance.objects.alive().filter(id=row.instance_id).exclude(host="").first()
        if instance is None:
            raise ConsoleTokenInvalid
        return instance

    @periodic(every=timedelta(hours=1))
    @policy("compute:consoles:forget")
    def forget_tokens(self) -> None:
        """Forget tokens that nobody used in time."""
        ConsoleToken.objects.filter(expires_at__lt=now()).delete()


def next_token(before: ConsoleToken) -> str:
    """Return the token to come back with; empty once a session has lasted as long as one may."""
    if now() - before.began_at > timedelta(seconds=CONSOLE_SESSION):
        return ""
    return _drawn(
        instance_id=before.instance_id,
        kind=before.kind,
        user_id=before.user_id,
        project_id=before.project_id,
        began_at=before.began_at,
        expires_at=now() + COME_BACK,
    )


def renewed(token: str, *, recorded: bool) -> str:
    """Return a fresh token for one that was not used, which counts no more; empty where it is over.

    It is over, too, for who is not ``recorded`` where that was turned on since he came in.
    """
    row = ConsoleToken.objects.filter(digest=_digest(token)).first()
    if row is None or not ConsoleToken.objects.filter(pk=row.pk).delete()[0]:
        return ""
    instance = Instance.objects.alive().filter(id=row.instance_id).only("project_id").first()
    if instance is None or not still_stands(row.user_id, row.project_id):
        return ""
    begins = row.kind == "serial" and not recorded and is_recorded(instance.project_id)
    return "" if begins else next_token(row)


def _drawn(**columns: object) -> str:
    token = secrets.token_urlsafe(WORDS)
    ConsoleToken.objects.create(digest=_digest(token), **columns)
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
