"""Enforced operations of Elastic Load Balancing: Application, Network and Gateway Load Balancers."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType, resource_types
from lab.cloud.services.backends import tags_of
from lab.cloud.services.rules import Service, call_variables, check_arn, names, new

_KINDS = {"application": "app", "network": "net", "gateway": "gwy"}


def _named(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    """Yield the resources of a call that changes something, from the most specific member that has their ARNs."""
    members = ("RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn", "ResourceArns")
    candidates = [list(call.find_all(member)) for member in members]
    values = next(filter(None, candidates), [])
    if call.name == "SetRulePriorities":
        values = list(call.find_all("RulePriorities[].RuleArn"))
    for value in values:
        check_arn(call, value, resource_types("elasticloadbalancing").values())
        yield value


def _new_load_balancer(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    kind = _KINDS.get(str(call.params.get("Type") or "application"), "app")
    variables = {**call_variables(call), "LoadBalancerName": str(call.params.get("Name")), "LoadBalancerId": "*"}
    yield resource_types("elasticloadbalancing")[f"loadbalancer/{kind}/"].fill(variables)


_CHANGES = names(
    "AddListenerCertificates AddTags CreateListener CreateRule DeleteListener DeleteLoadBalancer DeleteRule "
    "DeleteTargetGroup DeregisterTargets ModifyListener ModifyListenerAttributes ModifyLoadBalancerAttributes "
    "ModifyRule ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets RemoveListenerCertificates RemoveTags "
    "SetIpAddressType SetRulePriorities SetSecurityGroups SetSubnets"
)

ELBV2 = Service(
    name="elbv2",
    prefix="elasticloadbalancing",
    signing_name="elasticloadbalancing",
    backend="elbv2",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html",
    operations=_CHANGES
    | names(
        "CreateLoadBalancer CreateTargetGroup DescribeListenerAttributes DescribeListenerCertificates "
        "DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules DescribeSSLPolicies "
        "DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth"
    ),
    operation_resources={
        **{operation: {"any": _named} for operation in _CHANGES},
        "CreateLoadBalancer": {"loadbalancer": _new_load_balancer},
        "CreateTargetGroup": {"targetgroup": new(TargetGroupName="Name", TargetGroupId="*")},
    },
    tagging={
        "CreateListener": "AddTags",
        "CreateLoadBalancer": "AddTags",
        "CreateRule": "AddTags",
        "CreateTargetGroup": "AddTags",
    },
    condition_members={
        "elasticloadbalancing:ListenerProtocol": "Protocol",
        "elasticloadbalancing:Scheme": "Scheme",
        "elasticloadbalancing:SecurityGroup": "SecurityGroups",
        "elasticloadbalancing:SecurityPolicy": "SslPolicy",
        "elasticloadbalancing:Subnet": "Subnets",
    },
    list_tags=tags_of("elbv2"),
    accepts=lambda request: request.values.get("Version") == "2015-12-01",
)
