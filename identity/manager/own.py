"""Things that belong to one user: whose they are, and who may see or change them."""

from __future__ import annotations

from cloudweb.context import RequestContext
from identity.exceptions import MadeByProgram, UserNotFound
from identity.ids import undashed
from identity.models import User


def readable_user_id(context: RequestContext, user_id: str) -> str:
    """Return the user whose things the caller may see: himself, or anyone for who reads all."""
    user_id = undashed(user_id)
    if user_id == context.user_id:
        return user_id
    if not context.reads_all or not User.objects.filter(pk=user_id).exists():
        raise UserNotFound(user_id)
    return user_id


def changeable_user_id(context: RequestContext, user_id: str) -> str:
    """Return the user whose things the caller may remove: himself, or anyone for an operator."""
    refuse_programs(context)
    user_id = readable_user_id(context, user_id)
    if user_id != context.user_id and not context.is_admin:
        raise UserNotFound(user_id)
    return user_id


def own_user_id(context: RequestContext, user_id: str) -> str:
    """Return the caller's own id; what he makes is his alone, even an operator's."""
    refuse_programs(context)
    if undashed(user_id) != context.user_id:
        raise UserNotFound(user_id)
    return undashed(user_id)


def refuse_programs(context: RequestContext) -> None:
    """Raise MadeByProgram for a token of a restricted application credential, a trust or an EC2 key."""
    if context.restricted:
        raise MadeByProgram
