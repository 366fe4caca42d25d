"""Changes of IAM policies: an action that a statement does not have any more, or a Deny for one principal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.questions import commands
from eks_access.questions.escalation.actors import Actor
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.graph_changes import Change, with_objects
from eks_access.questions.escalation.permissions import StatementOrigin
from eks_access.questions.workloads.policy_commands import (
    INLINE,
    as_text,
    statements_of,
    values,
    with_statement,
    write_managed,
)
from eks_identity.model.arns import Arn, account_of, is_aws_managed


@dataclass(frozen=True)
class _PolicyAction(Change):
    """An action is removed from a statement of an inline or customer managed policy."""

    principal_arn: str
    policy: str
    index: int
    action: str
    kind = "policy statement"

    @property
    def subject(self) -> str:
        return f"{self.policy} of {self.principal_arn}" if self.policy.startswith(INLINE) else self.policy

    @property
    def words(self) -> str:
        return f"remove {self.action} from statement {self.index} of {self.subject}"

    def fix(self, graph: AccessGraph) -> Fix:
        changed = without_empty(self._changed(graph))
        if not self.policy.startswith(INLINE):
            return _in_account(graph, self.policy, write_managed(self.policy, changed))
        name = self.policy.removeprefix(INLINE)
        if not statements_of(changed):
            return _holder_command(graph, self.principal_arn, "delete-{}-policy", "--policy-name", name)
        options = ("--policy-name", name, "--policy-document", as_text(changed))
        return _holder_command(graph, self.principal_arn, "put-{}-policy", *options)

    def _changed(self, graph: AccessGraph) -> Mapping[str, Any]:
        return document_without(_document(graph, self.principal_arn, self.policy), self.index, self.action)

    def apply(self, graph: AccessGraph) -> AccessGraph:
        if self.policy.startswith(INLINE):
            return _with_inline(graph, self.principal_arn, self.policy.removeprefix(INLINE), self._changed(graph))
        return replace(graph, policies=with_objects(graph.policies, {self.policy: self._changed(graph)}))

    def affects(self, context: Context, actor: Actor) -> bool:
        if self.policy.startswith(INLINE):
            return actor.name == self.principal_arn
        policies = context.aws.of(actor.name) if actor.name.startswith("arn:") else None
        return policies is not None and self.policy in policies.own_managed


@dataclass(frozen=True)
class DeniedAction(Change):
    """An inline policy denies an action: for permissions of wildcards, of several policies, and of AWS's policies."""

    principal_arn: str
    action: str
    resource: str
    kind = "policy statement"

    @property
    def subject(self) -> str:
        return self.principal_arn

    @property
    def words(self) -> str:
        return f"deny {self.action} on {self.resource} in an inline policy of {self.principal_arn}"

    @property
    def _name(self) -> str:
        return f"eks-access-deny-{self.action.replace(':', '-')}"

    @property
    def _document(self) -> dict[str, Any]:
        statement = {"Effect": "Deny", "Action": self.action, "Resource": self.resource}
        return {"Version": "2012-10-17", "Statement": [statement]}

    def fix(self, graph: AccessGraph) -> Fix:
        options = ("--policy-name", self._name, "--policy-document", as_text(self._document))
        return _holder_command(graph, self.principal_arn, "put-{}-policy", *options)

    def apply(self, graph: AccessGraph) -> AccessGraph:
        return _with_inline(graph, self.principal_arn, f"{self._name}-{self.resource}", self._document)

    def affects(self, context: Context, actor: Actor) -> bool:  # noqa: ARG002 - as the base class
        return actor.name == self.principal_arn


def statement_change(origin: StatementOrigin) -> Change:
    if len(origin.statements) == 1:
        (statement,) = origin.statements
        actions = [action.lower() for action in statement.actions or ()]
        # A trust policy may allow it too: it is changed by no cut.
        is_policy = statement.policy.startswith(INLINE) or is_managed(statement.policy)
        # The names of a principal's own policies have no spaces.
        is_of_group = " of group " in statement.policy
        can_write = is_policy and not is_of_group and not is_aws_managed(statement.policy)
        is_exact = origin.action.lower() in actions and not any("*" in each or "?" in each for each in actions)
        if statement.effect == "Allow" and can_write and is_exact:
            return _PolicyAction(origin.principal_arn, statement.policy, statement.index, origin.action)
    resource = origin.resource if origin.resource.startswith("arn:") else "*"
    return DeniedAction(origin.principal_arn, origin.action, resource)


def is_managed(policy: str) -> bool:
    """Return whether the name of a policy is the ARN of a managed policy."""
    return policy.startswith("arn:") and ":policy/" in policy


def document_without(document: Mapping[str, Any], index: int, action: str) -> dict[str, Any]:
    """Return a policy document whose statement does not have an action any more.

    A statement without actions stays, so that the indexes of others stay too; `without_empty` removes it.
    """
    statement = statements_of(document)[index]
    actions = [each for each in values(statement["Action"]) if each.lower() != action.lower()]
    return with_statement(document, index, {**statement, "Action": actions})


def without_empty(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy document without statements that have no action, as IAM requires."""
    statements = [each for each in statements_of(document) if each.get("Action") != []]
    return {**document, "Statement": statements}


def _document(graph: AccessGraph, arn: str, policy: str) -> Mapping[str, Any]:
    if policy.startswith(INLINE):
        holder = graph.groups.get(arn.rpartition("/")[2]) if ":group/" in arn else graph.principals.get(arn)
        assert holder is not None
        document = holder.inline_policies[policy.removeprefix(INLINE)]
    else:
        document = graph.policies.all()[policy]
    assert isinstance(document, Mapping)
    return document


def _with_inline(graph: AccessGraph, arn: str, name: str, document: Mapping[str, Any]) -> AccessGraph:
    if ":group/" in arn:
        group = graph.groups.get(arn.rpartition("/")[2])
        assert group is not None
        changed_group = replace(group, inline_policies={**group.inline_policies, name: document})
        return replace(graph, groups=with_objects(graph.groups, {arn.rpartition("/")[2]: changed_group}))
    holder = graph.principals.get(arn)
    assert holder is not None
    changed = replace(holder, inline_policies={**holder.inline_policies, name: document})
    return replace(graph, principals=with_objects(graph.principals, {arn: changed}))


def _holder_command(graph: AccessGraph, arn: str, operation: str, *options: str) -> Fix:
    kind, _, path = Arn.parse(arn).resource.partition("/")
    named = (f"--{kind}-name", path.rpartition("/")[2])
    return _in_account(graph, arn, commands.command("aws", "iam", operation.format(kind), *named, *options))


def _in_account(graph: AccessGraph, arn: str, fix: Fix) -> Fix:
    return commands.in_account(fix, account_of(arn), graph.cluster.get().account)
