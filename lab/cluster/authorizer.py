"""EKS access policies as Kubernetes authorization: the answer to a SubjectAccessReview.

The API server asks after RBAC had no opinion. Access policies only allow, so the other answer is no opinion, never a
denial.

**Who asks** is taken from what the authenticator alone can write: `user.extra.principalId`, the unique id of the IAM
user or role, and the uid that repeats it. Names are not looked at: a username or group is anybody's to choose.
Impersonation cannot forge the id either: the API server writes the keys of impersonated extras in lower case
(`principalid`), so an impersonated user has no access policies, whoever it pretends to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lab.cluster.access_policies import ACCESS_POLICIES
from lab.interfaces import AccessEntry, AssociatedAccessPolicy, AuthenticationMode, ClusterIdentity

UID_PREFIX = "aws-iam-authenticator:"
"""How the uid of everybody begins whom the authenticator let in: `aws-iam-authenticator:<account>:<unique id>`."""


def review(subject_access_review: Mapping[str, Any], identity: ClusterIdentity) -> dict[str, Any]:
    """The review with its answer, by the access policies of the caller's access entry."""
    spec = subject_access_review["spec"]
    entry = _entry_of(spec, identity)
    policy = None if entry is None else next(_allowing(entry.policies, spec), None)
    if entry is None or policy is None:
        status = {"allowed": False, "reason": ""}
    else:
        scope = f"in namespaces {', '.join(policy.namespaces)}" if policy.namespaces else "in the cluster"
        reason = f"EKS access policy: allowed by {policy.policy_arn} of {entry.principal.arn} {scope}"
        status = {"allowed": True, "reason": reason}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": status}


def _entry_of(spec: Mapping[str, Any], identity: ClusterIdentity) -> AccessEntry | None:
    if identity.authentication_mode is AuthenticationMode.CONFIG_MAP:
        return None
    unique_ids = (spec.get("extra") or {}).get("principalId", ())
    if len(unique_ids) != 1 or not (spec.get("uid") or "").startswith(UID_PREFIX):
        return None
    unique_id = unique_ids[0]
    if spec["uid"].removeprefix(UID_PREFIX).partition(":")[2] != unique_id:
        return None
    return next((entry for entry in identity.access_entries if entry.principal.unique_id == unique_id), None)


def _allowing(policies: Iterable[AssociatedAccessPolicy], spec: Mapping[str, Any]) -> Iterator[AssociatedAccessPolicy]:
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
    """EKS's namespace patterns know one wildcard, `*`."""
    if not policy.namespaces:
        return True
    patterns = (".*".join(map(re.escape, pattern.split("*"))) for pattern in policy.namespaces)
    return bool(namespace) and any(re.fullmatch(pattern, namespace) for pattern in patterns)
