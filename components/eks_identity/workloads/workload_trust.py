"""How pods of a workload identity get its role: the trust policy, and the session tags that they then have."""

from functools import partial
from typing import Any

import pulumi

from eks_identity.evaluation import trust_conditions
from eks_identity.evaluation.trust_conditions import Assumed
from eks_identity.model import trust
from eks_identity.model.issuers import Provider
from eks_identity.model.session_tags import Session
from eks_identity.model.statements import Conditions
from eks_identity.model.subjects import Subject
from eks_identity.runtime.inputs import Inputs
from eks_identity.workloads import program_roles, workload_rules
from eks_identity.workloads.session_tags import DISABLED, OF_IRSA, OLD_PODS, SESSION_POLICY, USE_POD_IDENTITY, TagCheck
from eks_identity.workloads.trust_inputs import by_association, by_token, check_trust_conditions, written
from eks_identity.workloads.workload_args import WorkloadIdentityArgs
from eks_identity.workloads.workload_rules import IRSA, POD_IDENTITY


def without_tags(mode: str | None, args: WorkloadIdentityArgs) -> dict[str, str]:
    """Why the pods' sessions have no session tags, and what gives them theirs; empty where they have them."""
    if mode == IRSA:
        return {"untagged": OF_IRSA, "fix": USE_POD_IDENTITY}
    if args.get("disable_session_tags", False):
        return {"untagged": DISABLED, "fix": "" if "session_policy" in args else "remove disable_session_tags"}
    return {}


def sessions(inputs: Inputs, mode: str | None, args: WorkloadIdentityArgs) -> TagCheck:
    """The check of policies against the tags that the pods' sessions have; checks the inputs that need no role."""
    check_trust_conditions(inputs, args, calls(mode, args))
    policy = args.get("session_policy")
    if isinstance(policy, str):
        inputs.problems.parse("session_policy", sessions_with_policy(inputs.subject, args).document, policy)
    tags = args.get("tags", {})
    without = without_tags(mode, args)
    if without:
        return TagCheck(inputs.subject, Session(**without, role_tags=tags))
    also = Session(OLD_PODS, role_tags=tags) if "oidc_provider_arn" in args else None
    return TagCheck(inputs.subject, Session(role_tags=tags), also)


def sessions_with_policy(subject: str, args: WorkloadIdentityArgs) -> TagCheck:
    """The check of a session policy, whose sessions have the tags of the role that the pods get, and no others."""
    is_created = "role_arn" not in args and "target_role_arn" not in args
    return TagCheck(subject, Session(SESSION_POLICY, role_tags=args.get("tags", {}) if is_created else None))


def ways(mode: str | None, args: WorkloadIdentityArgs) -> tuple[bool, bool, bool]:
    """Whether the role that is created here trusts IRSA, Pod Identity, and compares the session tags of the latter."""
    by_pod_identity = mode == POD_IDENTITY or args.get("keep_pod_identity", False)
    tagged = args.get("match_session_tags", mode == IRSA) and not args.get("disable_session_tags", False)
    return "oidc_provider_arn" in args, by_pod_identity, tagged


def calls(mode: str | None, args: WorkloadIdentityArgs) -> list[trust_conditions.Call]:
    """How the role that is created here is assumed."""
    by_irsa, by_pod_identity, _ = ways(mode, args)
    untagged = args.get("disable_session_tags", False)
    by_association = trust_conditions.UNTAGGED_POD_IDENTITY if untagged else trust_conditions.POD_IDENTITY
    return [trust_conditions.IRSA] * by_irsa + [by_association] * by_pod_identity


def trust_policy(mode: str, args: WorkloadIdentityArgs, known: dict[str, Any]) -> str:
    """The trust policy of the role that is created here, as JSON."""
    by_irsa, by_pod_identity, tagged = ways(mode, args)
    statements: list[dict[str, Any]] = []
    subjects = [Subject.of(*pair) for pair in known.get("subjects", [])]
    size_limit = int(known["size_limit"])
    provider = workload_rules.trusted_provider(known, POD_IDENTITY if by_pod_identity else IRSA) if by_irsa else None
    conditions = _conditions(mode, args, known, provider)
    if provider is not None:
        statements += trust.irsa_trust(
            [provider], subjects, audience=known["audience"], size_limit=size_limit, conditions=conditions
        )["Statement"]
    if by_pod_identity:
        limited = ([known["cluster_arn"]], subjects) if tagged else ((), ())
        statements += trust.pod_identity_trust(*limited, conditions=conditions)["Statement"]
    policy = trust.document(statements)
    return trust.compact(trust.require_room(policy, size_limit, f"{len(subjects)} service accounts"))


def calls_of_existing(mode: str, known: dict[str, Any], *, untagged: bool) -> list[Assumed]:
    """How pods assume a role that another component creates."""
    if mode == POD_IDENTITY:
        call = trust_conditions.UNTAGGED_POD_IDENTITY if untagged else trust_conditions.POD_IDENTITY
        return by_association(known["arn"], known["subjects"], call)
    return [by_token(workload_rules.provider_of(known), Subject.of(*pair)) for pair in known["subjects"]]


def check_role_of_program(
    inputs: Inputs, cluster: Any, mode: str, subjects: Any, role_arn: pulumi.Input[str], **without: str
) -> None:
    """Reject a `role_arn` of the same program that the pods of `subjects` could not assume, or not use.

    `without`: why their sessions have no session tags, as `untagged`, and the `fix`.
    """
    given = {field: cluster[field] for field in ("arn", "issuer", "partition", "account_id")} | {"subjects": subjects}
    calls = partial(calls_of_existing, mode, untagged="untagged" in without)
    called = inputs.once_known(given, calls)
    untagged, fix = without.get("untagged", ""), without.get("fix", "")
    program_roles.check(inputs, "role_arn", role_arn, calls=called, untagged=untagged, fix=fix)


def check_roles_of_program(inputs: Inputs, mode: str, args: WorkloadIdentityArgs, subjects: Any) -> None:
    """Reject `role_arn` and `target_role_arn` of the same program where the pods could not use them."""
    without = without_tags(mode, args)
    if "role_arn" in args:
        check_role_of_program(inputs, args["cluster"], mode, subjects, args["role_arn"], **without)
    if "target_role_arn" in args:
        untagged, fix = without.get("untagged", ""), without.get("fix", "")
        program_roles.check(inputs, "target_role_arn", args["target_role_arn"], untagged=untagged, fix=fix)


def _conditions(mode: str, args: WorkloadIdentityArgs, known: dict[str, Any], provider: Provider | None) -> Conditions:
    if "conditions" not in known:
        return {}
    found = []
    for call in calls(mode, args):
        if call is not trust_conditions.IRSA:
            found += by_association(known["cluster_arn"], known["subjects"], call)
        elif provider is not None:
            found.append(by_token(provider))
    return written(known["conditions"], found)
