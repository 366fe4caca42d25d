"""The policies of a role, and the commands that change one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Document, Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.workloads import policy_commands
from eks_access.questions.workloads.policy_commands import (
    INLINE,
    allow_statement,
    one_or_many,
    statements_of,
    values,
    with_statement,
)
from eks_access.questions.workloads.roles import existing_role, role_name
from eks_identity.evaluation.iam import Policies, Policy, Request, Statement, evaluate, matches
from eks_identity.model.arns import is_aws_managed
from eks_identity.model.session_tags import Session, find_document_needs

_UNTAGGED = Session(untagged="the sessions have no session tags")


@dataclass(frozen=True)
class RolePolicies:
    """The identity-based policies and the permissions boundary of a role, by name: an ARN, or `inline policy NAME`."""

    role_arn: str
    documents: Mapping[str, Document | str]
    """A text in place of a document says why it is unknown."""
    boundary_arn: str | None
    boundary_document: Document | str | None
    others: Unknown | None = None
    """Why the role may have other policies; None if these are all."""

    @classmethod
    def of(cls, graph: AccessGraph, arn: str) -> RolePolicies:
        """Return the policies of a role; raise `NotReadError` if the role does not exist or was not read."""
        role = existing_role(graph, arn)
        documents: dict[str, Document | str] = {
            f"{INLINE}{name}": str(document) if isinstance(document, Unknown) else document
            for name, document in role.inline_policies.items()
        }
        documents |= {policy: managed_document(graph, policy) for policy in role.attached_policies}
        boundary = role.boundary
        if isinstance(boundary, Unknown):
            return cls(arn, documents, "permissions boundary", str(boundary), role.other_policies)
        document = None if boundary is None else managed_document(graph, boundary)
        return cls(arn, documents, boundary, document, role.other_policies)

    @property
    def identity(self) -> list[Policy]:
        return [parse_policy(name, document) for name, document in self.documents.items()]

    @property
    def boundary(self) -> Policy | None:
        if self.boundary_arn is None or self.boundary_document is None:
            return None
        return parse_policy(self.boundary_arn, self.boundary_document)

    def document_of(self, statement: Statement) -> Document:
        """Return the document of an evaluated statement."""
        return self._document(statement.policy)

    def _document(self, name: str) -> Document:
        document = self.documents.get(name, self.boundary_document)
        assert isinstance(document, Mapping)
        return document

    def element_of(self, statement: Statement) -> Mapping[str, Any]:
        """Return an evaluated statement as it is written."""
        return statements_of(self.document_of(statement))[statement.index]

    def changed(self, statement: Statement, *replacement: Mapping[str, Any]) -> Fix | None:
        """Return the command that replaces a statement; None if AWS owns the policy."""
        return self.write(statement.policy, with_statement(self.document_of(statement), statement.index, *replacement))

    def write(self, name: str, document: Document) -> Fix | None:
        """Return the command that writes the document of a policy; None if AWS owns it."""
        if name.startswith(INLINE):
            return policy_commands.put_inline(self.role_arn, name.removeprefix(INLINE), document)
        return None if is_aws_managed(name) else policy_commands.write_managed(name, document)

    def without(self, denies: Sequence[Statement], action: str, resource: str) -> Fix:
        """Return the commands after which Deny statements do not apply to an action on a resource."""
        fixes = []
        for name in dict.fromkeys(statement.policy for statement in denies):
            document = self._document(name)
            of_policy = [statement.index for statement in denies if statement.policy == name]
            for index in sorted(of_policy, reverse=True):
                narrowed = narrowed_deny(statements_of(document)[index], action, resource)
                document = with_statement(document, index, *narrowed)
            fixes.append(self._write_narrowed(name, document, action, resource))
        return commands.together(*fixes)

    def _write_narrowed(self, name: str, document: Document, action: str, resource: str) -> Fix:
        """Return the command that writes a policy; that removes it from the role if IAM or AWS does not allow that."""
        if name == self.boundary_arn:
            return self._write_boundary(document, [action], resource)
        if statements_of(document) and (fix := self.write(name, document)) is not None:
            return fix
        if name.startswith(INLINE):
            return self._of_role("delete-role-policy", "--policy-name", name.removeprefix(INLINE))
        return self._of_role("detach-role-policy", "--policy-arn", name)

    def allow_in_boundary(self, actions: Sequence[str], resource: str) -> Fix:
        """Return the command after which the permissions boundary allows actions on a resource."""
        return self._write_boundary(self.boundary_document, actions, resource)

    def _write_boundary(self, document: Document | str | None, actions: Sequence[str], resource: str) -> Fix:
        """Return the command that writes the boundary with the statements of a document, and allows the actions."""
        assert self.boundary_arn is not None
        if is_aws_managed(self.boundary_arn) or not isinstance(document, Mapping):
            return self._of_role("delete-role-permissions-boundary")
        policies = Policies(identity=[Policy.parse(document)])
        if not all(evaluate(Request(action, resource), policies).is_allowed for action in actions):
            document = with_statement(document, -1, allow_statement(actions, resource))
        return policy_commands.write_managed(self.boundary_arn, document)

    def _of_role(self, operation: str, *options: str) -> Fix:
        return commands.command("aws", "iam", operation, "--role-name", role_name(self.role_arn), *options)

    def without_session_tags(self, name: str, tags: Mapping[str, str]) -> Fix | None:
        """Return the command that writes values in place of the tags in a policy; None if that is not enough."""
        text = json.dumps(self.documents[name])
        for tag, value in tags.items():
            text = re.sub(rf"\$\{{\s*aws:PrincipalTag/{tag}\s*\}}", value, text, flags=re.IGNORECASE)
        document = json.loads(text)
        return None if needs_session_tags(document) else self.write(name, document)


def needs_session_tags(document: Document | str) -> bool:
    """Return whether a policy document needs session tags to allow what it allows."""
    return isinstance(document, Mapping) and bool(find_document_needs(document, _UNTAGGED))


def narrowed_deny(statement: Mapping[str, Any], action: str, resource: str) -> list[dict[str, Any]]:
    """Return statements that deny what a Deny statement denies, as far as it can be written, except one permission.

    A wildcard that matches the action still applies to other resources; one that matches the resource goes.
    """
    actions = values(statement["Action"]) if "Action" in statement else []
    others = [pattern for pattern in actions if not matches(pattern, action, ignore_case=True)]
    applying = [pattern for pattern in actions if pattern not in others]
    narrowed = [{**statement, "Action": one_or_many(others)}] if others else []
    resources = values(statement.get("Resource", []))
    elsewhere = [pattern for pattern in resources if not matches(pattern, resource)]
    of_applying = {key: value for key, value in statement.items() if key != "Resource"}
    if applying:
        of_applying["Action"] = one_or_many(applying)
    if elsewhere:
        narrowed.append({**of_applying, "Resource": one_or_many(elsewhere)})
    elif "*" in resources and resource != "*":
        narrowed.append({**of_applying, "NotResource": resource})
    # Sids are unique in a document.
    return [
        {key: value for key, value in each.items() if key != "Sid" or not index} for index, each in enumerate(narrowed)
    ]


def managed_document(graph: AccessGraph, arn: str) -> Document | str:
    """Return the document of a managed policy, or why it is unknown."""
    try:
        document = graph.policies.get(arn)
    except NotReadError as error:
        return str(error)
    if document is None:
        return "the source has no document of it"
    return str(document) if isinstance(document, Unknown) else document


def parse_policy(name: str, document: Document | str) -> Policy:
    """Return a policy; a text in place of the document says why it is unknown."""
    return Policy.unknown(name, document) if isinstance(document, str) else Policy.parse(document, name)
