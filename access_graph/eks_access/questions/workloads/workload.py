"""The pods whose chain is traced, and the role that their service account names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Cluster, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import ObjectKey, Pod, ServiceAccount
from eks_access.questions import commands
from eks_access.questions.chain import resolved
from eks_identity.errors import InvalidInput
from eks_identity.evaluation import role_sessions
from eks_identity.model import arns, partitions
from eks_identity.model.annotations import AUDIENCE
from eks_identity.model.issuers import Issuer
from eks_identity.model.partitions import Partition
from eks_identity.model.subjects import Subject

RESTARTED_BY_ROLLOUT = ("deployment", "statefulset", "daemonset")


@dataclass(frozen=True)
class Workload:
    """The pods of a service account, or one of them, and the action that they need."""

    graph: AccessGraph
    namespace: str
    service_account: str
    pod: Pod | None = None
    action: str | None = None
    resource: str | None = None

    @property
    def key(self) -> ObjectKey:
        return (self.namespace, self.service_account)

    @property
    def subject(self) -> Subject:
        """The subject of the tokens."""
        return Subject(self.namespace, self.service_account)

    @property
    def name(self) -> str:
        """The service account in findings."""
        return f"service account {self.namespace}/{self.service_account}"

    @property
    def next_role_arn(self) -> str | None:
        """ARN of the role that the pod itself assumes, if that is the action."""
        is_assume = (self.action or "").lower() == "sts:assumerole"
        return self.resource if is_assume and self.resource is not None and is_role(self.resource) else None

    @property
    def cluster(self) -> Cluster:
        return self.graph.cluster.get()

    @property
    def cluster_arn(self) -> str:
        """The cluster's ARN; raises `NotReadError` if a preview does not know it."""
        return resolved(self.cluster.arn, "ARN of the cluster")

    @property
    def partition(self) -> Partition:
        return partitions.partition_of_region(self.cluster.region)

    @cached_property
    def issuer(self) -> Issuer:
        """The cluster's issuer; raises `NotReadError` if a preview does not know it."""
        return Issuer.parse(resolved(self.cluster.issuer, "OIDC issuer of the cluster"))

    def account(self) -> ServiceAccount | None:
        """Return the service account, None if it does not exist."""
        return self.graph.service_accounts.get(self.key)

    def association(self) -> PodIdentityAssociation | None:
        """Return the Pod Identity association, None if there is none."""
        return self.graph.associations.get(self.key)

    def require_associations_read(self) -> None:
        """Raise `NotReadError` if an association that was not read may exist: it overrides the role annotation.

        For findings about IRSA that a role or a pod for Pod Identity would have too.
        """
        self.association()

    def audience(self) -> str:
        """Return the audience of the token that the webhook requests for IRSA."""
        account = self.account()
        annotations = account.annotations if account is not None else {}
        return resolved(annotations.get(AUDIENCE, self.partition.sts_audience), f"annotation {AUDIENCE}")

    def annotate(self, *annotations: str) -> Fix:
        """Return the commands that write annotations of the service account, and restart the pod."""
        kubectl = ("kubectl", "-n", self.namespace, "annotate", "serviceaccount", self.service_account, "--overwrite")
        return commands.together(commands.command(*kubectl, *annotations), self.restart())

    def restart(self) -> Fix:
        """Return the command that creates the pod again, with what the webhook adds now; none without a pod."""
        if self.pod is None:
            return Fix()
        kind = self.pod.owner.partition("/")[0].lower()
        if kind in RESTARTED_BY_ROLLOUT:
            return commands.command("kubectl", "-n", self.namespace, "rollout", "restart", self.pod.owner)
        return commands.command("kubectl", "-n", self.namespace, "delete", "pod", self.pod.name)

    @property
    def needs_recreation(self) -> str:
        """What to do after the restart of a pod that no controller creates again; empty for other pods."""
        return "; create the pod again from its manifest" if self.pod is not None and not self.pod.owner else ""


class Method(StrEnum):
    """How pods get the session of their role."""

    IRSA = "IRSA"
    POD_IDENTITY = "Pod Identity"


@dataclass(frozen=True)
class Identity:
    """The role that a service account names."""

    method: Method
    role_arn: str
    association: PodIdentityAssociation | None = None
    """For Pod Identity."""

    @property
    def has_session_tags(self) -> bool:
        """Whether the sessions have the session tags of Pod Identity."""
        return self.association is not None and not self.association.disable_session_tags

    @property
    def target_role_arn(self) -> str | None:
        """ARN of the role that EKS assumes with the session of the first; raises `NotReadError` if it is not known."""
        if self.association is None or self.association.target_role_arn is None:
            return None
        return resolved(self.association.target_role_arn, f"target role of association {self.association.id}")

    def session_tags(self, workload: Workload) -> dict[str, str]:
        """Return the session tags as far as they are known: a pod's name is known if one pod is traced."""
        if not self.has_session_tags:
            return {}
        tags = role_sessions.pod_identity_tags(workload.cluster_arn, *workload.key)
        return tags if workload.pod is None else {**tags, "kubernetes-pod-name": workload.pod.name}


def is_role(arn: str) -> bool:
    """Return whether a string is the ARN of an IAM role."""
    try:
        return arns.role_arn(arn) == arn
    except InvalidInput:
        return False
