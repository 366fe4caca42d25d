"""The principals of a cluster that a ClusterAccess can declare: access entries, and entries of aws-auth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.questions.adoption.declarations import NotAdopted, reason_of, without_empty
from eks_identity.errors import InvalidInput
from eks_identity.model import tags as tag_rules
from eks_identity.model.access_entries import AuthenticationMode, EntrySpec, EntryType
from eks_identity.model.access_policies import AccessPolicy
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth, Entry, UserMapping
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry

ENTRY, AWS_AUTH = "access-entry", "aws-auth"
_NODES = "nodes join the cluster by it, and the owner of the nodes (EKS, a node group, Karpenter) manages it"
_POLICY_PREFIX = ":aws:cluster-access-policy/"


@dataclass(frozen=True)
class Terms:
    """What all principals of one ClusterAccess have in common."""

    method: str
    policies: tuple[AssociatedPolicy, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    def args(self) -> dict[str, Any]:
        """Return the arguments of a ClusterAccess. It adopts entries of aws-auth; access entries are imported."""
        return without_empty(
            [
                ("access_policies", [_policy_args(policy) for policy in self.policies]),
                ("access_method", self.method),
                ("adopt", self.method == AWS_AUTH or None),
                ("tags", dict(self.tags)),
            ]
        )


@dataclass(frozen=True)
class MappedPrincipal:
    """A principal as one access method maps it."""

    arn: str
    username: str
    groups: tuple[str, ...]
    terms: Terms
    object: str

    def args(self, group: str | None = None) -> dict[str, Any]:
        """Return the item of `principals` in a ClusterAccess whose shared group is `group`."""
        groups = [each for each in self.groups if each != group]
        is_default = self.username == Principal.parse(self.arn).default_username
        has_permissions = bool(self.groups or self.terms.policies)
        username = None if is_default and has_permissions else self.username
        return without_empty([("arn", self.arn), ("username", username), ("groups", groups)])


def mapped_principals(graph: AccessGraph) -> Iterator[MappedPrincipal | NotAdopted]:
    """Yield the principals of both access methods."""
    mode = graph.authentication_mode()
    if mode.reads_access_entries:
        for _, entry in sorted(graph.entries.all().items()):
            yield _of_entry(entry)
    yield from _of_aws_auth(graph.aws_auth.get().document, mode)


def _of_entry(entry: ExistingEntry) -> MappedPrincipal | NotAdopted:
    name = f"access entry {entry.principal_arn}"
    if entry.type != EntryType.STANDARD:
        return NotAdopted(name, f"type {entry.type}: {_NODES}")
    try:
        spec = EntrySpec.of(entry.principal_arn, entry.groups, entry.username)
        for policy in entry.policies:
            parsed = AccessPolicy.of(policy.arn, policy.namespaces or None)
            if not EntryType.STANDARD.takes_policy(parsed.name):
                return NotAdopted(name, f"access policy {parsed.name} is for entries of another type")
    except InvalidInput as error:
        return NotAdopted(name, reason_of(error))
    if problems := tag_rules.problems(entry.tags, keys_have_case=True):
        return NotAdopted(name, f"tag {problems[0].input!r} {problems[0].rule}")
    if spec.principal.arn != entry.principal_arn:
        return NotAdopted(name, f"the component writes its ARN as {spec.principal.arn}")
    policies = tuple(sorted(entry.policies, key=lambda policy: policy.arn))
    terms = Terms(ENTRY, policies, tuple(sorted(entry.tags.items())))
    return MappedPrincipal(entry.principal_arn, entry.username, entry.groups, terms, name)


def _of_aws_auth(document: AwsAuth, mode: AuthenticationMode) -> Iterator[MappedPrincipal | NotAdopted]:
    problems: dict[str, str] = {}
    for problem in document.problems():
        location, separator, field = problem.input.partition("aws-auth.")
        place = f"{location}aws-auth" if separator else problem.input
        problems.setdefault(place, f"{field} {problem.rule}".strip())
    for account in document.accounts:
        reason = "each principal of the account is a user; a ClusterAccess declares principals one by one"
        yield NotAdopted(f"mapAccounts {account} of ConfigMap kube-system/aws-auth", reason)
    places = {entry.location for entry in document.entries}
    for place, reason in problems.items():
        if place not in places and not place.startswith("mapAccounts["):
            yield NotAdopted(place, reason)
    for entry in document.entries:
        yield _of_aws_auth_entry(document, entry, mode, problems)


def _of_aws_auth_entry(
    document: AwsAuth, entry: Entry, mode: AuthenticationMode, problems: Mapping[str, str]
) -> MappedPrincipal | NotAdopted:
    name = f"{entry.location}: {entry.arn or 'no ARN'}"
    reason = _left_out_of_aws_auth(document, entry, mode) or problems.get(entry.location)
    if reason:
        return NotAdopted(name, reason)
    try:
        mapping = UserMapping.of(entry.arn, entry.groups, entry.username)
        unchanged = document.change(mapping) is document
    except InvalidInput as error:
        return NotAdopted(name, reason_of(error))
    if not unchanged:
        return NotAdopted(name, f"the component would change it to username {mapping.username!r} in {mapping.key}")
    return MappedPrincipal(entry.arn, mapping.username, entry.groups, Terms(AWS_AUTH), name)


def _left_out_of_aws_auth(document: AwsAuth, entry: Entry, mode: AuthenticationMode) -> str:
    """Return why no component should declare an entry that the authenticator reads, or why it is not read."""
    if not mode.reads_aws_auth:
        return f"authentication mode {mode}: EKS ignores aws-auth"
    if entry.is_node:
        return _NODES
    if len(document.find(entry.arn)) > 1:
        return "aws-auth has the ARN twice; the authenticator uses the last entry: remove the others"
    return ""


def _policy_args(policy: AssociatedPolicy) -> dict[str, Any]:
    name = policy.arn.rpartition(_POLICY_PREFIX)[2]
    try:
        AccessPolicy.of(name)
    except InvalidInput:
        name = policy.arn  # a policy that is newer than the library
    return without_empty([("policy", name), ("namespaces", list(policy.namespaces))])
