"""The inline policies of roles: documents in JSON, statements, and policy templates of add-ons."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import permissions, policy_templates, statements
from eks_identity.model.arns import Principal
from eks_identity.model.partitions import Partition
from eks_identity.runtime.inputs import INVALID, Inputs
from eks_identity.workloads.role_settings import PolicyTemplateArgs, RoleSettings, StatementArgs
from eks_identity.workloads.session_tags import SessionTagCheck, resolved_part

STATEMENTS = "statements"
"""Name of the inline policy of `statements` and `assume_role_arns`."""


def read_inline_policies(
    inputs: Inputs,
    settings: RoleSettings,
    assume_roles: Sequence[pulumi.Input[Principal]],
    partition: pulumi.Input[Partition],
    session_tags: SessionTagCheck,
) -> dict[str, pulumi.Input[str]]:
    """Return the documents of a role's inline policies as compact JSON, by name. Problems are added to `inputs`.

    `assume_roles` are the roles that the role may assume.
    """
    documents = settings.get("inline_policies", {})
    templates = settings.get("policy_templates", [])
    listed = settings.get("statements", [])
    others = [STATEMENTS] * bool(listed or assume_roles) + [template["name"] for template in templates]
    inputs.reject(*(_name_problem(name) for name in others if name in documents))
    policies = _read_templates(inputs, templates, partition)
    for name, document in documents.items():
        under = f"inline_policies.{name}"
        inputs.parse("inline_policies", name, _require_name)
        policies[name] = inputs.parse(under, document, partial(session_tags.parse_document, under=under))
    if listed or assume_roles:
        policies[STATEMENTS] = _read_statements(inputs, listed, assume_roles, session_tags)
    inputs.parse("inline_policies", policies, _require_room)
    return policies


def _name_problem(name: str) -> Problem:
    rule = "must have a name of its own: statements and each policy template are inline policies too"
    return Problem(f"inline_policies.{name}", rule, name, "rename the policy")


def _require_name(name: str) -> None:
    permissions.inline_policies({name: _EMPTY})


_EMPTY: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": [{}]}


def _require_room(documents: Mapping[str, str]) -> None:
    if problems := permissions.inline_policy_quota_problems(documents):
        raise InvalidInput(problems)


def _read_statements(
    inputs: Inputs,
    listed: Sequence[StatementArgs],
    assume_roles: Sequence[pulumi.Input[Principal]],
    session_tags: SessionTagCheck,
) -> pulumi.Input[str]:
    """Return the policy of the statements; what an Output in them leaves plain is checked for session tags at once."""

    def parse(resolved: Sequence[Any]) -> str:
        session_tags.require_tags_of_statements(resolved[0])
        return permissions.inline_policy(statements.document(resolved[0], resolved[1]))

    policy = inputs.parse("", [listed, assume_roles], parse)
    if isinstance(policy, pulumi.Output):
        checked: Any = inputs.parse("", resolved_part(listed), session_tags.require_tags_of_statements)
        policy = checked if checked is INVALID else policy
    return policy


def _read_templates(
    inputs: Inputs, templates: Sequence[PolicyTemplateArgs], partition: pulumi.Input[Partition]
) -> dict[str, pulumi.Input[str]]:
    """Return the policy of each template; what an Output in one leaves plain is checked at once."""
    inputs.parse("policy_templates", [template["name"] for template in templates], policy_templates.require_unique)
    policies: dict[str, pulumi.Input[str]] = {}
    for index, template in enumerate(templates):
        under = f"policy_templates[{index}]"
        policy = inputs.parse(under, [dict(template), partition], _template_policy)
        if isinstance(policy, pulumi.Output) or partition is INVALID:
            checked: Any = inputs.parse(under, resolved_part(template), _check_resolved_part)
            policy = checked if checked is INVALID else policy
        policies[template["name"]] = policy
    return policies


def _template_policy(resolved: Sequence[Any]) -> str:
    return policy_templates.policy_document(resolved[0], resolved[1])


def _check_resolved_part(template: Mapping[str, Any]) -> None:
    """Check a template's fields; None is a value that is resolved later. The ARNs' own partitions are accepted."""
    resolved = {field: value for field, value in template.items() if value is not None}
    policy_templates.check(resolved, [field for field in template if field not in resolved])
