"""What the agents inside databases say, forwarded and signed by the proxy of their host."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from cloudweb.exceptions import CloudwebError
from cloudweb.objects import IncompatibleObject, VersionedObject
from databases.dumps import logs
from databases.guest.packing import packed, version
from databases.mailbox import guests
from databases.mailbox.letters import answered, next_letter
from databases.mailbox.reports import take
from databases.models import GuestAgent
from databases.objects import AgentHint, GuestAnswer, GuestReport, GuestResult, LogSent
from instances.api.metadata import asker_of
from operations.orders import signer

HELD = "cloudweb.held"  # set by the front when a poll's wait is over (cloudweb/server/holding.py)


@csrf_exempt
@require_POST
def enrol(request: HttpRequest) -> HttpResponse:
    """Give a new agent its key for its token."""
    asker = asker_of(request)
    if asker is None:
        return _plain("This is not for you.", 403)
    try:
        return _said(guests.introduced(asker, _words(request)))
    except IncompatibleObject as error:
        return _plain(error.message, 400)
    except CloudwebError as error:
        return _plain(error.message, error.status)


@csrf_exempt
@require_POST
def word(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a guest's word. A poll that finds no letter is held by the front, and comes here again then."""
    if kind not in guests.KINDS:
        return _plain("Not Found", 404)
    if held := request.META.get(HELD):
        return _letter(GuestAgent.objects.filter(pk=held.partition(".")[2]).first(), None)
    asker = asker_of(request)
    if asker is None:
        return _plain("This is not for you.", 403)
    try:
        said = guests.heard(asker, kind, _words(request))
        if kind == "renew":
            return _said(guests.renewed(said.agent))
        if kind == "result":
            result = GuestResult.load(said.body)
            take(said.agent, GuestReport.load(result.report))
            if not answered(said.agent, result):
                guests.refuse(asker, kind, claimed=result.letter)
            return _said(GuestAnswer())
        if kind == "log":
            piece = LogSent.load(said.body)
            if not logs.named(said.agent, piece):
                guests.refuse(asker, kind, claimed=piece.archive)
            return _said(GuestAnswer())
        report = GuestReport.load(said.body)
        take(said.agent, report)
    except IncompatibleObject as error:
        return _plain(error.message, 400)
    except CloudwebError as error:
        return _plain(error.message, error.status)
    return _letter(said.agent, report) if kind == "mailbox" else _said(GuestAnswer())


@require_GET
def program(request: HttpRequest, part: str) -> HttpResponse:
    """Hand out the agent's program (``agent.pyz``) or its signature in hex (``agent.sig``)."""
    if asker_of(request) is None:
        return _plain("This is not for you.", 403)
    if part == "pyz":
        return HttpResponse(packed(), content_type="application/octet-stream")
    if part == "sig":
        return _plain(signer().sign_bytes(packed()).hex(), 200)
    return _plain("Not Found", 404)


def _letter(agent: GuestAgent | None, report: GuestReport | None) -> HttpResponse:
    """Answer a poll; without a letter it may be held, unless it was (``report`` None) or the agent is old."""
    if agent is None:
        return _plain("There is no mailbox for you.", 404)
    known = report or GuestReport.model_validate(agent.report, extra="ignore")
    letter = next_letter(agent, known)
    digest = hashlib.sha256(packed()).hexdigest()
    response = _said(GuestAnswer(letter=letter, agent=AgentHint(version=version(), sha256=digest)))
    if letter is None and report is not None and report.agent_version == version():
        response["X-Cloudweb-Hold"] = f"guestagent.{agent.pk} {guests.POLL:.0f}"
    return response


def _words(request: HttpRequest) -> dict[str, Any]:
    try:
        found = orjson.loads(request.body)
        orjson.dumps(found)  # what is nested deeper than this takes is read no further
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise IncompatibleObject(detail="no JSON that a guest says") from error
    if not isinstance(found, dict):
        raise IncompatibleObject(detail="no object")
    return found


def _said(answer: VersionedObject) -> HttpResponse:
    return HttpResponse(orjson.dumps(answer.dump()), content_type="application/json")


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
