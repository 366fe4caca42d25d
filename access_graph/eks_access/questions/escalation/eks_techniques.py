"""Techniques of EKS permissions, and of IAM permissions on OIDC providers: from AWS into the cluster and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eks_access.graph.tables import NotReadError
from eks_access.questions.chain import read_or
from eks_access.questions.escalation.actors import CLUSTER_ADMINISTRATOR, Actor, ActorKind, Edge, principal
from eks_access.questions.escalation.cluster_requests import CREATE_PODS, EXEC, matches_of
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.iam_techniques import edge, passed
from eks_access.questions.escalation.permissions import Allowed
from eks_access.questions.escalation.principal_decisions import PrincipalDecisions
from eks_access.questions.escalation.trusts import Trusts
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Arn, account_of, find_account
from eks_identity.model.trust import POD_IDENTITY_SERVICE

_RUNS_PODS = "the principal runs code in a pod of the cluster"


def eks_edges(context: Context, actor: Actor) -> Iterator[Edge]:
    """Yield what a principal can become by its permissions on EKS, and on OIDC providers."""
    policies = context.aws.of(actor.name)
    if policies is None or policies.administration == ():
        return
    cluster = context.graph.cluster.get()
    if isinstance(cluster.arn, str) and cluster.account == policies.account:
        yield from _entries(context, policies, cluster.arn)
        yield from _associations(context, policies, cluster.arn)
    if context.trusts is not None:
        yield from _providers(context, policies, context.trusts)


def _entries(context: Context, policies: PrincipalDecisions, cluster_arn: str) -> Iterator[Edge]:
    """Yield what access entries give. In the mode CONFIG_MAP, EKS rejects calls on them until the mode is changed."""
    mode = context.graph.authentication_mode()
    before: list[Allowed] = []
    if not mode.reads_access_entries:
        switched = policies.decide("eks:UpdateClusterConfig", cluster_arn)
        if switched is None:
            return
        before = [switched]
    entry = read_or(lambda: context.graph.entries.get(policies.arn), None)
    entry_arn = _entry_arn(cluster_arn, policies.arn) if entry is None or not entry.arn else entry.arn
    administrator = access_policy_arn(policies.partition, CLUSTER_ADMIN)
    keys = {"eks:policyArn": administrator, "eks:accessScope": "cluster", "eks:principalArn": policies.arn}
    created = policies.decide("eks:CreateAccessEntry", cluster_arn, keys)
    associated = policies.decide("eks:AssociateAccessPolicy", entry_arn, keys)
    technique = "eks-update-cluster-config" if before else ""
    if entry is not None:
        updated = policies.decide("eks:UpdateAccessEntry", entry_arn, keys)
        if associated is not None:
            yield edge(CLUSTER_ADMINISTRATOR, technique or "eks-associate-access-policy", *before, associated)
        if updated is not None:
            yield from _own_groups(context, technique or "eks-update-access-entry", [*before, updated])
        return
    if created is None:
        return
    if associated is not None:
        needs = [*before, created, associated]
        yield edge(CLUSTER_ADMINISTRATOR, technique or "eks-create-access-entry", *needs)
    yield from _own_groups(context, technique or "eks-create-access-entry", [*before, created])


def _own_groups(context: Context, technique: str, needs: list[Allowed]) -> Iterator[Edge]:
    """Yield the groups that an entry can name: EKS rejects those that begin with `system:`."""
    for kind, name in context.cluster.by_name if context.cluster else ():
        if kind == "Group" and not name.startswith("system:"):
            yield edge(Actor(ActorKind.GROUP, name), technique, *needs)


def _entry_arn(cluster_arn: str, arn: str) -> str:
    """Return the ARN that a new access entry has, with any id."""
    prefix, _, name = cluster_arn.partition(":cluster/")
    kind, _, path = Arn.parse(arn).resource.partition("/")
    return f"{prefix}:access-entry/{name}/{kind}/{account_of(arn)}/{path.rpartition('/')[2]}/any"


def _associations(context: Context, policies: PrincipalDecisions, cluster_arn: str) -> Iterator[Edge]:
    """Yield the roles that a principal can pass to Pod Identity, for a service account whose pods it controls."""
    cluster = context.cluster
    granted = cluster.of(principal(policies.arn)) if cluster else []
    runs_pods = next(matches_of(granted, (*CREATE_PODS, *EXEC)), None) is not None
    created = policies.decide("eks:CreatePodIdentityAssociation", cluster_arn)
    found = [("eks-create-pod-identity-association", created)]
    if policies.may_allow("eks:UpdatePodIdentityAssociation"):
        found += [
            ("eks-update-pod-identity-association", policies.decide("eks:UpdatePodIdentityAssociation", arn))
            for arn in _association_arns(context, cluster_arn)
        ]
    seen: set[str] = set()
    for technique, allowed in found:
        if allowed is not None and technique not in seen:
            seen.add(technique)
            condition = () if runs_pods else (_RUNS_PODS,)
            needs = [Allowed(allowed.permission, (*allowed.conditions, *condition))]
            yield from passed(context, policies, technique, POD_IDENTITY_SERVICE, needs)


def _association_arns(context: Context, cluster_arn: str) -> Iterable[str]:
    prefix, _, name = cluster_arn.partition(":cluster/")
    associations = read_or(lambda: list(context.graph.associations.all().values()), [])
    return [f"{prefix}:podidentityassociation/{name}/{each.id}" for each in associations]


def _providers(context: Context, policies: PrincipalDecisions, trusts: Trusts) -> Iterator[Edge]:
    """Yield the roles that trust an OIDC provider which the principal can create, or whose audiences it can widen."""
    actions = ("iam:CreateOpenIDConnectProvider", "iam:AddClientIDToOpenIDConnectProvider")
    if not any(map(policies.may_allow, actions)):
        return
    for arn, roles in trusts.providers():
        if find_account(arn) != policies.account:
            continue
        try:
            exists = context.graph.oidc_providers.get(arn) is not None
        except NotReadError:
            continue
        action, technique = (actions[1], "iam-add-client-id") if exists else (actions[0], "iam-create-oidc-provider")
        allowed = policies.decide(action, arn)
        for role in roles if allowed is not None else ():
            if exists and _compares_audience(trusts, role, arn):
                continue
            condition = "the principal has a token of the issuer" if exists else "the principal controls the issuer"
            yield edge(principal(role), technique, allowed, condition=condition)  # type: ignore[arg-type]


def _compares_audience(trusts: Trusts, role: str, provider: str) -> bool:
    """Return whether each statement for a provider compares the audience of the token."""
    return all(
        any(condition.key.lower().endswith(":aud") for condition in statement.conditions)
        for statement in trusts.policies[role].statements
        if provider in (statement.principals or {}).get("Federated", ())
    )
