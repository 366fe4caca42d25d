"""Faults of the role annotation: missing, misspelt, on the pod, malformed, of another role, with another audience."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, FindingKind, Link
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.kubernetes_objects import Pod, ServiceAccount
from eks_access.questions.chain import read_or
from eks_access.questions.workloads import sts_calls
from eks_access.questions.workloads.missing_identity import no_identity
from eks_access.questions.workloads.providers import provider_arn
from eks_access.questions.workloads.roles import existing_role, intended_roles, trust_policy
from eks_access.questions.workloads.workload import Identity, Method, Workload, is_role
from eks_identity.errors import InvalidInput
from eks_identity.model import arns
from eks_identity.model.annotations import AUDIENCE, ROLE_ARN

_SIMILAR = 0.75


def missing_annotation(name: str, workload: Workload, account: ServiceAccount) -> Link:
    """Return the link of a service account without the annotation."""
    misspelt = next(_misspelt(account), None)
    if misspelt is not None:
        key, value = misspelt
        fix = workload.annotate(f"{ROLE_ARN}={value}", f"{key}-")
        should = f"annotation {ROLE_ARN}={value}{workload.needs_recreation}"
        return Link.broken(name, Finding(kinds.ANNOTATION_KEY, workload.name, f"annotation {key}={value}", should, fix))
    pod = read_or(lambda: next(_annotated_pods(workload), None), None)
    if pod is not None:
        value = pod.annotations[ROLE_ARN]
        says = f"annotation {ROLE_ARN}={value} of pod {pod}"
        should = f"the same annotation of {workload.name}{workload.needs_recreation}"
        fix = workload.annotate(f"{ROLE_ARN}={value}")
        return Link.broken(name, Finding(kinds.ANNOTATION_ON_POD, f"pod {pod}", says, should, fix))
    workload.require_associations_read()
    return Link.broken(name, no_identity(workload))


def value_link(name: str, workload: Workload, value: str) -> Link:
    """Return whether the value of the annotation is the ARN of a role, which exists as far as the graph tells."""
    try:
        arns.role_arn(value)
        rule = ""
    except InvalidInput as error:
        rule = error.problems[0].rule
    if rule:
        return _wrong_value(name, workload, value, kinds.ANNOTATION_MALFORMED, f"{value!r} {rule}")
    if read_or(lambda: workload.graph.principals.get(value) is None, default=False) and intended_roles(workload, value):
        return _wrong_value(name, workload, value, kinds.ANNOTATION_OTHER_ROLE, f"{value}, which does not exist")
    audience = read_or(lambda: _expected_audience(workload, Identity(Method.IRSA, value)), "")
    if audience:
        return _wrong_audience(name, workload, audience)
    return Link.holds(name, value)


def _wrong_value(name: str, workload: Workload, value: str, kind: FindingKind, says: str) -> Link:
    is_padded = kind is kinds.ANNOTATION_MALFORMED and is_role(value.strip())
    roles = [value.strip()] if is_padded else intended_roles(workload, value)
    if not roles:
        finding = no_identity(workload)
        return Link.broken(name, Finding(kind, workload.name, says, finding.should_say, finding.fix))
    fix = workload.annotate(f"{ROLE_ARN}={roles[0]}")
    return Link.broken(name, Finding(kind, workload.name, says, f"{roles[0]}{workload.needs_recreation}", fix))


def _wrong_audience(name: str, workload: Workload, audience: str) -> Link:
    is_default = audience == workload.partition.sts_audience
    fix = workload.annotate(f"{AUDIENCE}-" if is_default else f"{AUDIENCE}={audience}")
    says = f"tokens for the audience {workload.audience()}"
    should = f"{audience}, as the trust policy and the OIDC provider{workload.needs_recreation}"
    return Link.broken(name, Finding(kinds.ANNOTATION_AUDIENCE, workload.name, says, should, fix))


def _expected_audience(workload: Workload, identity: Identity) -> str:
    """Return the audience that the role and the provider agree on, if the annotation is the one that differs."""
    trust = trust_policy(existing_role(workload.graph, identity.role_arn))
    provider = workload.graph.oidc_providers.get(provider_arn(workload, identity))
    audience = workload.audience()
    if provider is None or sts_calls.irsa_call(workload, identity).is_allowed(trust):
        return ""
    others = [each for each in provider.audiences if each != audience]
    allowed = (each for each in others if sts_calls.irsa_call(workload, identity, audience=each).is_allowed(trust))
    return next(allowed, "")


def _misspelt(account: ServiceAccount) -> Iterator[tuple[str, str]]:
    """Yield annotations that were meant to be the role's: by a similar key, or by a role's ARN as the value."""
    for key, value in account.annotations.items():
        if isinstance(value, Unknown) or key == AUDIENCE:
            continue
        is_similar = SequenceMatcher(None, key.lower(), ROLE_ARN).ratio() >= _SIMILAR
        if is_role(value.strip()) and (is_similar or "role" in key.lower() or "arn" in key.lower()):
            yield key, value.strip()


def _annotated_pods(workload: Workload) -> Iterator[Pod]:
    pods = [workload.pod] if workload.pod is not None else list(workload.graph.pods.all().values())
    for pod in pods:
        if (pod.namespace, pod.service_account) == workload.key and is_role(pod.annotations.get(ROLE_ARN, "")):
            yield pod
