"""Which guest speaks: enrolled by a token that counts once, then known by a key that it renews.

The host vouches for the port that a question came through, so every word needs both: the port of the
instance's own server, and its key. A number that rises makes each word count once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

import orjson
from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.encryption import decrypt, encrypt
from cloudweb.identifiers import as_uuid
from cloudweb.signing import BadSignature, check_mac
from databases import rpc
from databases.mail import forget
from databases.mailbox.refusals import GuestRefused, GuestReplayed, GuestUnknown, refused
from databases.mailbox.reports import take
from databases.models import DatabaseInstance, GuestAgent
from databases.objects import Enrolled, Enrolment, GuestEnvelope, GuestReport
from instances.manager.guest_metadata import GuestMetadataManager
from operations.orders import signer

TOKEN_LIFE = timedelta(hours=6)
KEY_LIFE = timedelta(hours=24)
#: So long a guest may have been off and still renew its key, from its own port.
ABSENCE = timedelta(days=90)
POLL = 25.0
#: A guest says something with each poll; one that was silent for longer than this may be away.
HEARD_WITHIN = timedelta(seconds=POLL + 15)
KINDS = ("mailbox", "result", "heartbeat", "renew", "log")
MOST = 2**63
_NULL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
#: What is so of a guest that has just come in; of one before it nothing counts any more.
_UNHEARD: dict[str, Any] = {
    "next_key": "",
    "mailbox_number": 0,
    "word_number": 0,
    "certified_key": "",
    "certified_at": None,
    "report": {},
}


@dataclass(frozen=True, slots=True)
class Word:
    """Something that a guest said and that is believed."""

    agent: GuestAgent
    body: dict[str, Any]


def enrol(instance: DatabaseInstance) -> str:
    """Return a new token for an instance's server; whoever comes with it takes the place of the guest before."""
    token = secrets.token_urlsafe(32)
    GuestAgent.objects.update_or_create(
        instance=instance,
        defaults={
            "token_hash": _hash(token),
            "token_until": now() + TOKEN_LIFE,
            "nonce_hash": "",
        },
    )
    return token


def revoke(instance: DatabaseInstance) -> None:
    """Know a guest no longer: its key counts for nothing from now on."""
    GuestAgent.objects.filter(instance=instance).delete()


def introduced(asker: Mapping[str, str], words: dict[str, Any]) -> Enrolled:
    """Take a new agent's first words; raise GuestRefused, IncompatibleObject.

    The same agent (by its nonce) may ask again while it has not used its key: an answer may be lost.
    """
    enrolment = Enrolment.load(words)
    server, agent = _asking(asker, "enrol")
    if not hmac.compare_digest(agent.token_hash, _hash(enrolment.token)):
        _refuse(GuestRefused(), "enrol", server, agent)
    if now() > agent.token_until:
        _refuse(GuestUnknown(), "enrol", server, agent)
    nonce = _hash(enrolment.nonce)
    with transaction.atomic():
        fresh = GuestAgent.objects.filter(pk=agent.pk, nonce_hash="", token_hash=agent.token_hash)
        key, until = secrets.token_hex(32), now() + KEY_LIFE
        known = {"enrolled_at": now(), "key": encrypt(key), "key_until": until}
        if fresh.update(nonce_hash=nonce, **known, **_UNHEARD):
            agent.refresh_from_db()
            forget(agent.instance, rpc.INSTALL_CERTIFICATE)  # of a key that is gone
            take(agent, GuestReport.load(_storable(enrolment.report)))
            return _enrolled(agent, key, until)
    agent.refresh_from_db()
    unused = agent.mailbox_number == 0 and agent.word_number == 0
    if not unused or not hmac.compare_digest(agent.nonce_hash, nonce) or agent.key_until is None:
        _refuse(GuestReplayed(), "enrol", server, agent)
    return _enrolled(agent, decrypt(agent.key), agent.key_until or now())


def heard(asker: Mapping[str, str], kind: str, words: dict[str, Any]) -> Word:
    """Return a word that a guest may say; raise GuestRefused, IncompatibleObject."""
    envelope = GuestEnvelope.read(words)
    server, agent = _asking(asker, kind, claimed=envelope.instance)
    if envelope.instance != str(agent.instance_id) or envelope.kind != kind:
        _refuse(GuestRefused(), kind, server, agent, claimed=envelope.instance)
    used = next((held for held, key in _keys(agent) if _fits(key, words)), None)
    if used is None:
        _refuse(GuestRefused(), kind, server, agent)
    until = agent.key_until or now()
    if now() > (until + ABSENCE if kind == "renew" or used == agent.next_key else until):
        _refuse(GuestUnknown(), kind, server, agent)
    lane = "mailbox_number" if kind == "mailbox" else "word_number"
    rows = GuestAgent.objects.filter(pk=agent.pk, key=agent.key, **{f"{lane}__lt": envelope.number})
    changes: dict[str, Any] = {lane: envelope.number}
    if used == agent.next_key:
        changes |= {"key": agent.next_key, "next_key": "", "key_until": now() + KEY_LIFE}
    if not 0 < envelope.number < MOST or not rows.update(**changes):
        _refuse(GuestReplayed(), kind, server, agent)
    agent.refresh_from_db()
    return Word(agent, _storable(envelope.body))


def renewed(agent: GuestAgent) -> Enrolled:
    """Return the key that takes the present one's place when it is used; asked again, the same."""
    key = secrets.token_hex(32)
    GuestAgent.objects.filter(pk=agent.pk, next_key="").update(next_key=encrypt(key))
    agent.refresh_from_db()
    return _enrolled(agent, decrypt(agent.next_key), now() + KEY_LIFE)


def instance_at(asker: Mapping[str, str], kind: str, *, claimed: str) -> DatabaseInstance:
    """Return the instance whose port a question came through; raise GuestRefused for any other port."""
    return _asking(asker, kind, claimed=claimed)[1].instance


def refuse(asker: Mapping[str, str], kind: str, *, claimed: str) -> NoReturn:
    """Refuse what a believed guest said about somebody else's; raises GuestRefused."""
    server, agent = _asking(asker, kind)
    _refuse(GuestRefused(), kind, server, agent, claimed=claimed)


def _enrolled(agent: GuestAgent, key: str, until: datetime) -> Enrolled:
    return Enrolled(
        instance=str(agent.instance_id),
        key=key,
        valid_until=until.timestamp(),
        orders_key=signer().public_pem().decode(),
        poll=POLL,
    )


def _asking(
    asker: Mapping[str, str], kind: str, *, claimed: str = ""
) -> tuple[tuple[str, str], GuestAgent]:
    """Return the server at the asking port, with its project, and its agent; raise GuestRefused."""
    server = GuestMetadataManager(RequestContext.system()).server_at(**asker)
    if server is None:
        raise GuestRefused
    agent = (
        GuestAgent.objects.select_related("instance").filter(instance__server_id=server.id).first()
    )
    if agent is None:  # a tenant's server, or one whose guest was revoked
        said = claimed if as_uuid(claimed) else str(server.id)
        refused(
            GuestRefused(),
            kind=kind,
            server=str(server.id),
            project=server.project_id,
            claimed=said,
        )
    return (str(server.id), agent.instance.project_id), agent


def _refuse(
    error: GuestRefused,
    kind: str,
    server: tuple[str, str],
    agent: GuestAgent,
    *,
    claimed: str = "",
) -> NoReturn:
    said = claimed if as_uuid(claimed) else str(agent.instance_id)
    refused(error, kind=kind, server=server[0], project=server[1], claimed=said)


def _keys(agent: GuestAgent) -> Iterator[tuple[str, bytes]]:
    for held in (agent.key, agent.next_key):
        if held:
            yield held, bytes.fromhex(decrypt(held))


def _fits(key: bytes, words: dict[str, Any]) -> bool:
    try:
        check_mac(key, words)
    except BadSignature:
        return False
    return True


def _storable(body: dict[str, Any]) -> dict[str, Any]:
    """Return what was said without the one sign that no database keeps."""
    said: dict[str, Any] = orjson.loads(_NULL.sub(rb"\1\\ufffd", orjson.dumps(body)))
    return said


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
