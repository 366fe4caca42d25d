"""Args of a new cluster: the options of pulumi_eks, their names in other languages, ARNs in place of resources."""

import importlib
import inspect
import typing
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_eks
import pytest
from pulumi._types import input_type_py_to_pulumi_names
from pulumi.provider.experimental.util import camel_case

import eks_identity as eks
from eks_identity.clusters import cluster_options, existing_resources
from eks_identity.clusters.cluster_options import REPLACED_CLUSTER_OPTIONS, REPLACED_NODE_GROUP_OPTIONS
from eks_identity.clusters.new_cluster_args import StorageClassMetadata
from eks_identity.plugin import wire
from eks_identity.runtime import typed_dicts
from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.runtime.typed_dicts import fields
from support.component_program import ACCOUNT, deploy
from support.type_checking import lines_without_errors

REPOSITORY = Path(__file__).resolve().parents[2]
EKS = "eks:index:Cluster"
GROUP = "eks:index:ManagedNodeGroup"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/team/node"
ARGS = [
    (eks.NewClusterArgs, pulumi_eks.ClusterArgs, REPLACED_CLUSTER_OPTIONS),
    (eks.NodeGroupArgs, pulumi_eks.ManagedNodeGroupArgs, REPLACED_NODE_GROUP_OPTIONS),
]
NESTED = [
    (typed_dict, options.class_name)
    for typed_dict, options in typed_dicts._SDK_OPTIONS.items()
    if options.class_name.endswith("Args")
]


def parameters(args_class):
    return set(inspect.signature(args_class).parameters)


def sdk_class(name):
    module, _, class_name = name.rpartition(".")
    return getattr(importlib.import_module(module), class_name)


def problems(**args):
    with pytest.raises(InvalidInputError) as error:
        deploy(lambda: eks.Cluster("clu", args), preview=True)
    return {problem.input: problem for problem in error.value.problems}


def registered(type_=EKS, *, preview=True, **args):
    """The inputs of pulumi_eks's resource."""
    return deploy(lambda: eks.Cluster("clu", {"create": {}, **args}), preview=preview).one(type_).inputs


@pytest.mark.parametrize(("typed_dict", "args_class", "unsupported"), ARGS, ids=["cluster", "node group"])
def test_args_are_the_options_of_the_installed_pulumi_eks(typed_dict, args_class, unsupported):
    """Every option of pulumi_eks except the unsupported ones is an arg, and every arg is an option of pulumi_eks."""
    assert set(fields(typed_dict)) == parameters(args_class) - unsupported.keys()
    removed = {"bootstrap_cluster_creator_admin_permissions"}  # CreateCluster has it; pulumi_eks sets it to true
    assert unsupported.keys() - removed <= parameters(args_class)


@pytest.mark.parametrize(("typed_dict", "name"), NESTED, ids=[name for _, name in NESTED])
def test_nested_options_are_those_of_the_sdks_args_class(typed_dict, name):
    """Nested options have the names, the required names and the camel-case names of Pulumi's class."""
    args_class = sdk_class(name)
    names = input_type_py_to_pulumi_names(args_class)
    if typed_dict is not StorageClassMetadata:  # other metadata is written by the API server
        assert set(fields(typed_dict)) == parameters(args_class)
    required = {
        each.name
        for each in inspect.signature(args_class).parameters.values()
        if each.default is inspect.Parameter.empty
    }
    assert {name for name, field in fields(typed_dict).items() if field.is_required} == required
    assert {name: camel_case(name) for name in fields(typed_dict)} == {name: names[name] for name in fields(typed_dict)}


@pytest.mark.parametrize(("typed_dict", "args_class", "_"), ARGS, ids=["cluster", "node group"])
def test_args_have_the_names_of_pulumi_eks_in_other_languages(typed_dict, args_class, _):
    """`vpc_id` is `vpcId` in TypeScript, as in pulumi_eks."""
    names = input_type_py_to_pulumi_names(args_class)
    assert {name: camel_case(name) for name in fields(typed_dict)} == {name: names[name] for name in fields(typed_dict)}


@pytest.mark.parametrize(("typed_dict", "args_class", "_"), ARGS, ids=["cluster", "node group"])
def test_args_are_plain_where_pulumi_eks_takes_no_output(typed_dict, args_class, _):
    """An Output of a plain option would fail in pulumi_eks."""
    hints = typing.get_type_hints(args_class.__init__, localns=typed_dicts._PULUMI)
    accepted = {name: typed_dicts.accepts_outputs(hints[name]) for name in fields(typed_dict)}
    assert {name: field.is_input for name, field in fields(typed_dict).items()} == accepted


def test_checked_options_exist():
    """The options that are checked, or read as resources, are args."""
    create, group = set(fields(eks.NewClusterArgs)), set(fields(eks.NodeGroupArgs))
    assert {name for pair in cluster_options._CONFLICTING_OPTIONS for name in (pair[0], *pair[1])} <= create
    assert {*cluster_options._LAUNCH_TEMPLATE_OPTIONS} <= group
    nested = set(fields(eks.NewClusterArgs)["node_group_options"].annotation.__annotations__)
    resources = existing_resources._RESOURCES.keys() | existing_resources._RESOURCE_LISTS.keys()
    assert resources <= create | group | nested
    alternatives = {name for pair in existing_resources._ALTERNATIVES.items() for name in pair}
    assert alternatives <= nested
    accepts_resources = {
        name
        for typed_dict in (*(args[0] for args in ARGS), fields(eks.NewClusterArgs)["node_group_options"].annotation)
        for name, field in fields(typed_dict).items()
        if any(map(typed_dicts.accepts_resources, (field.annotation, *_items(field.annotation))))
    }
    assert accepts_resources == resources | existing_resources._ALTERNATIVES.keys()


def _items(annotation):
    return [item for type_ in typed_dicts.plain_types(annotation) for item in typing.get_args(type_)]


def test_unknown_option_is_rejected_with_the_similar_one():
    """The error names pulumi_eks's class and the option that was meant, also for a name of another language."""
    groups = {
        "apps": {"instance_type": "t3.large", "scaling_config": {"min_sise": 1, "max_size": 1, "desired_size": 1}}
    }
    errors = problems(create={"vpcId": "vpc-1", "auto_mode": {"enable": True}, "nonsense": 1}, node_groups=groups)
    assert {path: (problem.rule, problem.fix) for path, problem in errors.items()} == {
        "create.vpcId": ("must be an option of pulumi_eks.Cluster", "did you mean vpc_id?"),
        "create.auto_mode.enable": ("must be an option of pulumi_eks.AutoModeOptionsArgs", "did you mean enabled?"),
        "create.auto_mode.enabled": ("must be set", "set enabled"),
        "create.nonsense": (
            "must be an option of pulumi_eks.Cluster",
            "remove it, or write an option of pulumi_eks.Cluster",
        ),
        "node_groups.apps.instance_type": (
            "must be an option of pulumi_eks.ManagedNodeGroup",
            "did you mean instance_types?",
        ),
        "node_groups.apps.scaling_config.min_sise": (
            "must be an option of pulumi_aws.eks.NodeGroupScalingConfigArgs",
            "did you mean min_size?",
        ),
        "node_groups.apps.scaling_config.min_size": ("must be set", "set min_size"),
    }


@pytest.mark.parametrize("name", ["create_oidc_provider", "createOidcProvider"])
def test_unsupported_option_is_rejected_with_its_replacement(name):
    """The fix is the library's replacement, also for the name of another language, and not a similar option."""
    (problem,) = problems(create={name: True}).values()
    assert problem.input == "create.create_oidc_provider"
    assert problem.fix == REPLACED_CLUSTER_OPTIONS["create_oidc_provider"]


def test_number_as_version_is_rejected():
    """A version without quotes loses its last zero."""
    errors = problems(create={"version": 1.30}, node_groups={"apps": {"version": 1.30}})
    assert list(errors) == ["create.version", "node_groups.apps.version"]
    assert all("in quotes: 1.30 without them is 1.3" in problem.rule for problem in errors.values())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("tags", ["a"]),
        ("skip_default_node_group", "true"),
        ("fargate", 1),
        ("storage_classes", 1),
        ("min_size", "2"),
        ("service_role", "role/node"),
        ("cluster_security_group", "web"),
        ("authentication_mode", "BOTH"),
    ],
)
def test_option_of_another_type_is_rejected(option, value):
    """Types are checked at preview, with a fix."""
    (problem,) = problems(create={option: value}).values()
    assert problem.input == f"create.{option}"
    assert problem.rule
    assert problem.fix


def test_options_of_other_languages_get_the_names_of_python():
    """The plugin converts names at every level, and leaves the keys of tags, labels and documents as they are."""
    options = {
        "vpcId": "vpc-1",
        "privateSubnetIds": ["subnet-1"],
        "desiredCapacity": 2.0,
        "autoMode": {"enabled": True, "computeConfig": {"nodePools": ["system"]}},
        "storageClasses": {"fast": {"type": "gp3", "iopsPerGb": 3.0}},
        "fargate": {"podExecutionRoleArn": ROLE_ARN, "selectors": [{"namespace": "a", "labels": {"appName": "b"}}]},
        "vpcCniOptions": {"configurationValues": {"nodeAgent": {"enablePolicyEventLogs": "true"}}},
    }
    group = {"scalingConfig": {"minSize": 1.0, "maxSize": 2.0, "desiredSize": 1.0}, "labels": {"teamName": "a"}}
    args = wire.from_wire({"create": options, "nodeGroups": {"smallNodes": group}}, eks.ClusterArgs)
    assert args == {
        "create": {
            "vpc_id": "vpc-1",
            "private_subnet_ids": ["subnet-1"],
            "desired_capacity": 2,
            "auto_mode": {"enabled": True, "compute_config": {"node_pools": ["system"]}},
            "storage_classes": {"fast": {"type": "gp3", "iops_per_gb": 3}},
            "fargate": {
                "pod_execution_role_arn": ROLE_ARN,
                "selectors": [{"namespace": "a", "labels": {"appName": "b"}}],
            },
            "vpc_cni_options": {"configuration_values": {"nodeAgent": {"enablePolicyEventLogs": "true"}}},
        },
        "node_groups": {
            "smallNodes": {
                "scaling_config": {"min_size": 1, "max_size": 2, "desired_size": 1},
                "labels": {"teamName": "a"},
            }
        },
    }
    scalars = {"create": {"fargate": True, "storageClasses": "gp3", "authenticationMode": "API"}}
    assert wire.from_wire(scalars, eks.ClusterArgs) == {
        "create": {"fargate": True, "storage_classes": "gp3", "authentication_mode": "API"}
    }


def test_outputs_of_nested_options_get_the_names_of_python():
    """An Output of nested options is converted when it is resolved; other Outputs are passed on."""

    def program():
        config = pulumi.Output.from_input({"minSize": 1.0, "maxSize": 2.0, "desiredSize": 1.0})
        tags = pulumi.Output.from_input({"teamName": "a"})
        group = {"scalingConfig": config, "taints": pulumi.Output.from_input([{"key": "gpu"}]), "tags": tags}
        converted = wire.from_wire(group, eks.NodeGroupArgs)
        assert converted["tags"] is tags
        return pulumi.Output.all(converted["scaling_config"], converted["taints"])

    assert deploy(program).value == [{"min_size": 1, "max_size": 2, "desired_size": 1}, [{"key": "gpu"}]]


def test_nested_options_reach_pulumi_eks_under_its_names():
    """Dicts, Pulumi's own args objects and Outputs give the same inputs of pulumi_eks's resource."""
    expected = {"enabled": True, "computeConfig": {"nodePools": ["system"], "nodeRoleArn": ROLE_ARN}}
    compute = {"node_pools": ["system"], "node_role_arn": ROLE_ARN}
    forms = [
        {"enabled": True, "compute_config": compute},
        {"enabled": True, "compute_config": pulumi_eks.ClusterComputeConfigArgs(**compute)},
        pulumi_eks.AutoModeOptionsArgs(enabled=True, compute_config=pulumi_eks.ClusterComputeConfigArgs(**compute)),
    ]
    for form in forms:
        inputs = registered(create={"auto_mode": form})["autoMode"]
        assert inputs.pop("createNodeRole", True) is True  # the default of the object
        assert inputs == expected
    scaling = aws.eks.NodeGroupScalingConfigArgs(min_size=1, max_size=2, desired_size=1)
    group = registered(GROUP, node_groups={"apps": {"scaling_config": scaling}})
    assert group["scalingConfig"] == {"minSize": 1, "maxSize": 2, "desiredSize": 1}


def created(options):
    """The inputs of pulumi_eks's cluster in an update; `options` returns those of `create` in the program."""
    return deploy(lambda: eks.Cluster("clu", {"create": options()})).one(EKS).inputs


def reference(resource):
    return resource["urn"].rpartition("$")[2], resource["id"]


def test_arns_and_ids_become_existing_resources():
    """pulumi_eks gets resources that Pulumi reads, roles by the name in the ARN, also when it is an Output."""
    inputs = created(
        lambda: {
            "authentication_mode": "CONFIG_MAP",
            "service_role": ROLE_ARN,
            "instance_roles": [ROLE_ARN, pulumi.Output.from_input(ROLE_ARN)],
            "cluster_security_group": "sg-1",
            "node_group_options": {
                "extra_node_security_groups": pulumi.Output.from_input(["sg-2"]),
                "instance_profile": "nodes",
                "cluster_ingress_rule": "sgr-1",
            },
        }
    )
    role, group = "aws:iam/role:Role::clu", "aws:ec2/securityGroup:SecurityGroup::clu"
    assert reference(inputs["serviceRole"]) == (f"{role}-service-role", "node")
    assert [reference(resource) for resource in inputs["instanceRoles"]] == [
        (f"{role}-instance-roles-0", "node"),
        (f"{role}-instance-roles-1", "node"),
    ]
    assert reference(inputs["clusterSecurityGroup"]) == (f"{group}-cluster-security-group", "sg-1")
    nested = inputs["nodeGroupOptions"]
    assert reference(nested.pop("extraNodeSecurityGroups")[0]) == (f"{group}-extra-node-security-groups-0", "sg-2")
    assert nested == {"instanceProfileName": "nodes", "clusterIngressRuleId": "sgr-1"}


@pytest.mark.parametrize("of", [lambda role: role, pulumi.Output.from_input], ids=["resource", "Output"])
def test_resources_are_accepted_in_place_of_arns(of):
    """A program in Python passes the resource itself, or an Output of it, and no other is read."""

    def options():
        role = aws.iam.Role("own", name="node", assume_role_policy="{}")
        return {
            "authentication_mode": "API_AND_CONFIG_MAP",
            "service_role": role,
            "instance_roles": of([role]),
        }

    inputs = created(options)
    assert inputs["serviceRole"]["urn"].endswith("$aws:iam/role:Role::own")
    assert [role["urn"] for role in inputs["instanceRoles"]] == [inputs["serviceRole"]["urn"]]


def test_node_role_of_a_node_group_may_be_an_arn():
    """In mode CONFIG_MAP the cluster maps it, as it maps the role of a resource."""
    args = {"create": {"authentication_mode": "CONFIG_MAP"}, "node_groups": {"apps": {"node_role": ROLE_ARN}}}
    deployment = deploy(lambda: eks.Cluster("clu", args))
    node_role = deployment.one(GROUP).inputs["nodeRole"]
    assert reference(node_role) == ("aws:iam/role:Role::clu-apps-node-role", "node")
    assert deployment.one(EKS).inputs["instanceRoles"] == [node_role]
    assert deployment.of("aws:iam/role:Role") == []


PROGRAM = """
import pulumi_aws as aws

from eks_identity import Cluster, NewClusterArgs

role = aws.iam.Role("node", assume_role_policy="{}")
create: NewClusterArgs = {"authentication_mode": "API", "service_role": role.arn, "fargate": True}
Cluster("a", create=create, node_groups={"apps": {"node_role": role, "labels": {"team": role.name}}})
Cluster("b", {"create": {"instance_roles": [role, role.arn], "storage_classes": {"fast": {"type": "gp3"}}}})
"""
WRONG = {
    "misspelt option": 'Cluster("c", create={"vpc_idd": "vpc-1"})',
    "misspelt nested option": 'Cluster("c", create={"auto_mode": {"enable": True}})',
    "misspelt choice": 'Cluster("c", create={"authentication_mode": "api"})',
    "misspelt option of a node group": 'Cluster("c", {"create": {}, "node_groups": {"apps": {"instance_type": "x"}}})',
    "another resource": 'Cluster("c", create={"service_role": aws.ec2.Vpc("vpc")})',
}


def test_type_checker_finds_wrong_options(tmp_path):
    """mypy accepts a right program, and reports each wrong line of another one."""
    assert lines_without_errors(PROGRAM, WRONG, tmp_path) == []


SECRET = "zq7xmark"


@pytest.mark.parametrize("option", ["service_role", "instance_role", "cluster_security_group"])
def test_error_of_a_secret_arn_does_not_show_it(option):
    """A secret that is no ARN or id is rejected when it is resolved, without its value."""
    with pytest.raises(InvalidInputError) as error:
        deploy(lambda: eks.Cluster("clu", {"create": {option: pulumi.Output.secret(SECRET)}}))
    assert f"create.{option}" in str(error.value)
    assert SECRET not in str(error.value)
