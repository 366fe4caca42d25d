"""EKS access policies as a Kubernetes authorization webhook: responses to SubjectAccessReviews.

The API server calls the webhook if RBAC has no opinion. Access policies only allow, so the webhook returns "allowed" or
no opinion, never a denial.

The **caller** is identified by values that only the authenticator can set: `user.extra.principalId`, the unique id of
the IAM user or role, and the uid, which repeats it. Usernames and groups are ignored, because any access entry can
choose them. Impersonation cannot forge the id: the API server writes the keys of impersonated extras in lower case
(`principalid`), so an impersonated user has no access policies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lab.cluster.access_policies import ACCESS_POLICIES
from lab.interfaces import AccessEntry, AssociatedAccessPolicy, AuthenticationMode, ClusterIdentity

UID_PREFIX = "aws-iam-authenticator:"
"""Prefix of the uid of every user that IAM authenticated: `aws-iam-authenticator:<account>:<unique id>`."""


def review(subject_access_review: Mapping[str, Any], identity: ClusterIdentity) -> dict[str, Any]:
    """Return the review with its response, evaluated from the access policies of the caller's access entry."""
    spec = subject_access_review["spec"]
    entry = _find_entry(spec, identity)
    policy = None if entry is None else next(_allowing_policies(entry.policies, spec), None)
    if entry is None or policy is None:
        status = {"allowed": False, "reason": ""}
    else:
        scope = f"in namespaces {', '.join(policy.namespaces)}" if policy.namespaces else "in the cluster"
        reason = f"EKS access policy: allowed by {policy.policy_arn} of {entry.principal.arn} {scope}"
        status = {"allowed": True, "reason": reason}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": status}


def _find_entry(spec: Mapping[str, Any], identity: ClusterIdentity) -> AccessEntry | None:
    if identity.authentication_mode is AuthenticationMode.CONFIG_MAP:
        return None
    unique_ids = (spec.get("extra") or {}).get("principalId", ())
    if len(unique_ids) != 1 or not (spec.get("uid") or "").startswith(UID_PREFIX):
        return None
    unique_id = unique_ids[0]
    if spec["uid"].removeprefix(UID_PREFIX).partition(":")[2] != unique_id:
        return None
    return next((entry for entry in identity.access_entries if entry.principal.unique_id == unique_id), None)


def _allowing_policies(
    policies: Iterable[AssociatedAccessPolicy], spec: Mapping[str, Any]
) -> Iterator[AssociatedAccessPolicy]:
    for policy in policies:
        rules = ACCESS_POLICIES.get(policy.policy_arn.rpartition("/")[2], ())
        resource, url = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if resource and _in_scope(policy, resource.get("namespace", "")):
            name = "/".join(filter(None, (resource.get("resource", ""), resource.get("subresource", ""))))
            if any(rule.allows(resource.get("group", ""), name, resource.get("verb", "")) for rule in rules):
                yield policy
        if url and not policy.namespaces and any(rule.allows_url(url.get("verb", "")) for rule in rules):
            yield policy


def _in_scope(policy: AssociatedAccessPolicy, namespace: str) -> bool:
    """Tell whether `namespace` matches the policy's scope; `*` is the only wildcard of EKS's namespace patterns."""
    if not policy.namespaces:
        return True
    patterns = (".*".join(map(re.escape, pattern.split("*"))) for pattern in policy.namespaces)
    return bool(namespace) and any(re.fullmatch(pattern, namespace) for pattern in patterns)
