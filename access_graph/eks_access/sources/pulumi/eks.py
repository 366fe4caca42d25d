"""EKS resources of a stack as access entries, Pod Identity associations and the Pod Identity Agent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from eks_access.graph.aws_objects import PodIdentityAssociation, Unknown
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import Part
from eks_access.sources.pulumi.clusters import CLUSTER, MIGRATION
from eks_access.sources.pulumi.resources import Resource
from eks_access.sources.pulumi.rows import Rows
from eks_access.sources.pulumi.values import UnknownValueError
from eks_identity.errors import InvalidInput
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry

ENTRY = "aws:eks/accessEntry:AccessEntry"
OWN_ENTRY = "eks-identity:AccessEntry"
POLICY_ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ADDON = "aws:eks/addon:Addon"
AGENT = "eks-pod-identity-agent"


class StackEks:
    """The tables of EKS, of one cluster's resources."""

    def __init__(self, resources: Sequence[Resource], reason: str) -> None:
        self._policies = [each for each in resources if each.kind == POLICY_ASSOCIATION]
        self.entries: Rows[str, ExistingEntry] = Rows("access entry", reason, ExistingEntry)
        self.associations: Rows[ObjectKey, PodIdentityAssociation] = Rows(
            "Pod Identity association", reason, PodIdentityAssociation
        )
        self._has_agent = any(map(_runs_agent, resources))
        self._reason = reason
        for resource in resources:
            if resource.kind in {ENTRY, OWN_ENTRY}:
                self.entries.add(partial(resource.text, "principalArn"), partial(self._entry, resource))
            elif resource.kind == ASSOCIATION:
                self.associations.add(partial(_subject, resource), partial(_association, resource))

    def remove(self, resource: Resource) -> None:
        """Note that a resource does not exist after the update."""
        if resource.kind in {ENTRY, OWN_ENTRY}:
            self.entries.remove(partial(resource.text, "principalArn"))
        elif resource.kind == ASSOCIATION:
            self.associations.remove(partial(_subject, resource))

    def agent_part(self) -> Part[bool]:
        """Return whether the cluster has the Pod Identity Agent. Without it in the stack, that is not evaluated."""
        return Part.of(self._has_agent) if self._has_agent else Part.not_read("Pod Identity Agent", self._reason)

    def _entry(self, resource: Resource) -> ExistingEntry:
        arn = resource.text("principalArn")
        is_own = resource.kind == OWN_ENTRY
        return ExistingEntry(
            principal_arn=arn,
            username=resource.require("username" if is_own else "userName") or _default_username(arn),
            groups=tuple(resource.require("groups" if is_own else "kubernetesGroups") or ()),
            type=resource.require("type") or "STANDARD",
            policies=tuple(_policy(each) for each in self._policies if _is_of(each, resource, arn)),
            tags=resource.texts("tags"),
            arn=_text(resource.get("accessEntryArn")) or "",
            created_at=resource.time("createdAt"),
        )


def migrated_entries(resources: Iterable[Resource]) -> dict[str, Mapping[str, Any]]:
    """Return the access entries that migrations created, by ARN of the principal, as the migrations left them."""
    values = [resource.get("createdEntries") for resource in resources if resource.kind == MIGRATION]
    resolved = [value for value in values if isinstance(value, list)]  # a preview may not know it
    return {entry["principal_arn"]: entry for created in resolved for entry in created}


def _is_of(policy: Resource, entry: Resource, principal_arn: str) -> bool:
    """Return whether a policy is associated with an entry. One whose principal is unknown may name it as dependency."""
    own = policy.get("principalArn")
    if isinstance(own, Unknown):
        return entry.urn in policy.dependencies.get("principalArn", ())
    return bool(own == principal_arn)


def _policy(resource: Resource) -> AssociatedPolicy:
    scope = resource.require("accessScope") or {}
    return AssociatedPolicy(resource.text("policyArn"), tuple(scope.get("namespaces") or ()))


def _default_username(arn: str) -> str:
    """Return the username that EKS gives an entry without one.

    Source: EKS user guide, "Create access entries", username.
    """
    try:
        principal = Principal.parse(arn)
    except InvalidInput:
        return arn
    if principal.kind is not PrincipalKind.ROLE:
        return arn
    session = f"assumed-role/{principal.name}/{{{{SessionName}}}}"
    return principal.partition.arn("sts", session, account=principal.account)


def _subject(resource: Resource) -> ObjectKey:
    return resource.text("namespace"), resource.text("serviceAccount")


def _association(resource: Resource) -> PodIdentityAssociation:
    namespace, service_account = _subject(resource)
    return PodIdentityAssociation(
        id=_text(resource.get("associationId")) or "",
        namespace=namespace,
        service_account=service_account,
        role_arn=resource.get("roleArn") or Unknown(f"roleArn of {resource} is not set"),
        target_role_arn=resource.get("targetRoleArn") or None,
        external_id=_text(resource.get("externalId")),
        disable_session_tags=bool(resource.require("disableSessionTags")),
        session_policy=resource.document("policy"),
    )


def _runs_agent(resource: Resource) -> bool:
    """Return whether a resource installs the agent: the add-on, its DaemonSet, or EKS Auto Mode."""
    if resource.kind == ADDON:
        return bool(resource.get("addonName") == AGENT)
    if resource.kind == CLUSTER:
        try:
            return bool((resource.require("computeConfig") or {}).get("enabled"))
        except UnknownValueError:
            return False
    return resource.kind == "kubernetes:apps/v1:DaemonSet" and _name(resource.get("metadata")) == AGENT


def _name(metadata: Any) -> str | None:
    return _text(metadata.get("name")) if isinstance(metadata, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
