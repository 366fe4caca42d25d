"""The catalogue as a page of the documentation: `python -m eks_identity.model.policy_templates.page >
docs/policy-templates.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from eks_identity.model.partitions import AWS
from eks_identity.model.policy_templates.entries import ENTRIES
from eks_identity.model.policy_templates.entry import Entry
from eks_identity.model.policy_templates.fields import Field

_HEAD = """\
# Catalogue of policies

What common add-ons may do in AWS, scoped to the resources that you name. Every role of the library takes entries:

```python
import pulumi
import pulumi_aws as aws
import eks_identity as eks

cluster = eks.Cluster("eks-clu", {"name": "eks-clu"})
zone = aws.route53.Zone("zone", name="shop.example")
eks.WorkloadIdentity(
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

Each entry is one inline policy of the role, called as the entry. `Addon` takes the entry of its add-on by itself. A
field that an entry needs and does not get is refused, and so is one that it would ignore, an ARN of another kind or of
another partition, and one that stands for everything. Where everything is meant, say `all_resources: True`: it stands
for each needed field that is left out.

The actions are what the add-on's project, or AWS, publishes; where that says `*` and IAM can say less, the entry does.
This page is written from the entries themselves (`python -m eks_identity.model.policy_templates.page`).

| entry | namespace and service account | needs | takes | EKS add-on |
|---|---|---|---|---|
"""


def page() -> str:
    """The page, in Markdown."""
    rows = "\n".join(map(_row, ENTRIES.values()))
    return f"{_HEAD}{rows}\n\n{''.join(map(_section, ENTRIES.values()))}{_fields()}"


def _row(entry: Entry) -> str:
    needs = [f"`{one.name}`" for one in entry.always] + [_either(group) for group in entry.needs]
    takes = ", ".join(f"`{one.name}`" for one in entry.takes)
    account = f"`{entry.namespace}/{entry.service_account}`"
    return f"| [{entry.name}](#{entry.name}) | {account} | {', '.join(needs)} | {takes} | {'yes' * bool(entry.addon)} |"


def _either(group: Sequence[Field]) -> str:
    return " or ".join(f"`{one.name}`" for one in group)


def _section(entry: Entry) -> str:
    lines = [f"## {entry.name}", "", f"May {entry.lets}.", ""]
    if entry.always:
        lines += [f"{', '.join(f'`{one.name}`' for one in entry.always)}: needed in any case.", ""]
    return "\n".join([*lines, f"Source: <{entry.source}>", "", ""])


def _fields() -> str:
    return "\n".join(["## Fields", "", "| field | each of them | for example |", "|---|---|---|", *_field_rows(), ""])


def _field_rows() -> Iterator[str]:
    known = {one.name: one for entry in ENTRIES.values() for one in entry.fields.values()}
    for _, one in sorted(known.items()):
        yield f"| `{one.name}` | {one.what} | `{one.shown_example(AWS)}` |"


if __name__ == "__main__":
    sys.stdout.write(page())
