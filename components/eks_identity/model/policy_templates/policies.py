"""All policy templates by name, the validation of their args, and their policy documents."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import limits, names
from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.policy_templates import (
    buckets,
    dns,
    external_secrets,
    gateway,
    karpenter,
    load_balancers,
    network,
    nodes,
    observability,
    storage,
)
from eks_identity.model.policy_templates.fields import Field
from eks_identity.model.policy_templates.statements import document
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_COMMON = ("name", "all_resources")
"""Fields of every template."""


POLICY_TEMPLATES: dict[str, PolicyTemplate] = {
    template.name: template
    for template in (
        observability.CLOUDWATCH,
        observability.PROMETHEUS,
        storage.EBS,
        storage.EFS,
        storage.FSX,
        gateway.GATEWAY_CONTROLLER,
        load_balancers.CONTROLLER,
        load_balancers.TARGET_GROUPS_ONLY,
        buckets.MOUNTPOINT,
        nodes.NODE_TERMINATION_HANDLER,
        dns.CERT_MANAGER,
        nodes.CLUSTER_AUTOSCALER,
        dns.EXTERNAL_DNS,
        external_secrets.EXTERNAL_SECRETS,
        karpenter.KARPENTER,
        buckets.VELERO,
        network.VPC_CNI,
    )
}
"""All policy templates by name, in alphabetical order."""


def policy_documents(args: Sequence[Mapping[str, Any]], partition: Partition) -> dict[str, str]:
    """Return the policy documents of a role in `partition` as compact JSON, by template name.

    Each item of `args` has the keys of `PolicyTemplateArgs`. Raises `InvalidInput` with all problems: an unknown or
    repeated template, a missing or unknown field, an ARN of another kind, of another partition or for all resources,
    and documents that exceed IAM's quota together.
    """
    documents: dict[str, str] = {}
    with Problems() as problems:
        problems.parse("", require_unique, [template_args.get("name") for template_args in args])
        for index, template_args in enumerate(args):
            text = problems.parse(f"[{index}]", policy_document, template_args, partition)
            if text is not None:
                documents[template_args["name"]] = text
        size = sum(map(len, documents.values()))
        if size > limits.INLINE_POLICIES:
            rule = (
                f"must have at most {limits.INLINE_POLICIES} characters in all inline policies of a role together (IAM)"
            )
            problems.add("", rule, f"{size} characters", "use a second role, or name fewer resources")
    return documents


def policy_document(args: Mapping[str, Any], partition: Partition) -> str:
    """Return the policy document of one template as compact JSON; see `policy_documents`."""
    values = check(args, partition=partition)
    return document(find(args["name"]).statements(Scope(partition, values)))


def check(
    args: Mapping[str, Any], unresolved: Sequence[str] = (), *, partition: Partition | None = None
) -> dict[str, Any]:
    """Return the validated fields of a template. `unresolved` names fields that are set to unresolved Outputs.

    In lists, None stands for an unresolved item. Without `partition`, each ARN may have its own.
    """
    template = find(args.get("name"))
    values: dict[str, Any] = {}
    with Problems() as problems:
        all_resources = args.get("all_resources", False)
        if all_resources and not template.has_all_resources:
            rule = f"must be omitted for {template.name}: it has no field that all_resources applies to"
            problems.add("all_resources", rule, all_resources, "remove it")
        values["all_resources"] = all_resources
        for name, value in args.items():
            if name in _COMMON:
                continue
            if name not in template.fields:
                problems.extend([_unknown_field(template, name, value)])
            else:
                field = template.fields[name]
                values[name] = _check_field(problems, template, field, value, partition, all_resources=all_resources)
        groups = [[field] for field in template.required] + ([] if all_resources else list(template.one_of))
        for group in groups:
            if not any(args.get(field.name) or field.name in unresolved for field in group):
                problems.extend([_missing_field(template, group, partition or AWS)])
        for name in unresolved:
            if name not in template.fields and name not in _COMMON:
                problems.extend([_unknown_field(template, name, "an Output")])
    return values


def find(name: object) -> PolicyTemplate:
    """Return the policy template called `name`; raise `InvalidInput` with the closest name for an unknown one."""
    template = POLICY_TEMPLATES.get(name) if isinstance(name, str) else None
    if template is None:
        close = difflib.get_close_matches(str(name), POLICY_TEMPLATES, n=1)
        fix = f"did you mean {close[0]}?" if close else "write the policy in statements or inline_policies instead"
        raise InvalidInput([Problem("name", f"must be a policy template: {', '.join(POLICY_TEMPLATES)}", name, fix)])
    return template


def find_addon_template(addon: str) -> PolicyTemplate | None:
    """Return the policy template of an EKS add-on; None without one."""
    return next((template for template in POLICY_TEMPLATES.values() if template.addon == addon), None)


def require_unique(template_names: Sequence[object]) -> None:
    """Raise `InvalidInput` for repeated templates: their inline policies would have the same name."""
    with Problems() as problems:
        for index, name in enumerate(template_names):
            if name in template_names[:index]:
                fix = "name the resources of both in one template"
                problems.add(f"[{index}].name", "must be listed once for each role", name, fix)


def _check_field(
    problems: Problems,
    template: PolicyTemplate,
    field: Field,
    value: Any,
    partition: Partition | None,
    *,
    all_resources: bool,
) -> Any:
    if field.is_flag:
        return problems.parse(field.name, names.flag, value)
    if not field.is_list:
        return problems.parse(field.name, field.check, value)
    if not isinstance(value, (list, tuple)):
        problems.add(field.name, f"must be a list, each a {field.kind}", value, "write a list, also for one item")
        return []
    checked = []
    for index, item in enumerate(value):
        if item is None:
            continue
        under = f"{field.name}[{index}]"
        checked_item = problems.parse(
            under,
            field.check,
            item,
            partition=partition,
            all_resources=all_resources,
            accepts_wildcard=field in template.wildcard_fields,
        )
        checked.append(checked_item)
        if item in value[:index]:
            problems.add(under, "must be listed once", item, "remove the repeated item")
    return checked


def _unknown_field(template: PolicyTemplate, name: str, value: object) -> Problem:
    rule = f"must be a field of {template.name}: {', '.join(template.fields) or 'it has none'}"
    return Problem(name, rule, value, "remove it: it has no effect")


def _missing_field(template: PolicyTemplate, group: Sequence[Field], partition: Partition) -> Problem:
    fields = " or ".join(field.name for field in group)
    rule = f"must be set for {template.name}, as {fields}, to limit its permissions"
    examples = " or ".join(field.shown_example(partition) for field in group)
    opt_in = "" if group[0] in template.required else "; or set all_resources to True if all resources are intended"
    return Problem(group[0].name, rule, None, f"set {fields}, such as {examples}{opt_in}")
