"""What goes wrong with QoS. Clients of the network API see the class names as error types."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, Conflict, Forbidden
from network.exceptions import Missing


class QosPolicyNotFound(Missing):
    """No such QoS policy, or none the caller may see."""

    code = "qos_policy_not_found"
    noun = "QoS policy"


class QosRuleNotFound(Missing):
    """The policy has no such rule."""

    code = "qos_rule_not_found"
    noun = "QoS rule"


class QosRuleTypeNotFound(Missing):
    """No such type of rule, or none that all hosts can enforce."""

    code = "qos_rule_type_not_found"
    noun = "QoS rule type"


class QosPolicyInUse(Conflict):
    """Something is held to the policy."""

    code = "qos_policy_in_use"

    def __init__(self, policy_id: object, *, by: str) -> None:
        super().__init__(f"QoS Policy {policy_id} is used by {by}.")


class QosPolicyDefaultAlreadyExists(Conflict):
    """The project has a default policy."""

    code = "qos_policy_default_already_exists"

    def __init__(self, project_id: str) -> None:
        super().__init__(f"A default QoS policy exists for project {project_id}.")


class QoSRulesConflict(Conflict):
    """The policy has a rule of this kind and direction."""

    code = "qos_rules_conflict"

    def __init__(self, *, kind: str, policy_id: object, rule_id: object) -> None:
        super().__init__(
            f"Rule {kind} conflicts with rule {rule_id} which already exists in QoS Policy {policy_id}."
        )


class QosRuleNotSupported(BadRequest):
    """Not every host can enforce rules of this type."""

    code = "qos_rule_not_supported"

    def __init__(self, kind: str) -> None:
        super().__init__(f"Rules of type {kind} are not offered: not all hosts can enforce them.")


class PolicyRemoveAuthorizationError(Forbidden):
    """An operator holds it to a policy that is not its project's to lift."""

    code = "policy_remove_authorization_error"

    def __init__(self, policy_id: object) -> None:
        super().__init__(
            f"Failed to remove provided policy {policy_id} because you are not authorized."
        )
