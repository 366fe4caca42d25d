"""Commands of IAM that change the policies of a role."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eks_access.findings import Fix
from eks_access.questions.commands import command
from eks_identity.evaluation.iam import Document

INLINE = "inline policy "
"""Beginning of the names of inline policies in evaluations. The name of a managed policy is its ARN."""


def allow_statement(actions: Sequence[str], resource: str) -> dict[str, Any]:
    """Return the statement that allows actions on a resource."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def create_role(arn: str, trust: Document) -> Fix:
    """Return the command that creates the role of an ARN."""
    path, _, name = arn.rpartition(":role/")[2].rpartition("/")
    options = ("--path", f"/{path}/") if path else ()
    return _iam("create-role", "--role-name", name, *options, "--assume-role-policy-document", as_text(trust))


def update_trust(arn: str, trust: Document) -> Fix:
    """Return the command that replaces the trust policy of a role."""
    name = arn.rpartition("/")[2]
    return _iam("update-assume-role-policy", "--role-name", name, "--policy-document", as_text(trust))


def allow(arn: str, actions: Sequence[str], resource: str) -> Fix:
    """Return the command that adds an inline policy for one permission."""
    document = {"Version": "2012-10-17", "Statement": [allow_statement(actions, resource)]}
    return put_inline(arn, f"eks-access-{actions[0].replace(':', '-').replace('*', 'all')}", document)


def put_inline(arn: str, policy: str, document: Document) -> Fix:
    """Return the command that writes an inline policy of a role."""
    options = ("--role-name", arn.rpartition("/")[2], "--policy-name", policy)
    return _iam("put-role-policy", *options, "--policy-document", as_text(document))


def write_managed(policy_arn: str, document: Document) -> Fix:
    """Return the command that writes a customer managed policy."""
    return _iam(
        "create-policy-version", "--policy-arn", policy_arn, "--policy-document", as_text(document), "--set-as-default"
    )


def with_statement(document: Document, index: int, *replacement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with other statements in place of one; with index -1, after the last."""
    statements = statements_of(document)
    position = len(statements) if index < 0 else index
    return {**document, "Statement": [*statements[:position], *replacement, *statements[position + 1 :]]}


def statements_of(document: Document) -> list[Mapping[str, Any]]:
    """Return the statements of a document. IAM accepts a single statement without a list."""
    elements = document.get("Statement", [])
    return [elements] if isinstance(elements, Mapping) else list(elements)


def values(element: Any) -> list[str]:
    """Return the values of an element, which may be a single one without a list."""
    listed = element if isinstance(element, list | tuple) else [element]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]


def one_or_many(items: Sequence[str]) -> str | list[str]:
    """Return a single value without its list, as IAM allows."""
    return items[0] if len(items) == 1 else list(items)


def _iam(operation: str, *options: str) -> Fix:
    return command("aws", "iam", operation, *options)


def as_text(document: Any) -> str:
    """Return a document or an element as JSON without white space."""
    return json.dumps(document, separators=(",", ":"))
