"""Sessions of roles that pods get, and the condition keys of the STS calls that create them.

| call                             | action                          | keys                                          |
|----------------------------------|---------------------------------|-----------------------------------------------|
| IRSA                             | `sts:AssumeRoleWithWebIdentity` | `ISSUER:sub`, `ISSUER:aud`                    |
| Pod Identity                     | `sts:AssumeRole` and, with      | `aws:SourceArn`, `aws:SourceAccount`, and the |
|                                  | session tags, `sts:TagSession`  | session tags as `aws:RequestTag/…`            |
| the same for `target_role_arn`   | the same, by the first role     | `sts:ExternalId`, and the session tags, which |
|                                  |                                 | are transitive                                |

Source: EKS user guide, "IAM roles for service accounts", "Grant Pods access to AWS resources based on tags", and
"Access AWS resources using EKS Pod Identity target IAM roles".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eks_identity.evaluation.trust_conditions import CallType
from eks_identity.model.arns import account_of
from eks_identity.model.session_tags import TAGS
from eks_identity.model.subjects import Subject

Keys = dict[str, str]
"""Values by condition key."""


def irsa_keys(provider_arn: str, subject: Subject, audience: str) -> Keys:
    """Return the condition keys of the call with a token of a service account."""
    host = provider_arn.partition(":oidc-provider/")[2]
    return {f"{host}:sub": str(subject), f"{host}:aud": audience, "aws:FederatedProvider": provider_arn}


def pod_identity_tags(cluster_arn: str, namespace: str, service_account: str) -> dict[str, str]:
    """Return the session tags of Pod Identity that are equal for all pods of a service account."""
    name = cluster_arn.rpartition("/")[2]
    return dict(zip(TAGS, (cluster_arn, name, namespace, service_account), strict=False))


def pod_identity_keys(cluster_arn: str, tags: Mapping[str, str]) -> Keys:
    """Return the condition keys of the call in which EKS assumes the role of an association."""
    return {**request_tags(tags), "aws:SourceArn": cluster_arn, "aws:SourceAccount": account_of(cluster_arn)}


def chained_keys(role_arn: str, tags: Mapping[str, str], external_id: str | None = None) -> Keys:
    """Return the condition keys of the call in which the session of a role assumes another role.

    Source of `aws:PrincipalArn`: IAM user guide, "AWS global condition context keys".
    """
    keys = {**request_tags(tags), **principal_tags(tags), "aws:PrincipalArn": role_arn}
    keys["aws:PrincipalAccount"] = account_of(role_arn)
    return {**keys, "sts:ExternalId": external_id} if external_id else keys


def request_tags(tags: Mapping[str, str]) -> Keys:
    """Return session tags as condition keys of the request that creates the session."""
    return {f"aws:RequestTag/{key}": value for key, value in tags.items()}


def principal_tags(tags: Mapping[str, str]) -> Keys:
    """Return session tags as condition keys of the session's requests."""
    return {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}


def possible_keys(call: CallType) -> Iterable[str]:
    """Return patterns of the condition keys that can have a value in a call."""
    return tuple(f"{key}*" if key.endswith("/") else key for key in call.keys)
