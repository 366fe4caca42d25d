"""Rules on trust policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.questions.policies.violations import (
    Found,
    RuleContext,
    Undecided,
    Violation,
    role_subject,
    unknown_objects,
)
from eks_identity.evaluation.iam import Condition, Policy, Statement, matches
from eks_identity.model.statements import is_negated

_OIDC_PROVIDER = ":oidc-provider/"
_WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
_ASSUME_ROLE = "sts:AssumeRole"
_SERVICE_ACCOUNT = "system:serviceaccount:"
_SUBJECTS = (_SERVICE_ACCOUNT, "repo:", "project_path:")
"""The beginning of the subjects of service accounts, of GitHub's jobs and of GitLab's jobs."""
_REFS_OF_ONE_PROJECT = re.compile(
    r"repo:[^/:*?]+/[^/:*?]+:ref:refs/(heads|tags)/.*|project_path:[^/:*?]+(/[^/:*?]+)+:ref_type:(branch|tag):ref:.*"
)
"""Subjects with wildcards, if any, in the name of a branch or tag only."""
_WILDCARDS = frozenset("*?")
POD_IDENTITY = "pods.eks.amazonaws.com"


@dataclass(frozen=True)
class TrustedProvider:
    """An OIDC provider that a statement of a role's trust policy trusts."""

    role: IamPrincipal
    statement: Statement
    issuer: str
    """Without `https://`."""

    @property
    def subject(self) -> str:
        return role_subject(self.role.arn)

    def conditions_on(self, claim: str) -> list[Condition]:
        """Return the conditions that restrict a claim of the token."""
        key = f"{self.issuer}:{claim}".lower()
        return [each for each in self.statement.conditions if each.key.lower() == key and _restricts(each)]


def trusted_providers(context: RuleContext) -> Iterator[TrustedProvider | Undecided]:
    """Yield the OIDC providers that roles trust."""
    for role, statement in _statements(context):
        if isinstance(statement, Undecided):
            yield statement
        elif _allows(statement, _WEB_IDENTITY):
            for arn in (statement.principals or {}).get("Federated", ()):
                if _OIDC_PROVIDER in arn:
                    yield TrustedProvider(role, statement, arn.partition(_OIDC_PROVIDER)[2])
    yield from unknown_objects(context.graph.principals)


def any_principal(context: RuleContext) -> Found:
    """Yield roles that every AWS principal can assume."""
    for role, statement in _statements(context):
        if isinstance(statement, Undecided):
            yield statement
        elif not statement.conditions and _allows(statement, _ASSUME_ROLE):
            if "*" in (statement.principals or {}).get("AWS", ()):
                yield Violation(role_subject(role.arn), "Principal *")
            elif statement.not_principals:
                yield Violation(role_subject(role.arn), "NotPrincipal, which trusts everybody else")


def no_condition(context: RuleContext) -> Found:
    """Yield providers that are trusted without a condition."""
    for provider in trusted_providers(context):
        if isinstance(provider, Undecided):
            yield provider
        elif not provider.statement.conditions:
            yield Violation(provider.subject, f"trusts every token of {provider.issuer}")


def subject_missing(context: RuleContext) -> Found:
    """Yield trusts with conditions, and none on the subject."""
    return _claim_missing(context, "sub")


def audience_missing(context: RuleContext) -> Found:
    """Yield trusts with conditions, and none on the audience."""
    return _claim_missing(context, "aud")


def _claim_missing(context: RuleContext, claim: str) -> Found:
    for provider in trusted_providers(context):
        if isinstance(provider, Undecided):
            yield provider
        elif provider.statement.conditions and not provider.conditions_on(claim):
            yield Violation(provider.subject, f"no condition on {provider.issuer}:{claim}")


def subject_wildcard(context: RuleContext) -> Found:
    """Yield trusts by a pattern that may match several service accounts, or jobs of more than one project's refs.

    - Service accounts: every wildcard counts, also one in a name. The right to create service accounts decides what
      matches.
    - Jobs of GitHub and GitLab: a wildcard for branches or tags of one project is accepted, since only those who may
      write to the project create refs, and GitLab has no other subject for merge requests. `repo:OWNER/NAME:*` also
      matches pull requests. So does `repo:OWNER/NAME:environment:*`: a job that names an environment has this subject
      on a pull request too, and GitHub creates an environment that does not exist, without protection rules.
    - Patterns of other services are accepted: their form is unknown.
    """
    for provider in trusted_providers(context):
        if isinstance(provider, Undecided):
            yield provider
            continue
        for condition in provider.conditions_on("sub"):
            if "like" in condition.operator.lower():
                for value in condition.values:
                    if _WILDCARDS & set(value) and _is_too_wide(value):
                        yield Violation(provider.subject, f"{condition.key} {value}")


def workload_trust(role: IamPrincipal) -> bool | Undecided:
    """Return whether pods assume a role: by a token of their service account, or by EKS Pod Identity."""
    if isinstance(role.trust_policy, Unknown):
        return Undecided(role_subject(role.arn), role.trust_policy.reason)
    statements = Policy.parse(role.trust_policy or {}).statements
    return any(_is_of_workload(statement) for statement in statements if statement.effect == "Allow")


def _is_of_workload(statement: Statement) -> bool:
    principals = statement.principals or {}
    if POD_IDENTITY in principals.get("Service", ()):
        return True
    federated = [arn for arn in principals.get("Federated", ()) if _OIDC_PROVIDER in arn]
    subjects = [value for each in statement.conditions if each.key.lower().endswith(":sub") for value in each.values]
    return any(f"{_OIDC_PROVIDER}oidc.eks" in arn for arn in federated) or (
        bool(federated) and any(map(_may_be_service_account, subjects))
    )


def _statements(context: RuleContext) -> Iterator[tuple[IamPrincipal, Statement | Undecided]]:
    """Yield the Allow statements of each role's trust policy."""
    for role in context.graph.principals.all().values():
        if isinstance(role.trust_policy, Unknown):
            yield role, Undecided(role_subject(role.arn), role.trust_policy.reason)
            continue
        for statement in Policy.parse(role.trust_policy or {}, "trust policy").statements:
            if statement.effect != "Allow":
                continue
            unclear = "; ".join(statement.problems)
            yield role, Undecided(role_subject(role.arn), unclear) if unclear else statement


def _allows(statement: Statement, action: str) -> bool:
    return any(matches(pattern, action, ignore_case=True) for pattern in statement.actions or ())


def _restricts(condition: Condition) -> bool:
    return not is_negated(condition.operator) and condition.operator.lower() != "null"


def _is_too_wide(pattern: str) -> bool:
    may_match = any(_may_begin_with(pattern, prefix) for prefix in _SUBJECTS)
    return may_match and not _REFS_OF_ONE_PROJECT.fullmatch(pattern)


def _may_be_service_account(pattern: str) -> bool:
    return _may_begin_with(pattern, _SERVICE_ACCOUNT)


def _may_begin_with(pattern: str, prefix: str) -> bool:
    """Return whether a pattern may match a subject with this prefix."""
    start = pattern.partition("*")[0].partition("?")[0]
    return start.startswith(prefix) or prefix.startswith(start)
