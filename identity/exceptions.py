"""What identity refuses."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from cloudweb.holdings import listed


class _NotFoundById(NotFound):
    noun = "resource"

    def __init__(self, given: str) -> None:
        super().__init__(f"Could not find {self.noun}: {given[:64]}.")


class DomainNotFound(_NotFoundById):
    """No such domain, or none the caller may see."""

    code = "domain_not_found"
    noun = "domain"


class ProjectNotFound(_NotFoundById):
    """No such project, or none the caller may see."""

    code = "project_not_found"
    noun = "project"


class UserNotFound(_NotFoundById):
    """No such user, or none the caller may see."""

    code = "user_not_found"
    noun = "user"


class GroupNotFound(_NotFoundById):
    """No such group, or none the caller may see."""

    code = "group_not_found"
    noun = "group"


class RoleNotFound(_NotFoundById):
    """No such role."""

    code = "role_not_found"
    noun = "role"


class ServiceNotFound(_NotFoundById):
    """No such service in the catalog."""

    code = "service_not_found"
    noun = "service"


class EndpointNotFound(_NotFoundById):
    """No such endpoint in the catalog."""

    code = "endpoint_not_found"
    noun = "endpoint"


class EndpointGroupNotFound(_NotFoundById):
    """No such endpoint group."""

    code = "endpoint_group_not_found"
    noun = "endpoint group"


class PolicyNotFound(_NotFoundById):
    """No such policy, or the endpoint has none."""

    code = "policy_not_found"
    noun = "policy"


class RegionNotFound(_NotFoundById):
    """No such region."""

    code = "region_not_found"
    noun = "region"


class IdentityProviderNotFound(_NotFoundById):
    """No such identity provider, or none that takes log-ins."""

    code = "identity_provider_not_found"
    noun = "identity provider"


class MappingNotFound(_NotFoundById):
    """No such mapping."""

    code = "mapping_not_found"
    noun = "mapping"


class ProtocolNotFound(_NotFoundById):
    """The identity provider has no such protocol."""

    code = "protocol_not_found"
    noun = "federation protocol"


class CredentialNotFound(_NotFoundById):
    """No such credential, or none the caller may see."""

    code = "credential_not_found"
    noun = "credential"


class ApplicationCredentialNotFound(_NotFoundById):
    """No such application credential of this user."""

    code = "application_credential_not_found"
    noun = "application credential"


class AccessRuleNotFound(_NotFoundById):
    """No such access rule of this user."""

    code = "access_rule_not_found"
    noun = "access rule"


class TrustNotFound(_NotFoundById):
    """No such trust, or none the caller is a part of."""

    code = "trust_not_found"
    noun = "trust"


class ConsumerNotFound(_NotFoundById):
    """No such OAuth consumer."""

    code = "consumer_not_found"
    noun = "consumer"


class RequestTokenNotFound(_NotFoundById):
    """No such OAuth request token, or its time is over."""

    code = "request_token_not_found"
    noun = "request token"


class AccessTokenNotFound(_NotFoundById):
    """No such OAuth access token of this user, or its time is over."""

    code = "access_token_not_found"
    noun = "access token"


class RegisteredLimitNotFound(_NotFoundById):
    """No such registered limit."""

    code = "registered_limit_not_found"
    noun = "registered limit"


class LimitNotFound(_NotFoundById):
    """No such limit, or none the caller may see."""

    code = "limit_not_found"
    noun = "limit"


class GrantNotFound(NotFound):
    """Nobody gave this role to this user or group here."""

    code = "grant_not_found"
    default_message = "The user or group does not have this role there."


class MemberNotFound(NotFound):
    """The user is not in the group, or not on the project."""

    code = "member_not_found"
    default_message = "The user is no member."


class AssociationNotFound(NotFound):
    """The two are not associated with each other."""

    code = "association_not_found"
    default_message = "There is no such association."


class DomainConfigNotFound(NotFound):
    """Nothing of the kind is configured for the domain."""

    code = "domain_config_not_found"

    def __init__(self, domain_id: str, group: str | None, option: str | None) -> None:
        what = f"group {group}" if option is None else f"option {option} in group {group}"
        super().__init__(
            f"Could not find {what if group else 'any options'} in domain configuration for domain "
            f"{domain_id[:64]}."
        )


class ImplicationNotFound(NotFound):
    """The one role does not imply the other."""

    code = "implication_not_found"
    default_message = "The role does not imply the other one."


class TagNotFound(NotFound):
    """The project does not have this tag."""

    code = "tag_not_found"
    default_message = "The project does not have this tag."


class TokenNotFound(NotFound):
    """The token that was asked about is not valid (any more)."""

    code = "token_not_found"
    default_message = "Could not find the token."


class DuplicateName(Conflict):
    """The name is taken."""

    code = "duplicate_name"

    def __init__(self, *, kind: str, name: str, domain_id: str | None = None) -> None:
        where = f" in domain {domain_id}" if domain_id else ""
        super().__init__(f"A {kind} named '{name}' already exists{where}.")


class ProjectInUse(Conflict):
    """The project still owns things; ``holdings`` says how many of which."""

    code = "project_in_use"

    def __init__(self, holdings: dict[str, int]) -> None:
        self.holdings = holdings
        super().__init__(f"The project still holds {listed(holdings)}. Delete them first.")


class DomainInUse(Conflict):
    """The domain's projects still own things; ``holdings`` says how many of which."""

    code = "domain_in_use"

    def __init__(self, holdings: dict[str, int]) -> None:
        self.holdings = holdings
        super().__init__(f"The domain still holds {listed(holdings)}. Delete them first.")


class CatalogInUse(Conflict):
    """Something else in the catalog, or a limit, rests on what should be removed."""

    code = "catalog_in_use"

    def __init__(self, *, kind: str, given: str, users: str) -> None:
        super().__init__(f"The {kind} {given} still has {users}. Delete them first.")


class InvalidDomainConfig(Forbidden):
    """A domain cannot be configured like that."""

    code = "invalid_domain_config"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid domain specific configuration: {reason}")


class Immutable(Forbidden):
    """The resource carries the option ``immutable``."""

    code = "immutable"

    def __init__(self, kind: str, given: str) -> None:
        super().__init__(
            f"The {kind} {given} is immutable. Set its option immutable to false first."
        )


class WrongPassword(Forbidden):
    """The old password does not fit; 401 would make clients log in again and repeat."""

    code = "wrong_password"
    default_message = "The original password is wrong."


class WeakPassword(BadRequest):
    """A new password is not what the settings demand."""

    code = "weak_password"

    def __init__(self, reasons: str) -> None:
        super().__init__(f"The password does not match the requirements: {reasons}")


class PasswordReused(BadRequest):
    """The new password is one the user had not long ago."""

    code = "password_reused"

    def __init__(self, *, count: int) -> None:
        super().__init__(
            f"The new password cannot be one of the user's last {count} passwords, the present one "
            "included."
        )


class PasswordTooYoung(BadRequest):
    """The user chose his password a short while ago."""

    code = "password_too_young"

    def __init__(self, *, days: int) -> None:
        super().__init__(
            f"A password must be used for {days} day(s) before it can be changed. An operator can "
            "set another one."
        )


class PasswordExpired(Unauthorized):
    """The password was right but must be changed first; clients look for this sentence."""

    code = "password_expired"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"The password is expired and needs to be changed for user: {user_id}.")


class NoSuchReference(BadRequest):
    """A body names something that does not exist."""

    code = "no_such_reference"


class AccessRuleInUse(Forbidden):
    """An application credential still rests on the rule."""

    code = "access_rule_in_use"
    default_message = "An application credential uses this access rule. Delete it first."


class TooManyOfUser(Forbidden):
    """A user keeps as many of a thing as one may (settings: USER_LIMITS)."""

    code = "too_many_of_user"

    def __init__(self, *, kind: str, limit: int) -> None:
        super().__init__(
            f"A user keeps at most {limit} {kind.replace('_', ' ')}. Delete some first."
        )


class MadeByProgram(Forbidden):
    """A restricted application credential or a trust may not make further ways to log in."""

    code = "made_by_program"
    default_message = (
        "A token of an application credential or a trust cannot manage credentials or trusts."
    )


class WrongPasscode(Forbidden):
    """A one-time password does not fit, or was used before."""

    code = "wrong_passcode"
    default_message = "The one-time password is wrong or was used already."


class WrongNewPasscode(WrongPasscode):
    """The device that should be added does not show this passcode."""

    code = "wrong_new_passcode"
    default_message = "The one-time password is wrong: the new device does not show it now."
