"""The nodes of service accounts, IAM roles and their policies."""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.findings import Link
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Document
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import NotReadError
from eks_access.questions.chain import read_or
from eks_access.questions.picture.drawing import Drawing
from eks_access.questions.picture.model import Column, NodeKind
from eks_access.questions.workloads.accounts import SERVICE_ACCOUNT, create_account, missing_account
from eks_access.questions.workloads.policy_commands import INLINE, statements_of, values
from eks_access.questions.workloads.role_policies import RolePolicies
from eks_access.questions.workloads.workload import Workload

_MOST_STATEMENTS = 12
_ELEMENTS = {"Action": "", "NotAction": "all but ", "Resource": "on ", "NotResource": "on all but "}


def draw_account(drawing: Drawing, graph: AccessGraph, key: ObjectKey) -> str:
    """Draw a service account, and return its id."""
    exists = read_or(lambda: graph.service_accounts.get(key) is not None, None)
    return drawing.node(
        NodeKind.SERVICE_ACCOUNT, Column.SUBJECTS, key[1], key="/".join(key), namespace=key[0], exists=exists
    )


def account_link(graph: AccessGraph, key: ObjectKey, holds: Link) -> Link:
    """Return a link that holds if the service account exists."""
    workload = Workload(graph, *key)
    try:
        if workload.account() is not None:
            return holds
    except NotReadError as error:
        return Link.not_evaluated(SERVICE_ACCOUNT, str(error))
    return Link.broken(SERVICE_ACCOUNT, missing_account(workload, create_account(workload)))


def draw_role(drawing: Drawing, graph: AccessGraph, arn: str, column: Column) -> str:
    """Draw an IAM role of a workload with its policies, and return its id."""
    exists = read_or(lambda: graph.principals.get(arn) is not None, None)
    details = (arn,) if exists is not False else (arn, "IAM has no such role")
    is_new = arn not in drawing.drawn_roles
    node = drawing.node(NodeKind.IAM_ROLE, column, arn.rpartition("/")[2], key=arn, details=details, exists=exists)
    if is_new and exists is not False:
        drawing.drawn_roles.add(arn)
        _draw_policies(drawing, graph, arn, node)
    return node


def _draw_policies(drawing: Drawing, graph: AccessGraph, arn: str, role: str) -> None:
    try:
        policies = RolePolicies.of(graph, arn)
    except NotReadError as error:
        drawing.not_read(role, "policies", str(error), column=Column.POLICIES)
        return
    for name, document in policies.documents.items():
        _draw_policy(drawing, role, name, document, own=arn)
    if policies.boundary_arn is not None and policies.boundary_document is not None:
        name, link = policies.boundary_arn, "permissions boundary"
        _draw_policy(drawing, role, name, policies.boundary_document, own=arn, link=link)
    if policies.others is not None:
        drawing.not_read(role, "other policies", str(policies.others), column=Column.POLICIES)


def _draw_policy(
    drawing: Drawing, role: str, name: str, document: Document | str, *, own: str, link: str = "policy"
) -> None:
    """Draw a policy; an inline policy has the ARN of its role, `own`, in its id."""
    is_inline = name.startswith(INLINE)
    label = name.removeprefix(INLINE) if is_inline else name.rpartition("/")[2]
    is_read = not isinstance(document, str)
    first = f"inline policy of {own}" if is_inline else name
    node = drawing.node(
        NodeKind.IAM_POLICY,
        Column.POLICIES,
        label,
        key=f"{name} of {own}" if is_inline else name,
        details=(first, *(_statement_lines(document) if is_read else ())),
        exists=True if is_read else None,
    )
    drawing.edge(role, node, Link.holds(link, name) if is_read else Link.not_evaluated(link, f"{name}: {document}"))


def _statement_lines(document: Document | str) -> Iterator[str]:
    """Yield the statements of a policy in words, the first ones line by line."""
    statements = statements_of(document) if not isinstance(document, str) else []
    for statement in statements[:_MOST_STATEMENTS]:
        parts = [str(statement.get("Effect", "Allow"))]
        parts += [f"{words}{', '.join(values(statement[key]))}" for key, words in _ELEMENTS.items() if key in statement]
        yield " ".join(parts) + (", under conditions" if statement.get("Condition") else "")
    if len(statements) > _MOST_STATEMENTS:
        yield f"and {len(statements) - _MOST_STATEMENTS} more statements"
