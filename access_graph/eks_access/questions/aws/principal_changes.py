"""AWS changes of IAM users, roles, groups and managed policies between two graphs. A cluster need not use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Document, Unknown
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions.aws.aws_changes import AwsChanges, iam_name, issuer_of
from eks_access.questions.aws.effective_permissions import (
    EffectivePermissions,
    effective_permissions,
    permissions_in_words,
)
from eks_access.questions.aws.identity_policies import IdentityPolicies
from eks_access.questions.aws.permission_differences import common_unknowns, excess
from eks_access.questions.aws.trust_differences import trust_excess
from eks_access.questions.chain import resolved
from eks_access.questions.changes import Change, System
from eks_access.questions.cluster_subjects import SubjectKind
from eks_access.questions.workloads.role_policies import parse_policy


def principal_changes(before: AccessGraph, after: AccessGraph, arns: Iterable[str]) -> AwsChanges:
    """Return what users, roles, groups and managed policies gain and lose, and who may assume the roles."""
    comparison = _Comparison(before, after)
    for arn in sorted(arns):
        try:
            comparison.compare(arn)
        except NotReadError as error:
            comparison.result.not_evaluated.append(error.not_read)
    return comparison.result


class _Comparison:
    """The comparison of the principals and policies of two graphs."""

    def __init__(self, before: AccessGraph, after: AccessGraph) -> None:
        self._graphs = (before, after)
        self._policies = (IdentityPolicies(before), IdentityPolicies(after))
        self.result = AwsChanges()

    def compare(self, arn: str) -> None:
        """Add the change of a principal or policy. Raises `NotReadError`."""
        had, has = (_exists(graph, arn) for graph in self._graphs)
        earlier, later = self._permissions(arn)
        gained, lost = excess(later, earlier), excess(earlier, later)
        trusts, no_longer_trusts = self._trust(arn)
        name = iam_name(arn, self._graphs[1])
        part = f"whether {name} gains or loses permissions in AWS"
        reasons = (*gained.undecided, *lost.undecided, *common_unknowns(earlier, later))
        self.result.not_evaluated += (NotRead(part, reason) for reason in reasons)
        if not (gained.statements or lost.statements or trusts or no_longer_trusts) and had == has:
            self.result.unchanged += 1
            return
        self.result.changes.append(
            Change(
                name,
                SubjectKind.PRINCIPAL,
                System.AWS,
                permissions_in_words(gained.statements),
                permissions_in_words(lost.statements),
                had_access=had,
                has_access=has,
                trusts=trusts,
                no_longer_trusts=no_longer_trusts,
            )
        )

    def _permissions(self, arn: str) -> Iterator[EffectivePermissions]:
        for graph, policies in zip(self._graphs, self._policies, strict=True):
            if ":policy/" in arn:
                yield _of_policy(graph.policies.get(arn), arn)
            else:
                yield effective_permissions(policies.of(arn))

    def _trust(self, arn: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return who may assume a role, and may no longer, after the change."""
        if ":role/" not in arn:
            return (), ()
        roles = [graph.principals.get(arn) for graph in self._graphs]
        old, new = (None if role is None else resolved(role.trust_policy, f"trust policy of {arn}") for role in roles)
        issuer = issuer_of(self._graphs[1])
        added, removed = trust_excess(new, old, issuer), trust_excess(old, new, issuer)
        undecided = (*added.undecided, *removed.undecided)
        self.result.not_evaluated += (NotRead(f"who may assume role {arn}", each) for each in undecided)
        return tuple(each.words for each in added.trusted), tuple(each.words for each in removed.trusted)


def _exists(graph: AccessGraph, arn: str) -> bool:
    if ":policy/" in arn:
        return graph.policies.get(arn) is not None
    if ":group/" in arn:
        return graph.groups.get(arn.rpartition("/")[2]) is not None
    return graph.principals.get(arn) is not None


def _of_policy(document: Document | Unknown | None, arn: str) -> EffectivePermissions:
    """Return what a managed policy allows, with all its conditions: it may be attached to any principal."""
    if document is None:
        return EffectivePermissions()
    statements = parse_policy(arn, resolved(document, f"policy {arn}")).statements
    return EffectivePermissions(
        tuple(each for each in statements if each.effect == "Allow"),
        tuple(each for each in statements if each.effect == "Deny"),
    )
