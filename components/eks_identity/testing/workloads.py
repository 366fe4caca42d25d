"""From a service account to what its pods may do in AWS: association or annotation, trust policy, permission policies.

One sentence a link. Where the chain breaks, the last sentence says where, and what there is instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eks_identity.evaluation.iam_policies import UnclearError
from eks_identity.model.annotations import AUDIENCE, ROLE_ARN
from eks_identity.model.subjects import Subject
from eks_identity.model.trust import POD_IDENTITY_SERVICE
from eks_identity.testing import iam_roles
from eks_identity.testing.deployment import Declared, Deployment, is_in, only_cluster
from eks_identity.testing.verdict import Answer, Verdict

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
SERVICE_ACCOUNTS = ("kubernetes:core/v1:ServiceAccount", "kubernetes:core/v1:ServiceAccountPatch")


@dataclass(frozen=True)
class _Session:
    """How the pods come by a role."""

    link: str
    role_arn: str
    principal: tuple[str, str]
    """Kind and value of the trust policy's `Principal`."""
    actions: tuple[str, ...]
    context: Mapping[str, str]
    """Condition keys of the call that gives the session."""
    tags: Mapping[str, str]
    """Condition keys that the session has from then on."""
    target_role_arn: str | None = None
    target_context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys of the call that gives the target role's session."""


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
    """The answer for the pods of one service account and one action."""
    subject = Subject.of(namespace, service_account)
    cluster = only_cluster(_clusters(deployment), cluster)
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
        answer, said = iam_roles.permits(deployment, role, action, resource, {**tags, **context})
        links.append(said)
    except UnclearError as unclear:
        links.append(f"not known: {unclear}")
        answer = Answer.UNKNOWN
    return Verdict(question, answer, tuple(links))


def _role(deployment: Deployment, session: _Session, links: list[str]) -> tuple[Declared | None, Mapping[str, str]]:
    """The role whose policies count in the end, and what its session says; None where a link is broken."""
    role = iam_roles.find(deployment, session.role_arn)
    refusal = iam_roles.distrust(role, session.principal, session.actions, session.context)
    if refusal is None and session.target_role_arn is not None:
        links.append(f"role {role.state['name']} trusts it")
        answer, said = iam_roles.permits(deployment, role, "sts:AssumeRole", session.target_role_arn, session.tags)
        links.append(said)
        if answer is Answer.UNKNOWN:
            raise UnclearError(f"whether {session.role_arn} may take on {session.target_role_arn}")
        if answer is Answer.NO:
            return None, {}
        role = iam_roles.find(deployment, session.target_role_arn)
        refusal = iam_roles.distrust(role, ("AWS", session.role_arn), ("sts:AssumeRole",), session.target_context)
    if refusal is not None:
        links.append(f"broken: {refusal}")
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
        given = association.inputs
        same = (given["namespace"], given["serviceAccount"]) == (namespace, service_account)
        if same and is_in(cluster, given["clusterName"]):
            name = given["clusterName"]
            tags = {
                "eks-cluster-arn": deployment.cloud.cluster(name)["arn"],
                "eks-cluster-name": name,
                "kubernetes-namespace": namespace,
                "kubernetes-service-account": service_account,
            }
            if given.get("disableSessionTags"):
                tags = {}
            tag_keys = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
            cluster_arn = deployment.cloud.cluster(name)["arn"]
            source = {"aws:SourceArn": cluster_arn, "aws:SourceAccount": cluster_arn.split(":")[4]}
            return _Session(
                f"Pod Identity association of {namespace}/{service_account} with {given['roleArn']}",
                given["roleArn"],
                ("Service", POD_IDENTITY_SERVICE),
                ("sts:AssumeRole", "sts:TagSession"),
                {**tag_keys, **source},
                {f"aws:PrincipalTag/{key}": value for key, value in tags.items()},
                given.get("targetRoleArn"),
                {**tag_keys, **_external_id(association), "aws:PrincipalArn": given["roleArn"]},
            )
    return None


def _external_id(association: Declared) -> dict[str, str]:
    """What EKS says to the target role's trust policy, once it has made the association."""
    known = association.state.get("externalId")
    return {"sts:ExternalId": known} if known else {}


def _by_annotation(
    deployment: Deployment, subject: Subject, namespace: str, service_account: str, cluster: str | None
) -> _Session | str:
    found = _service_account(deployment, namespace, service_account, cluster)
    if found is None:
        return f"broken: no service account {namespace}/{service_account} is declared, and no association of one"
    annotations = (found.inputs.get("metadata") or {}).get("annotations") or {}
    if ROLE_ARN not in annotations:
        return f"broken: the service account has no annotation {ROLE_ARN}, and there is no association of it"
    arn = annotations[ROLE_ARN]
    audience = annotations.get(AUDIENCE, deployment.cloud.partition.sts_audience)
    role = iam_roles.find(deployment, arn)
    provider = iam_roles.trusted_provider(role, _issuer(deployment, cluster))
    if provider is None:
        return f"broken: role {role.state['name']} trusts no OIDC provider of the cluster's issuer"
    host = provider.partition(":oidc-provider/")[2]
    return _Session(
        f"service account {namespace}/{service_account} is annotated with {arn}",
        arn,
        ("Federated", provider),
        ("sts:AssumeRoleWithWebIdentity",),
        {f"{host}:sub": str(subject), f"{host}:aud": audience, "aws:FederatedProvider": provider},
        {},
    )


def _service_account(deployment: Deployment, namespace: str, name: str, cluster: str | None) -> Declared | None:
    for account in deployment.of(*SERVICE_ACCOUNTS):
        metadata = account.inputs.get("metadata") or {}
        same = (metadata.get("namespace") or "default", metadata.get("name")) == (namespace, name)
        if same and is_in(cluster, deployment.cluster_of(account)):
            return account
    return None


def _issuer(deployment: Deployment, cluster: str | None) -> str | None:
    """The issuer of a cluster that the program makes or looks up; one that is written out says its own elsewhere."""
    looked_up = {call.args.get("name") for call in deployment.cloud.calls if call.token.endswith(":getCluster")}
    if cluster is None or (cluster not in looked_up and cluster not in deployment.cloud.clusters_made):
        return None
    return str(deployment.cloud.answer("getCluster", {"name": cluster})["identities"][0]["oidcs"][0]["issuer"])
