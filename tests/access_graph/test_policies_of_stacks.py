"""What the rules of the policy pack need of a stack's resources: protection of the cluster, and hop limits of nodes."""

from datetime import date

import pytest
import yaml

from eks_access.catalogue import policies as rules
from eks_access.graph.aws_objects import Unknown
from eks_access.questions.check import check
from eks_access.sources.pulumi.graph import graph_of_stack
from eks_access.sources.state import stack_of_export
from support.pulumi_stacks import cluster, export, graph, manifest, resource, secret, urn

TODAY = date(2026, 6, 15)
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def with_inputs(**inputs):
    declared = cluster()
    return {**declared, "inputs": {**declared["inputs"], **inputs}}


def violated(*resources):
    return {each.finding.kind.id for each in check(graph(*resources), today=TODAY).violations}


ENDPOINTS = {
    "by default": ({}, True, ()),
    "private": ({"vpcConfig": {"endpointPublicAccess": False}}, False, ()),
    "ranges": ({"vpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}}, True, ("203.0.113.0/24",)),
}


@pytest.mark.parametrize(("inputs", "is_public", "ranges"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_stack_has_the_public_endpoint_of_its_cluster(inputs, is_public, ranges):
    found = graph(with_inputs(**inputs)).cluster.get()
    assert (found.has_public_endpoint, found.public_access_cidrs) == (is_public, ranges)


def test_ranges_that_are_a_secret_are_unknown():
    found = graph(with_inputs(vpcConfig={"publicAccessCidrs": secret(["203.0.113.0/24"])})).cluster.get()
    assert [type(each) for each in found.public_access_cidrs] == [Unknown]
    assert rules.PUBLIC_ENDPOINT.id not in violated(with_inputs(vpcConfig={"publicAccessCidrs": secret(["x"])}))


@pytest.mark.parametrize(("resources", "encrypts"), [(["secrets"], True), ([], False), (None, False)])
def test_stack_has_the_encryption_of_its_cluster(resources, encrypts):
    config = {} if resources is None else {"encryptionConfig": {"provider": {"keyArn": "k"}, "resources": resources}}
    assert graph(with_inputs(**config)).cluster.get().encrypts_secrets is encrypts


def test_cluster_of_another_stack_is_not_judged():
    """A stack that only names its cluster does not know its endpoint, and its rules find nothing."""
    entry = {"clusterName": "eks-clu", "principalArn": "arn:aws:iam::123456789012:user/ann", "kubernetesGroups": ["a"]}
    of_stack = graph(resource("aws:eks/accessEntry:AccessEntry", "ann", entry))
    assert of_stack.cluster.get().has_public_endpoint is None
    found = check(of_stack, today=TODAY)
    assert {each.rule for each in found.undecided} & {"public-endpoint-open", "secrets-unencrypted"} == set()


def nodes(template=None, **options):
    declared = [cluster()]
    if template is not None:
        declared.append(resource(TEMPLATE, "nodes", {"metadataOptions": template}, {"id": "lt-1"}))
    return graph(*declared, resource(NODE_GROUP, "nodes", {"clusterName": "eks-clu", **options})).nodes.all()


LIMITS = {
    "without a launch template": (nodes(), 2),
    "by id": (nodes({"httpPutResponseHopLimit": 1}, launchTemplate={"id": "lt-1", "version": "1"}), 1),
    "service off": (nodes({"httpEndpoint": "disabled"}, launchTemplate={"id": "lt-1", "version": "1"}), 0),
    "not set": (nodes({}, launchTemplate={"id": "lt-1", "version": "1"}), None),
    "of another stack": (nodes(launchTemplate={"id": "lt-2", "version": "1"}), None),
}


@pytest.mark.parametrize(("found", "limit"), LIMITS.values(), ids=LIMITS)
def test_node_group_has_the_hop_limit_of_its_launch_template(found, limit):
    (node,) = found.values()
    assert (node.metadata_hop_limit, bool(node.instance_not_read)) == (limit, limit is None)


def test_node_group_finds_its_launch_template_by_dependency():
    """A preview does not know the id of a launch template that the update creates."""
    group = resource(
        NODE_GROUP,
        "nodes",
        {"clusterName": "eks-clu", "launchTemplate": {"id": secret("lt-1")}},
        propertyDependencies={"launchTemplate": [urn(TEMPLATE, "nodes")]},
    )
    template = resource(TEMPLATE, "nodes", {"metadataOptions": {"httpPutResponseHopLimit": 2}})
    assert rules.PODS_REACH_NODE_ROLE.id in violated(cluster(), template, group)


@pytest.mark.parametrize(
    ("kind", "role", "removed"),
    [
        (NODE_GROUP, "nodeRoleArn", False),
        ("aws:eks/fargateProfile:FargateProfile", "podExecutionRoleArn", False),
        ("aws:eks/addon:Addon", "serviceAccountRoleArn", True),
    ],
)
def test_role_whose_access_entry_eks_creates_is_not_removed(kind, role, removed):
    """EKS creates the access entries of managed node groups and Fargate profiles, so that aws-auth may go."""
    nodes = "arn:aws:iam::123456789012:role/nodes"
    entry = {"rolearn": nodes, "username": "system:node:{{SessionName}}", "groups": ["system:nodes"]}
    config_map = manifest("core/v1:ConfigMap", "aws-auth", "kube-system", data={"mapRoles": yaml.safe_dump([entry])})
    declared = cluster(), resource(kind, "workers", {"clusterName": "eks-clu", role: nodes})
    found = check(graph(*declared), before=graph(*declared, config_map), today=TODAY).violations
    assert (rules.NODE_ROLE_REMOVED.id in {each.finding.kind.id for each in found}) is removed


def test_mapping_whose_groups_are_unknown_is_undecided():
    """A mapping of aws-auth may name system:masters until its groups are known."""
    mapping = resource("pulumi-python:dynamic/eks-identity:AwsAuthMapping", "ops", {"arn": "x", "groups": secret([])})
    found = check(graph(cluster(), mapping), today=TODAY).undecided
    assert [each.subject for each in found if each.rule == rules.MASTERS_GROUP.id] == ["ConfigMap kube-system/aws-auth"]


def test_iam_role_without_a_known_account_has_the_placeholder():
    """A new role is judged before AWS tells its ARN."""
    role = resource("aws:iam/role:Role", "app", {"name": "app", "assumeRolePolicy": "{}"})
    stack = stack_of_export(export(role))
    assert list(graph_of_stack(stack).principals.all()) == []
    assert list(graph_of_stack(stack, account="0" * 12).principals.all()) == ["arn:aws:iam::000000000000:role/app"]
