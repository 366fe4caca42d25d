"""Parts of the trust policies of all roles: `trust_conditions`, and the calls by which pods assume a role."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pulumi

from eks_identity.clusters.connections import Connection
from eks_identity.evaluation import trust_conditions
from eks_identity.evaluation.trust_conditions import AssumeRoleCall, CallType
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Provider
from eks_identity.model.session_tags import TAGS
from eks_identity.model.statements import Conditions
from eks_identity.model.subjects import Subject
from eks_identity.model.trust import POD_IDENTITY_SERVICE
from eks_identity.runtime.inputs import INVALID, Inputs
from eks_identity.workloads.identity_modes import cluster_provider
from eks_identity.workloads.role_settings import ConditionArgs, RoleSettings
from eks_identity.workloads.session_tags import resolved_part


def read_trust_conditions(inputs: Inputs, settings: RoleSettings, calls: Sequence[CallType]) -> Sequence[ConditionArgs]:
    """Return `trust_conditions`, with keys and operators that fit the calls that assume the role; INVALID otherwise.

    Their values may be Outputs. `build_conditions` checks the values when the trust policy is built.
    """
    conditions = settings.get("trust_conditions", [])
    if not conditions:
        return []
    assumed = [AssumeRoleCall(call) for call in calls]
    checked: Any = inputs.parse("", resolved_part(conditions), partial(trust_conditions.parse, calls=assumed))
    return checked if checked is INVALID else conditions


def build_conditions(conditions: Sequence[ConditionArgs], calls: Sequence[AssumeRoleCall]) -> Conditions:
    """Return the `Condition` of a trust policy; raise `InvalidInput` for one that cannot hold in these calls."""
    return trust_conditions.parse(conditions, calls) if conditions else {}


def association_calls(cluster: Arn, subjects: Sequence[Subject], call: CallType) -> list[AssumeRoleCall]:
    """Return the calls of EKS for the associations of service accounts in a cluster; of any one if there are none."""
    service: dict[str, str | Sequence[str]] = {
        "aws:SourceArn": str(cluster),
        "aws:SourceAccount": cluster.account,
        "aws:PrincipalServiceName": POD_IDENTITY_SERVICE,
        "aws:PrincipalIsAWSService": "true",
    }
    tags = {"eks-cluster-arn": str(cluster), "eks-cluster-name": cluster.resource.removeprefix("cluster/")}
    if not subjects:
        return [AssumeRoleCall(call, "EKS", {**service, **_request_tags(tags, call)}, POD_IDENTITY_SERVICE)]
    calls = []
    for subject in subjects:
        own = {"kubernetes-namespace": subject.namespace, "kubernetes-service-account": subject.service_account}
        caller = f"an association of {subject.namespace}/{subject.service_account}"
        calls.append(AssumeRoleCall(call, caller, {**service, **_request_tags(tags | own, call)}, POD_IDENTITY_SERVICE))
    return calls


def _request_tags(tags: dict[str, str], call: CallType) -> dict[str, Any]:
    context = {"aws:TagKeys": TAGS, **{f"aws:RequestTag/{key}": value for key, value in tags.items()}}
    return {key: value for key, value in context.items() if call.has(key)}


def token_call(provider: Provider, subject: Subject | None = None) -> AssumeRoleCall:
    """Return the call of a pod with a token of a cluster; of any service account without a `subject`."""
    context = {"aws:FederatedProvider": provider.arn} | ({provider.issuer.sub: str(subject)} if subject else {})
    caller = f"a pod of {subject.namespace}/{subject.service_account} by IRSA" if subject else "a pod"
    return AssumeRoleCall(trust_conditions.IRSA, caller, context, f":oidc-provider/{provider.issuer.host_and_path}")


def parse_calls(
    inputs: Inputs, call: CallType, connection: Connection, subjects: Sequence[pulumi.Input[Subject]]
) -> pulumi.Input[Sequence[AssumeRoleCall]]:
    """Return the calls by which pods of service accounts in a cluster assume an existing role."""
    if call is trust_conditions.IRSA:
        own: list[pulumi.Input[Any]] = [connection.issuer, connection.partition, connection.account_id]
        return inputs.parse("", [*own, subjects], _token_calls)
    return inputs.parse("", [connection.arn, subjects], partial(_association_calls, call))


def _token_calls(resolved: Sequence[Any]) -> Sequence[AssumeRoleCall]:
    issuer, partition, account_id, subjects = resolved
    provider = cluster_provider(issuer, partition, account_id)
    return [token_call(provider, subject) for subject in subjects]


def _association_calls(call: CallType, resolved: Sequence[Any]) -> Sequence[AssumeRoleCall]:
    cluster, subjects = resolved
    return association_calls(cluster, subjects, call)
