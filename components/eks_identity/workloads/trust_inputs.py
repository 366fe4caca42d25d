"""The input `trust_conditions`: checked at once as far as it is plain, and whole where the trust policy is written."""

from collections.abc import Sequence
from typing import Any

from eks_identity.evaluation import trust_conditions
from eks_identity.evaluation.trust_conditions import Assumed, Call
from eks_identity.model import arns
from eks_identity.model.issuers import Provider
from eks_identity.model.session_tags import TAGS
from eks_identity.model.statements import Conditions
from eks_identity.model.subjects import Subject
from eks_identity.model.trust import POD_IDENTITY_SERVICE
from eks_identity.runtime.inputs import Inputs
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.session_tags import plain


def check_trust_conditions(inputs: Inputs, settings: RoleSettings, calls: Sequence[Call]) -> list[Any]:
    """`trust_conditions`, whose keys and operators have been checked against the calls that assume the role."""
    given = settings.get("trust_conditions", [])
    inputs.problems.parse("", trust_conditions.parse, plain(given), [Assumed(call) for call in calls])
    return list(given)


def written(given: Sequence[Any], calls: Sequence[Assumed]) -> Conditions:
    """The `Condition` of trust policies, once everything is known."""
    return trust_conditions.parse(given, calls) if given else {}


def by_association(cluster_arn: str, subjects: Sequence[Sequence[str]], call: Call) -> list[Assumed]:
    """The calls of EKS for the associations of these service accounts in a cluster."""
    arn = arns.Arn.parse(cluster_arn)
    service: dict[str, str | Sequence[str]] = {
        "aws:SourceArn": cluster_arn,
        "aws:SourceAccount": arn.account,
        "aws:PrincipalServiceName": POD_IDENTITY_SERVICE,
        "aws:PrincipalIsAWSService": "true",
    }
    found = []
    for namespace, account in subjects or [("", "")]:
        tags = {"eks-cluster-arn": cluster_arn, "eks-cluster-name": arn.resource.removeprefix("cluster/")}
        if account:
            tags |= {"kubernetes-namespace": namespace, "kubernetes-service-account": account}
        tagged = {"aws:TagKeys": TAGS, **{f"aws:RequestTag/{key}": value for key, value in tags.items()}}
        context = {**service, **{key: value for key, value in tagged.items() if call.has(key)}}
        who = f"an association of {namespace}/{account}" if account else "EKS"
        found.append(Assumed(call, who, context, POD_IDENTITY_SERVICE))
    return found


def by_token(provider: Provider, subject: Subject | None = None) -> Assumed:
    """The call of a pod with a token of a cluster."""
    context = {"aws:FederatedProvider": provider.arn} | ({provider.issuer.sub: str(subject)} if subject else {})
    who = f"a pod of {subject.namespace}/{subject.service_account} by IRSA" if subject else "a pod"
    return Assumed(trust_conditions.IRSA, who, context, f":oidc-provider/{provider.issuer.host_and_path}")
