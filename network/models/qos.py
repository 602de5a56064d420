"""QoS policies: what traffic is held to, by whoever they are attached to."""

from __future__ import annotations

from django.db import models

from network.models.standard import Shareable, Standard
from network.querysets import QosPolicyQuerySet, QosRuleQuerySet


class QosPolicy(Shareable):
    """A set of rules. A project's default one is given to its new networks.

    ``shared``: with all projects, which policies of another kind say, too (``network/sharing.py``).
    """

    shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)

    objects = QosPolicyQuerySet.as_manager()

    class Meta(Shareable.Meta):
        indexes = [
            models.Index(fields=["project_id", "created_at", "id"], name="qos_policy_by_age"),
            models.Index(fields=["created_at", "id"], name="qos_policy_all_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["project_id"],
                condition=models.Q(is_default=True),
                name="qos_policy_one_default",
            )
        ]

    @property
    def is_shared(self) -> bool:
        """Tell whether the caller's project is among those that share it; of a new row, whether all are."""
        return bool(self.__dict__.get("shared_here", self.shared))


class QosRuleKind(models.TextChoices):
    """The types of rules, as clients write them."""

    BANDWIDTH_LIMIT = "bandwidth_limit"
    DSCP_MARKING = "dscp_marking"


class QosRule(Standard):
    """A rule of a policy, which has each kind once, limits once a direction.

    ``ingress`` is towards the port. ``max_burst_kbps`` is in kilobits, whatever its name says; 0 for
    what suits the rate.
    """

    qos_policy = models.ForeignKey(QosPolicy, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(max_length=24, choices=QosRuleKind.choices)
    direction = models.CharField(max_length=7, blank=True, default="")
    max_kbps = models.PositiveIntegerField(null=True, blank=True)
    max_burst_kbps = models.PositiveIntegerField(default=0)
    dscp_mark = models.PositiveSmallIntegerField(null=True, blank=True)

    objects = QosRuleQuerySet.as_manager()

    class Meta(Standard.Meta):
        indexes = [
            models.Index(fields=["qos_policy", "created_at", "id"], name="qos_rule_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["qos_policy", "kind", "direction"], name="qos_rule_unique"
            )
        ]

    def __str__(self) -> str:
        if self.kind == QosRuleKind.DSCP_MARKING:
            return f"DSCP {self.dscp_mark}"
        return f"{self.direction} at most {self.max_kbps} kbit/s"
