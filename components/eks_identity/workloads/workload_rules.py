"""What of a workload identity goes together, seen in the args alone or in a few values once they are known."""

from collections.abc import Sequence
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import connections
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Provider
from eks_identity.runtime import diagnostics, program_state
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.workload_args import WorkloadIdentityArgs

IRSA = "irsa"
POD_IDENTITY = "pod-identity"
CREATE = "create"
ADOPT = "adopt"
NONE = "none"

_WEBHOOK_ONLY = ("audience", "token_expiration", "sts_regional_endpoints")
_POD_IDENTITY_ONLY = ("target_role_arn", "session_policy", "disable_session_tags", "match_session_tags")


def mode(text: str) -> str:
    """`irsa` or `pod-identity`."""
    if text not in {IRSA, POD_IDENTITY}:
        raise InvalidInput([Problem("", f"{IRSA} or {POD_IDENTITY}", text, f"write {IRSA}")])
    return text


def management(text: str) -> str:
    """`create`, `adopt` or `none`."""
    if text not in {CREATE, ADOPT, NONE}:
        raise InvalidInput([Problem("", f"{CREATE}, {ADOPT} or {NONE}", text, f"write {CREATE}")])
    return text


def contradictions(mode: str | None, management: str | None, args: WorkloadIdentityArgs) -> list[Problem]:
    """What would do nothing, or the opposite of what another input says."""
    problems: list[Problem] = []
    if mode == IRSA:
        problems += _of_irsa(args)
    if mode == POD_IDENTITY:
        problems += _of_pod_identity(args)
    if "role_arn" in args:
        problems += _of_a_role_made_elsewhere(mode, args)
    if management == NONE:
        rule = "service_account_management none leaves service accounts alone"
        fields = ("token_expiration", "sts_regional_endpoints", "annotations", "labels")
        problems += [_out(field, rule, args) for field in fields if field in args]
    return problems


def _of_irsa(args: WorkloadIdentityArgs) -> list[Problem]:
    problems = []
    if "oidc_provider_arn" not in args and "role_arn" not in args:
        rule = "IRSA needs the account's OIDC provider for the cluster's issuer"
        fix = "pass OidcProvider.arn, or use mode pod-identity"
        problems.append(Problem("oidc_provider_arn", rule, None, fix))
    kept = ("disable_session_tags", "match_session_tags") if args.get("keep_pod_identity") else ()
    rule = "only an association of Pod Identity has it; with IRSA it would do nothing"
    return problems + [_out(field, rule, args) for field in _POD_IDENTITY_ONLY if field in args and field not in kept]


def _of_pod_identity(args: WorkloadIdentityArgs) -> list[Problem]:
    problems = []
    if "oidc_provider_arn" not in args:
        rule = "only IRSA's webhook reads it; with Pod Identity it would do nothing"
        problems += [_out(field, rule, args) for field in _WEBHOOK_ONLY if field in args]
    untagged = args.get("disable_session_tags", False)
    if untagged and args.get("match_session_tags", False):
        rule = "without session tags there are none to match, and no pod would get the role (EKS)"
        problems.append(Problem("match_session_tags", rule, untagged, "take it out, or disable_session_tags"))
    if "session_policy" in args and not untagged:
        rule = "a session policy needs disable_session_tags: STS packs both into one limit (EKS)"
        problems.append(Problem("disable_session_tags", rule, untagged, "set it to True, or take session_policy out"))
    return problems


def _of_a_role_made_elsewhere(mode: str | None, args: WorkloadIdentityArgs) -> list[Problem]:
    rule = "role_arn names a role that is made elsewhere, and what it may do is said there"
    fields = [*RoleSettings.__annotations__, "match_session_tags", "keep_pod_identity"]
    if mode == POD_IDENTITY:
        fields.remove("tags")  # the associations have those
    return [_out(field, rule, args) for field in fields if field in args]


def _out(field: str, rule: str, args: WorkloadIdentityArgs) -> Problem:
    return Problem(field, rule, args.get(field), "take it out")


def repeated(subjects: Sequence[Sequence[Any]]) -> list[Problem]:
    """What there is to say of service accounts that are named twice; the first of them is `service_account`."""
    return [
        Problem(f"more_service_accounts[{index - 1}]", "each service account once", "/".join(one), "take it out")
        for index, one in enumerate(subjects)
        if one in subjects[:index]
    ]


def declared_once(who: str, mode: str, known: Sequence[Any]) -> None:
    """Refuses a second identity of a service account by the same mode, and warns of one by the other mode.

    `who` is the component that declares it, as messages call it.
    """
    arn, subjects = known
    for namespace, account in subjects:
        key, value = (arn, namespace, account), f"{namespace}/{account}"
        first = program_state.claim(who, mode, *key)
        if first != who:
            rule = f"a service account has one role by {mode} (one annotation, one association)"
            fix = f"take it out of {first} or of {who}"
            raise InvalidInput([Problem("service_account", rule, value, fix)])
        shadow = program_state.claimed_by(IRSA if mode == POD_IDENTITY else POD_IDENTITY, *key)
        if shadow is not None:
            diagnostics.warn(
                f"service account {value} of {arn} is wired twice, by {shadow} and {who}: new "
                f"pods get the role of {POD_IDENTITY}, and that of {IRSA} does nothing; to change from one to the "
                "other, change the mode of one declaration"
            )


def provider_of(cluster: dict[str, str]) -> Provider:
    """The OIDC provider of a cluster's issuer in the cluster's own account."""
    with Problems() as problems:
        found: list[Any] = [
            problems.parse(f"cluster.{field}", connections.CHECKS[field], cluster[field])
            for field in ("issuer", "partition", "account_id")
        ]
    return Provider(*found)


def trusted_provider(known: dict[str, Any], mode: str) -> Provider:
    """Who vouches for the cluster's tokens: `known["provider"]`, or the account's provider where that is not known.

    Refuses another issuer's; one of another account is fine for IRSA, since that is where the role is made then.
    """
    own = provider_of(known["cluster"])
    if known["provider"] is None:
        return own
    given = Provider.parse(known["provider"])
    if (given.issuer, given.partition) != (own.issuer, own.partition):
        rule = f"the provider of this cluster's issuer: {own.arn}, or that of another account"
        fix = "pass the OidcProvider of this cluster; a cluster that was made anew has another issuer"
        raise InvalidInput([Problem("oidc_provider_arn", rule, known["provider"], fix)])
    if given.account != own.account and mode == POD_IDENTITY:
        rule = f"the role of Pod Identity is in the cluster's account, {own.account} (EKS)"
        fix = "take it out, or pass that of the cluster's account; another account's role is target_role_arn"
        raise InvalidInput([Problem("oidc_provider_arn", rule, known["provider"], fix)])
    return given


def require_own_account(known: Sequence[str]) -> None:
    """Refuses a role of another account for Pod Identity."""
    role_arn, account = known
    if Arn.parse(role_arn).account != account:
        rule = f"the role of Pod Identity is in the cluster's account, {account} (EKS)"
        fix = "give a role of that account, such as a PodIdentityRole's, and this one as target_role_arn"
        raise InvalidInput([Problem("role_arn", rule, role_arn, fix)])
