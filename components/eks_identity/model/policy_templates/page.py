"""The documentation page of the policy templates.

Run `python -m eks_identity.model.policy_templates.page > docs/policy-templates.md` to write it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from eks_identity.model.partitions import AWS
from eks_identity.model.policy_templates.fields import Field
from eks_identity.model.policy_templates.policies import POLICY_TEMPLATES
from eks_identity.model.policy_templates.template import PolicyTemplate

_HEAD = """\
# Policy templates

A policy template is the permissions policy of a common add-on, scoped to the resources that you name. Every role of the
library accepts policy templates:

```python
import pulumi
import pulumi_aws as aws
from eks_identity import Cluster, WorkloadIdentity

cluster = Cluster("eks-clu", {"name": "eks-clu"})
zone = aws.route53.Zone("zone", name="shop.example")
WorkloadIdentity(
    "dns",
    {
        "cluster": cluster.connection,
        "namespace": "external-dns",
        "service_account": "external-dns",
        "mode": "pod-identity",
        "policy_templates": [{"name": "external-dns", "hosted_zone_arns": [zone.arn]}],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
```

Each template becomes one inline policy of the role, with the template's name. `Addon` uses the template of its add-on
by default. The library rejects a template without a required field or with an unknown one, an ARN of another kind or of
another partition, and an ARN for all resources. If all resources are intended, set `all_resources: True`: it replaces
the required fields that you omit, except those that a template requires even then.

The actions are those that the add-on's project, or AWS, publishes. Where the published policy has `*` and IAM supports
less, the template is narrower. This page is generated from the templates
(`python -m eks_identity.model.policy_templates.page`).

| template | namespace and service account | required fields | optional fields | EKS add-on |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page in Markdown."""
    rows = "\n".join(map(_row, POLICY_TEMPLATES.values()))
    return f"{_HEAD}{rows}\n\n{''.join(map(_section, POLICY_TEMPLATES.values()))}{_fields()}"


def _row(template: PolicyTemplate) -> str:
    required = [f"`{field.name}`" for field in template.required] + [_join(group) for group in template.one_of]
    optional = ", ".join(f"`{field.name}`" for field in template.optional)
    account = f"`{template.namespace}/{template.service_account}`"
    link = f"[{template.name}](#{template.name})"
    return f"| {link} | {account} | {', '.join(required)} | {optional} | {'yes' * bool(template.addon)} |"


def _join(group: Sequence[Field]) -> str:
    return " or ".join(f"`{field.name}`" for field in group)


def _section(template: PolicyTemplate) -> str:
    lines = [f"## {template.name}", "", f"The add-on can {template.permissions}.", ""]
    if template.required:
        fields = ", ".join(f"`{field.name}`" for field in template.required)
        lines += [f"Required even with `all_resources`: {fields}.", ""]
    return "\n".join([*lines, f"Source: <{template.source}>", "", ""])


def _fields() -> str:
    return "\n".join(["## Fields", "", "| field | item | example |", "|---|---|---|", *_field_rows(), ""])


def _field_rows() -> Iterator[str]:
    fields = {field.name: field for template in POLICY_TEMPLATES.values() for field in template.fields.values()}
    for _, field in sorted(fields.items()):
        yield f"| `{field.name}` | {field.kind} | `{field.shown_example(AWS)}` |"


if __name__ == "__main__":
    sys.stdout.write(page())
