"""How a role names what an add-on of the catalogue may do: the args, and the policies that they become."""

from typing import Any, NotRequired, TypedDict

import pulumi

from eks_identity.model import policy_templates
from eks_identity.model.partitions import Partition
from eks_identity.runtime.args_validation import is_output
from eks_identity.runtime.inputs import Inputs


class PolicyTemplateArgs(TypedDict):
    """What one add-on may do in AWS: an entry of the catalogue, scoped to what is named here.

    The policy's actions are those that the add-on's own project or AWS publishes for it. Each entry reads some of the
    fields: one that it needs and does not get is refused, and so is one that it would ignore. See
    `docs/policy-templates.md`.
    """

    name: str
    """The entry: the add-on's or chart's own name, such as `external-dns`. It is the name of the inline policy too."""
    hosted_zone_arns: NotRequired[list[pulumi.Input[str]]]
    """Route 53 hosted zones, `arn:PARTITION:route53:::hostedzone/ID`."""
    bucket_arns: NotRequired[list[pulumi.Input[str]]]
    """S3 buckets, `arn:PARTITION:s3:::NAME`, without objects: `key_prefixes` says which of those."""
    key_prefixes: NotRequired[list[pulumi.Input[str]]]
    """Prefixes of the objects' keys, each ending in `/`, the same in every bucket; all objects where left out."""
    kms_key_arns: NotRequired[list[pulumi.Input[str]]]
    """KMS keys, `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`. IAM knows no aliases here. No use of KMS where left out."""
    secret_arns: NotRequired[list[pulumi.Input[str]]]
    """Secrets of Secrets Manager, with the six characters that it puts behind their names, or `-??????` for those."""
    parameter_arns: NotRequired[list[pulumi.Input[str]]]
    """Parameters of Systems Manager, `arn:PARTITION:ssm:REGION:ACCOUNT:parameter/PATH`; `/team/*` for all below."""
    write: NotRequired[bool]
    """With `external-secrets`: whether it may create, change and delete them too (its `PushSecret`)."""
    file_system_arns: NotRequired[list[pulumi.Input[str]]]
    """File systems of EFS or FSx, whichever the entry's driver mounts."""
    queue_arns: NotRequired[list[pulumi.Input[str]]]
    """SQS queues that carry the events of interruptions, `arn:PARTITION:sqs:REGION:ACCOUNT:NAME`."""
    workspace_arns: NotRequired[list[pulumi.Input[str]]]
    """Workspaces of the managed Prometheus, `arn:PARTITION:aps:REGION:ACCOUNT:workspace/ID`."""
    target_group_arns: NotRequired[list[pulumi.Input[str]]]
    """Target groups of load balancers that were made elsewhere."""
    node_role_arns: NotRequired[list[pulumi.Input[str]]]
    """The roles that new nodes get; the only ones that the entry may pass to EC2."""
    cluster_names: NotRequired[list[pulumi.Input[str]]]
    """Clusters, by name: the tags of what belongs to them are the scope."""
    ip_family: NotRequired[pulumi.Input[str]]
    """With `vpc-cni`: `ipv4` (also the default) or `ipv6`, as the cluster's own."""
    all_resources: NotRequired[bool]
    """Leave unscoped what could be scoped: every field that the entry needs and does not get means all of its kind."""


def catalogue_policies(
    inputs: Inputs, given: list[PolicyTemplateArgs], partition: pulumi.Input[Partition], under: str = "policy_templates"
) -> dict[str, pulumi.Input[str]]:
    """Each entry's policy document as compact JSON, by the entry's name; a plain value's problems go to `inputs`."""
    inputs.problems.parse(under, policy_templates.require_each_once, [entry["name"] for entry in given])
    for index, entry in enumerate(given):
        # The partition may come later: what is plain is checked against that of its own ARNs.
        plain = {field: _known(value) for field, value in entry.items() if not is_output(value)}
        late = [field for field in entry if field not in plain]
        inputs.problems.parse(f"{under}[{index}]", policy_templates.check, plain, late)
    if inputs.problems.found:
        return {}
    return {
        entry["name"]: inputs.once_known(
            [dict(entry), partition],
            lambda known: policy_templates.policy_document(known[0], known[1]),
            f"{under}[{index}]",
        )
        for index, entry in enumerate(given)
    }


def _known(value: Any) -> Any:
    """A list with None for what is not known yet; anything else as it is."""
    return [None if is_output(item) else item for item in value] if isinstance(value, list) else value
