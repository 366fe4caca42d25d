"""The chain of workload identity: service account, association or annotation, trust policy, permissions policies.

Each link is one sentence. If the chain breaks, the last sentence names the broken link and the existing alternatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eks_identity.evaluation import role_sessions
from eks_identity.model.annotations import AUDIENCE, ROLE_ARN
from eks_identity.model.subjects import Subject
from eks_identity.model.trust import POD_IDENTITY_SERVICE
from eks_identity.testing import iam_roles
from eks_identity.testing.deployment import Deployment, RegisteredResource, is_in, select_cluster
from eks_identity.testing.verdict import Answer, UnclearError, Verdict

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
SERVICE_ACCOUNTS = ("kubernetes:core/v1:ServiceAccount", "kubernetes:core/v1:ServiceAccountPatch")


@dataclass(frozen=True)
class _Session:
    """The session of a role that pods get by Pod Identity or IRSA."""

    link: str
    role_arn: str
    principal: tuple[str, str]
    """Kind and value of the `Principal` in the trust policy."""
    actions: tuple[str, ...]
    context: Mapping[str, str]
    """Condition keys of the request that creates the session."""
    tags: Mapping[str, str]
    """Condition keys of requests of the session: its tags."""
    target_role_arn: str | None = None
    target_context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys of the request that creates the target role's session."""


def verdict(
    deployment: Deployment,
    namespace: str,
    service_account: str,
    action: str,
    resource: str,
    *,
    cluster: str | None,
    context: Mapping[str, str],
) -> Verdict:
    """Return the verdict on an action of the pods of a service account."""
    subject = Subject.of(namespace, service_account)
    cluster = select_cluster(_clusters(deployment), cluster)
    question = f"pods of {namespace}/{service_account}" + (f" of cluster {cluster}" if cluster else "")
    question += f": {action} on {resource}"
    session = _by_association(deployment, namespace, service_account, cluster) or _by_annotation(
        deployment, subject, namespace, service_account, cluster
    )
    if isinstance(session, str):
        return Verdict(question, Answer.NO, (session,))
    links = [session.link]
    try:
        role, tags = _role(deployment, session, links)
        if role is None:
            return Verdict(question, Answer.NO, tuple(links))
        answer, link = iam_roles.permits(deployment, role, action, resource, {**tags, **context})
        links.append(link)
    except UnclearError as error:
        links.append(f"unknown: {error}")
        answer = Answer.UNKNOWN
    return Verdict(question, answer, tuple(links))


def _role(
    deployment: Deployment, session: _Session, links: list[str]
) -> tuple[RegisteredResource | None, Mapping[str, str]]:
    """Return the last role of the chain and the tags of its session, None if a link is broken."""
    role = iam_roles.find(deployment, session.role_arn)
    reason = iam_roles.untrusted_reason(role, session.principal, session.actions, session.context)
    if reason is None and session.target_role_arn is not None:
        links.append(f"role {role.state['name']} trusts it")
        answer, link = iam_roles.permits(deployment, role, "sts:AssumeRole", session.target_role_arn, session.tags)
        links.append(link)
        if answer is Answer.UNKNOWN:
            raise UnclearError(f"whether {session.role_arn} may assume {session.target_role_arn}")
        if answer is Answer.NO:
            return None, {}
        role = iam_roles.find(deployment, session.target_role_arn)
        reason = iam_roles.untrusted_reason(
            role, ("AWS", session.role_arn), ("sts:AssumeRole",), session.target_context
        )
    if reason is not None:
        links.append(f"broken: {reason}")
        return None, {}
    links.append(f"role {role.state['name']} trusts {'it' if session.target_role_arn is None else session.role_arn}")
    return role, session.tags


def _clusters(deployment: Deployment) -> set[str | None]:
    associated = {association.inputs["clusterName"] for association in deployment.of(ASSOCIATION)}
    return associated | {deployment.cluster_of(account) for account in deployment.of(*SERVICE_ACCOUNTS)}


def _by_association(
    deployment: Deployment, namespace: str, service_account: str, cluster: str | None
) -> _Session | None:
    for association in deployment.of(ASSOCIATION):
        inputs = association.inputs
        is_same = (inputs["namespace"], inputs["serviceAccount"]) == (namespace, service_account)
        if is_same and is_in(cluster, inputs["clusterName"]):
            cluster_arn = deployment.cloud.cluster(inputs["clusterName"])["arn"]
            tags = role_sessions.pod_identity_tags(cluster_arn, namespace, service_account)
            if inputs.get("disableSessionTags"):
                tags = {}
            return _Session(
                f"Pod Identity association of {namespace}/{service_account} with {inputs['roleArn']}",
                inputs["roleArn"],
                ("Service", POD_IDENTITY_SERVICE),
                ("sts:AssumeRole", "sts:TagSession"),
                role_sessions.pod_identity_keys(cluster_arn, tags),
                role_sessions.principal_tags(tags),
                inputs.get("targetRoleArn"),
                # EKS generates the external id with the association.
                role_sessions.chained_keys(inputs["roleArn"], tags, association.state.get("externalId")),
            )
    return None


def _by_annotation(
    deployment: Deployment, subject: Subject, namespace: str, service_account: str, cluster: str | None
) -> _Session | str:
    account = _service_account(deployment, namespace, service_account, cluster)
    if account is None:
        return f"broken: the program declares no service account {namespace}/{service_account} and no association of it"
    annotations = (account.inputs.get("metadata") or {}).get("annotations") or {}
    if ROLE_ARN not in annotations:
        return f"broken: the service account has no annotation {ROLE_ARN} and no Pod Identity association"
    arn = annotations[ROLE_ARN]
    audience = annotations.get(AUDIENCE, deployment.cloud.partition.sts_audience)
    role = iam_roles.find(deployment, arn)
    provider = iam_roles.trusted_provider(role, _issuer(deployment, cluster))
    if provider is None:
        return f"broken: role {role.state['name']} trusts no OIDC provider of the cluster's issuer"
    return _Session(
        f"service account {namespace}/{service_account} is annotated with {arn}",
        arn,
        ("Federated", provider),
        ("sts:AssumeRoleWithWebIdentity",),
        role_sessions.irsa_keys(provider, subject, audience),
        {},
    )


def _service_account(
    deployment: Deployment, namespace: str, name: str, cluster: str | None
) -> RegisteredResource | None:
    for account in deployment.of(*SERVICE_ACCOUNTS):
        metadata = account.inputs.get("metadata") or {}
        is_same = (metadata.get("namespace") or "default", metadata.get("name")) == (namespace, name)
        if is_same and is_in(cluster, deployment.cluster_of(account)):
            return account
    return None


def _issuer(deployment: Deployment, cluster: str | None) -> str | None:
    """Return the issuer of a cluster that the program creates or looks up, None for other clusters."""
    looked_up = {call.args.get("name") for call in deployment.cloud.calls if call.token.endswith(":getCluster")}
    if cluster is None or (cluster not in looked_up and cluster not in deployment.cloud.new_clusters):
        return None
    return str(deployment.cloud.invoke("getCluster", {"name": cluster})["identities"][0]["oidcs"][0]["issuer"])
