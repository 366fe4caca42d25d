"""Policy template of the AWS Gateway API Controller: services and networks of VPC Lattice."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import BUCKETS
from eks_identity.model.policy_templates.statements import Statement, allow, requested, string_equals
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_ROLES = {"vpc-lattice": "AWSServiceRoleForVpcLattice", "delivery.logs": "AWSServiceRoleForLogDelivery"}
"""The service-linked roles that VPC Lattice and its access logs need, by service."""
_LATTICE = {
    "AccessLogSubscription": ("Create", "Delete", "Get", "Update"),
    "AuthPolicy": ("Delete", "Get", "Put"),
    "Listener": ("Create", "Delete", "Get", "Update"),
    "Rule": ("Create", "Delete", "Get", "Update"),
    "Service": ("Create", "Delete", "Get", "Update"),
    "ServiceNetwork": ("Create", "Delete", "Get", "Update"),
    "ServiceNetworkServiceAssociation": ("Create", "Delete", "Get"),
    "ServiceNetworkVpcAssociation": ("Create", "Delete", "Get", "Update"),
    "TargetGroup": ("Create", "Delete", "Get", "Update"),
    "Targets": ("Deregister", "List", "Register"),
}
_LOGS = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)


def _lattice() -> Iterator[str]:
    for noun, verbs in _LATTICE.items():
        for verb in verbs:
            yield f"vpc-lattice:{verb}{noun}"
    yield from (f"vpc-lattice:List{noun}s" for noun in _LATTICE if noun not in {"AuthPolicy", "Targets"})
    yield "vpc-lattice:BatchUpdateRule"
    yield from ("vpc-lattice:ListTagsForResource", "vpc-lattice:TagResource", "vpc-lattice:UntagResource")


def _gateway_controller(scope: Scope) -> Iterator[Statement]:
    yield allow(*_lattice())
    yield allow(
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVpcs",
        "tag:GetResources",
        "tag:TagResources",
        "tag:UntagResources",
        *_LOGS,
    )
    yield (
        allow("firehose:TagDeliveryStream")
        .on(scope.arn("firehose", "deliverystream/*"))
        .when(string_equals(requested("LogDeliveryEnabled"), "true"))
    )
    if buckets := scope.named(BUCKETS):
        yield allow("s3:GetBucketPolicy", "s3:PutBucketPolicy").on(*buckets)
    for service, role in _ROLES.items():
        hosts = scope.hosts(service)
        roles = (scope.arn("iam", f"role/aws-service-role/{host}/{role}", region="") for host in hosts)
        yield allow("iam:CreateServiceLinkedRole").on(*roles).when(string_equals("iam:AWSServiceName", *hosts))


GATEWAY_CONTROLLER = PolicyTemplate(
    name="aws-gateway-controller",
    namespace="aws-application-networking-system",
    service_account="gateway-api-controller",
    permissions="create, change and delete resources of VPC Lattice: services, networks, their associations, target "
    "groups; with `bucket_arns`, send their access logs to these buckets, whose policies it changes",
    source="https://github.com/aws/aws-application-networking-k8s/blob/main/files/controller-installation/"
    "recommended-inline-policy.json",
    statements=_gateway_controller,
    optional=[BUCKETS],
)
