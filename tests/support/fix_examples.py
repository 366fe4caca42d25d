"""For each fix that a validation error can give: arguments that are wrong, and the same after the fix was followed."""

import json
from dataclasses import dataclass, field
from typing import Any

from support.component_program import ACCOUNT, ISSUER, kubeconfig, provider_arn
from support.sample_args import CONNECTION, SUBJECT, WORKLOAD, role_arn

REMOVE = object()
"""In place of a value: the argument is left out."""
USER = f"arn:aws:iam::{ACCOUNT}:user/ope"
OTHER = "444455556666"
BASE: dict[str, dict[str, Any]] = {
    "Addon": {"cluster": CONNECTION, "addon_name": "aws-ebs-csi-driver"},
    "AuthenticationModeMigration": {"cluster": CONNECTION, "target_mode": "API"},
    "AwsAuthMapping": {"kubeconfig": kubeconfig(), "arn": USER, "groups": ["operators"]},
    "ChainedRole": {"trusted_role_arns": [role_arn("cart")]},
    "Cluster": {"name": "eks-clu"},
    "ClusterAccess": {
        "cluster": CONNECTION,
        "group": "operators",
        "rbac_roles": [{"name": "view"}],
        "principals": [{"arn": USER}],
    },
    "IrsaRole": {"oidc_provider_arns": [provider_arn()], "subjects": [SUBJECT]},
    "NodeIsolation": {},
    "OidcProvider": {"issuer": ISSUER},
    "PodIdentityRole": {},
    "ServiceAccount": dict(SUBJECT),
    "WorkloadIdentity": {**WORKLOAD, "oidc_provider_arn": provider_arn()},
}


@dataclass(frozen=True)
class Play:
    """One fix: what brings it up, and what it says to do."""

    component: str
    fix: str
    """What the fix begins with."""
    wrong: dict[str, Any]
    right: dict[str, Any]
    cloud: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.component}-{self.fix[:40]}"


def arguments(component: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**BASE[component], **changes}.items() if value is not REMOVE}


def _create(**options: Any) -> dict[str, Any]:
    return {"create": {"skip_default_node_group": True, **options}}


def _groups(**options: Any) -> dict[str, Any]:
    return {**_create(), "node_groups": {"apps": options}}


def _roles(**role: Any) -> dict[str, Any]:
    return {"rbac_roles": [role]}


def _rule(**rule: Any) -> dict[str, Any]:
    return _roles(name="own", rules=[rule])


def _statement(**other: Any) -> dict[str, Any]:
    allow = {"effect": "Allow", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::files/*"]}
    return {"statements": [{**allow, **other}]}


def _condition(**other: Any) -> dict[str, Any]:
    return _statement(conditions=[{"test": "StringEquals", "variable": "aws:ResourceTag/a", "values": ["b"], **other}])


def _connection(**other: Any) -> dict[str, Any]:
    return {"cluster": {**CONNECTION, **other}}


def _principals(*principals: Any) -> dict[str, Any]:
    return {"principals": list(principals)}


def _policies(*policies: Any, **other: Any) -> dict[str, Any]:
    return {"access_policies": list(policies), **other}


def _role_policies(*policies: Any, **other: Any) -> dict[str, Any]:
    return {"policies": list(policies), **other}


def _entry(**entry: Any) -> dict[str, Any]:
    return {"policy_templates": [entry]}


VIEW = {"policy": "AmazonEKSViewPolicy"}
NODES = {"type": "EC2_LINUX", "group": REMOVE, "rbac_roles": REMOVE, **_principals({"arn": role_arn("nodes")})}
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
POD_IDENTITY = {"mode": "pod-identity", "oidc_provider_arn": REMOVE}
GROUPS = {"instance_roles": [role_arn("nodes")]}
CONFIG_MAP = {"authentication_mode": "CONFIG_MAP"}
ALL = {"scaling_config": {"min_size": 1, "max_size": 1, "desired_size": 1}}
MANY = [f"Policy{number}" for number in range(11)]
LONG = json.dumps({**DOCUMENT, "Id": "x" * 10_300})

PLAYS = [
    # clusters
    Play("Cluster", "set name, or create", {"name": REMOVE}, {}),
    Play("Cluster", "set create, or remove it", {"node_groups": {"a": ALL}}, {"node_groups": {"a": ALL}, **_create()}),
    Play(
        "Cluster",
        "remove one of the two",
        _create(subnet_ids=["s"], private_subnet_ids=["s"]),
        _create(subnet_ids=["s"]),
    ),
    Play("Cluster", "did you mean", _create(subnet_idz=["s"]), _create(subnet_ids=["s"])),
    Play("Cluster", "see the arguments of", _create(nonsense=1), _create()),
    Play(
        "Cluster",
        "remove it: EKS itself gives the roles",
        _create(instance_roles=["r"]),
        _create(),
    ),
    Play(
        "Cluster",
        "set authentication_mode to API_AND_CONFIG_MAP or API",
        _create(**CONFIG_MAP, auto_mode={"enabled": True}),
        _create(authentication_mode="API", auto_mode={"enabled": True}),
    ),
    Play("Cluster", "set private_subnet_ids", _create(vpc_id="v"), _create(vpc_id="v", private_subnet_ids=["s"])),
    Play(
        "Cluster",
        "set endpoint_private_access to True",
        _create(endpoint_public_access=False),
        _create(endpoint_public_access=False, endpoint_private_access=True),
    ),
    Play(
        "Cluster",
        "remove it",
        _create(endpoint_public_access=False, endpoint_private_access=True, public_access_cidrs=["1.2.3.4/32"]),
        _create(endpoint_public_access=False, endpoint_private_access=True),
    ),
    Play(
        "Cluster",
        "write an id that `aws ec2 describe-security-groups`",
        _create(cluster_security_group="web"),
        _create(cluster_security_group="sg-1"),
    ),
    Play("Cluster", 'write "1.33", with all digits', _create(version=1.33), _create(version="1.33")),
    Play("Cluster", "write ipv4 or ipv6", _create(ip_family="six"), _create(ip_family="ipv6")),
    Play(
        "Cluster",
        "write the Arn that `aws kms describe-key --key-id KEY`",
        _create(encryption_config_key_arn="alias/x"),
        _create(encryption_config_key_arn=f"arn:aws:kms:ap-northeast-1:{ACCOUNT}:key/x"),
    ),
    Play(
        "Cluster",
        "set node_role, or add the role to create.instance_roles",
        {**_create(**CONFIG_MAP), "node_groups": {"a": {**ALL, "node_role_arn": role_arn("n")}}},
        {**_create(**CONFIG_MAP, **GROUPS), "node_groups": {"a": {**ALL, "node_role_arn": role_arn("n")}}},
    ),
    Play("Cluster", "set launch_template to one with a key_name", _groups(**ALL, remote_access={}), _groups(**ALL)),
    Play(
        "Cluster",
        "set it in the launch template",
        _groups(**ALL, launch_template={"id": "lt-1", "version": "1"}, disk_size=20),
        _groups(**ALL, launch_template={"id": "lt-1", "version": "1"}),
    ),
    Play(
        "Cluster",
        "remove some",
        {**_create(), "role_settings": {"tags": {str(number): "x" for number in range(51)}}},
        {**_create(), "role_settings": {"tags": {str(number): "x" for number in range(50)}}},
    ),
    Play("NodeIsolation", "set disk_size", {"disk_device": "/dev/xvda"}, {"disk_device": "/dev/xvda", "disk_size": 9}),
    Play("NodeIsolation", "write the DeviceName", {"disk_device": "disk"}, {}),
    Play("NodeIsolation", "write a prefix of that form, or remove it", {"name_prefix": "a b"}, {}),
    # connections
    Play(
        "WorkloadIdentity",
        "write what `aws eks describe-cluster --name NAME --query cluster.endpoint`",
        _connection(endpoint="x"),
        {},
    ),
    Play(
        "WorkloadIdentity",
        "write what `aws eks describe-cluster --name NAME --query cluster.certificateAuthority.data`",
        _connection(certificate_authority="x"),
        {},
    ),
    Play(
        "WorkloadIdentity",
        "write what `aws eks describe-cluster --name NAME --query cluster.identity.oidc.issuer`",
        _connection(issuer="x y"),
        {},
    ),
    Play("WorkloadIdentity", "pass Cluster.connection", _connection(name="another"), {}),
    Play("WorkloadIdentity", "write aws, or aws-cn in China", _connection(partition="x"), {}),
    Play("WorkloadIdentity", "write API, the mode of new clusters", _connection(authentication_mode="x"), {}),
    Play("WorkloadIdentity", "pass pathlib.Path(path)", _connection(kubeconfig="./kubeconfig.yaml"), {}),
    Play("WorkloadIdentity", "set namespace", {"namespace": REMOVE}, {}),
    # access entries and access policies
    Play(
        "ClusterAccess",
        "write access-entry, the method of new clusters",
        {"access_method": "x"},
        {"access_method": "access-entry"},
    ),
    Play(
        "ClusterAccess",
        "set access_method to access-entry",
        _connection(authentication_mode="API") | {"access_method": "aws-auth"},
        {},
    ),
    Play(
        "ClusterAccess",
        "use aws-auth, or change",
        _connection(authentication_mode="CONFIG_MAP"),
        {"access_method": "aws-auth"},
    ),
    Play("ClusterAccess", "write STANDARD for users and programs", {"type": "x"}, {"type": "STANDARD"}),
    Play(
        "ClusterAccess",
        "pass the ARN of a role of your own",
        _principals({"arn": role_arn("aws-service-role/x.amazonaws.com/X")}),
        _principals({"arn": role_arn("x")}),
    ),
    Play(
        "ClusterAccess",
        "remove groups",
        NODES | _principals({"arn": role_arn("nodes"), "groups": ["g"]}),
        NODES,
    ),
    Play(
        "ClusterAccess",
        "remove username",
        NODES | _principals({"arn": role_arn("nodes"), "username": "u"}),
        NODES,
    ),
    Play("ClusterAccess", "pass the ARN of the nodes' role", NODES | _principals({"arn": USER}), NODES),
    Play(
        "ClusterAccess",
        "pass the ARN of a role of that account",
        NODES | _principals({"arn": role_arn("nodes").replace(ACCOUNT, OTHER)}),
        NODES,
    ),
    Play("ClusterAccess", "remove it; the type gives nodes", NODES | _policies(VIEW), NODES),
    Play("ClusterAccess", "set type to EC2", _policies({"policy": "AmazonEKSAutoNodePolicy"}), {}),
    Play("ClusterAccess", "remove adopt, and leave the entry to its owner", NODES | {"adopt": True}, NODES),
    Play(
        "ClusterAccess",
        "write its name, such as AmazonEKSViewPolicy",
        _policies({"policy": f"arn:aws:iam::{ACCOUNT}:policy/x"}),
        _policies(VIEW),
    ),
    Play(
        "ClusterAccess",
        "did you mean AmazonEKSViewPolicy",
        _policies({"policy": "AmazonEKSViewPolic"}),
        _policies(VIEW),
    ),
    Play(
        "ClusterAccess", "add a namespace, or remove namespaces", _policies({**VIEW, "namespaces": []}), _policies(VIEW)
    ),
    Play(
        "ClusterAccess",
        "remove the repeated namespace",
        _policies({**VIEW, "namespaces": ["a", "a"]}),
        _policies({**VIEW, "namespaces": ["a"]}),
    ),
    Play(
        "ClusterAccess",
        "write the namespaces of both in one",
        _policies({**VIEW, "namespaces": ["a"]}, {**VIEW, "namespaces": ["b"]}),
        _policies({**VIEW, "namespaces": ["a", "b"]}),
    ),
    Play(
        "ClusterAccess",
        "set access_method to access-entry",
        _policies(VIEW, access_method="aws-auth"),
        _policies(VIEW, access_method="access-entry"),
    ),
    Play("ClusterAccess", "name a group", {"group": REMOVE}, {}),
    Play("ClusterAccess", "set group and rbac_roles", {"group": REMOVE, "rbac_roles": REMOVE}, {}),
    # principals
    Play("ClusterAccess", "set arn; or permission_set", _principals({"username": "u"}), {}),
    Play("ClusterAccess", "remove account_id", _principals({"arn": USER, "account_id": ACCOUNT}), {}),
    Play(
        "ClusterAccess",
        "remove principals[0] or this one",
        _principals(
            {"arn": USER}, {"arn": USER.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("USER/OPE", "user/Ope")}
        ),
        {},
    ),
    Play(
        "ClusterAccess",
        "pass a principal of that partition",
        _principals({"arn": USER.replace("aws", "aws-cn", 1)}),
        {},
    ),
    Play(
        "ClusterAccess",
        "pass the role's arn instead of permission_set",
        _principals({"permission_set": "Operators", "account_id": OTHER}),
        {},
    ),
    Play("ClusterAccess", "write it as Identity Center shows it", _principals({"permission_set": "a b"}), {}),
    Play("ClusterAccess", "pass the ARN of an IAM user or role", _principals({"arn": CONNECTION["arn"]}), {}),
    Play(
        "ClusterAccess",
        f"pass arn:aws:iam::{ACCOUNT}:user/NAME",
        _principals({"arn": USER.replace("user", "group")}),
        {},
    ),
    Play(
        "ClusterAccess",
        f"pass the role's ARN: {role_arn('x')}",
        _principals({"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/x/s"}),
        _principals({"arn": role_arn("x")}),
    ),
    Play(
        "ClusterAccess",
        "pass the ARN of the IAM user or role that",
        _principals({"arn": f"arn:aws:sts::{ACCOUNT}:federated-user/x"}),
        {},
    ),
    Play("ClusterAccess", "pass the arn output of a resource", _principals({"arn": "ope"}), {}),
    Play("ClusterAccess", "choose another username", _principals({"arn": USER, "username": "system:x"}), {}),
    Play("ClusterAccess", "write the name of your own group", {"group": " "}, {"group": "operators"}),
    Play(
        "ClusterAccess",
        "associate the access policy",
        _principals({"arn": USER, "groups": ["system:masters"]}),
        _policies({"policy": "AmazonEKSClusterAdminPolicy"}),
    ),
    Play(
        "ClusterAccess", "use a group of your own, and bind it", _principals({"arn": USER, "groups": ["system:x"]}), {}
    ),
    Play("ClusterAccess", "remove the repeated group", _principals({"arn": USER, "groups": ["a", "a"]}), {}),
    # RBAC
    Play(
        "ClusterAccess",
        "add a rule, such as get on pods",
        _roles(name="own", rules=[]),
        _rule(verbs=["get"], resources=["pods"], api_groups=[""]),
    ),
    Play(
        "ClusterAccess", "write ClusterRole", _roles(name="own", kind="Rolle"), _roles(name="own", kind="ClusterRole")
    ),
    Play(
        "ClusterAccess",
        "write the verb in lower case",
        _rule(verbs=["Get"], resources=["pods"]),
        _rule(verbs=["get"], resources=["pods"]),
    ),
    Play(
        "ClusterAccess",
        "write get, list, watch",
        _rule(verbs=[], resources=["pods"]),
        _rule(verbs=["get", "list", "watch"], resources=["pods"]),
    ),
    Play(
        "ClusterAccess",
        "write /healthz",
        _rule(verbs=["get"], non_resource_urls=["healthz"]),
        _rule(verbs=["get"], non_resource_urls=["/healthz"]),
    ),
    Play(
        "ClusterAccess",
        "write it as `kubectl api-resources`",
        _rule(verbs=["get"], resources=["Pod"]),
        _rule(verbs=["get"], resources=["pods"]),
    ),
    Play(
        "ClusterAccess", "set resources, such as pods", _rule(verbs=["get"]), _rule(verbs=["get"], resources=["pods"])
    ),
    Play(
        "ClusterAccess",
        "remove one of the two",
        _roles(name="view", namespace="a", namespaces=["a"]),
        _roles(name="view", namespace="a"),
    ),
    Play(
        "ClusterAccess",
        "set namespace, or use kind ClusterRole",
        _roles(name="own", kind="Role"),
        _roles(name="own", kind="Role", namespace="a"),
    ),
    Play("ClusterAccess", "remove those characters", _roles(name="a/b"), _roles(name="ab")),
    Play("ClusterAccess", "set another name, or remove one", {"rbac_roles": [{"name": "view"}, {"name": "view"}]}, {}),
    Play(
        "ClusterAccess",
        "remove rules to only bind the role",
        _roles(name="view", rules=[{"verbs": ["get"], "resources": ["pods"]}]),
        _roles(name="view"),
    ),
    # aws-auth
    Play(
        "AuthenticationModeMigration",
        "write API_AND_CONFIG_MAP, or API",
        {"target_mode": "CONFIG_MAP"},
        {"target_mode": "API"},
    ),
    # IAM
    Play("IrsaRole", "keep one of the two", {"oidc_provider_arns_by_role": {"a": [provider_arn()]}}, {}),
    Play(
        "IrsaRole",
        "add an ARN, or remove the key",
        {"oidc_provider_arns": REMOVE, "oidc_provider_arns_by_role": {"a": [provider_arn()], "b": []}},
        {"oidc_provider_arns": REMOVE, "oidc_provider_arns_by_role": {"a": [provider_arn()]}},
    ),
    Play(
        "IrsaRole",
        "add a key with the ARNs of its clusters",
        {"oidc_provider_arns": REMOVE, "oidc_provider_arns_by_role": {}},
        {"oidc_provider_arns": REMOVE, "oidc_provider_arns_by_role": {"a": [provider_arn()]}},
    ),
    Play("IrsaRole", "shorten it", {"role_name": "x" * 65}, {"role_name": "x" * 64}),
    Play("IrsaRole", "remove the other characters", {"role_name": "a b"}, {"role_name": "ab"}),
    Play("IrsaRole", "shorten it, and remove", {"description": "x" * 1001}, {"description": "x" * 1000}),
    Play("IrsaRole", "write /team/", {"path": "team"}, {"path": "/team/"}),
    Play("IrsaRole", "remove one of the two", {"role_name": "a", "role_name_prefix": "a"}, {"role_name": "a"}),
    Play("IrsaRole", "choose a number from 3600 to 43200", {"max_session_duration": 1}, {"max_session_duration": 3600}),
    Play(
        "IrsaRole",
        "rename the policy",
        {"inline_policies": {"a b": json.dumps(DOCUMENT)}},
        {"inline_policies": {"ab": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        'add "Statement"',
        {"inline_policies": {"a": "{}"}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "use json.dumps",
        {"inline_policies": {"a": "{'a'}"}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "remove Principal",
        {"inline_policies": {"a": json.dumps({"Statement": [{**DOCUMENT["Statement"][0], "Principal": "*"}]})}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "write 2012-10-17",
        {"inline_policies": {"a": json.dumps({**DOCUMENT, "Version": "1"})}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "make some of them managed policies",
        {"inline_policies": {"a": LONG}},
        _role_policies(f"arn:aws:iam::{ACCOUNT}:policy/a"),
    ),
    Play("IrsaRole", "remove the repeated policy", _role_policies("A", "A"), _role_policies("A")),
    Play(
        "IrsaRole",
        "merge policies, or use a second role",
        _role_policies(*MANY),
        _role_policies(*MANY, raised_quotas=True),
    ),
    Play("IrsaRole", "write AmazonS3ReadOnlyAccess", _role_policies("a b"), _role_policies("AmazonS3ReadOnlyAccess")),
    Play(
        "IrsaRole",
        "change arn:aws-cn to arn:aws",
        _role_policies("arn:aws-cn:iam::aws:policy/A"),
        _role_policies("arn:aws:iam::aws:policy/A"),
    ),
    Play(
        "IrsaRole",
        "pass the ARN of a managed policy",
        {"permissions_boundary": USER},
        {"permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/a"},
    ),
    Play("IrsaRole", "write Allow", _statement(effect="allow"), _statement(effect="Allow")),
    Play("IrsaRole", "write s3:GetObject", _statement(actions=["GetObject"]), _statement(actions=["s3:GetObject"])),
    Play("IrsaRole", "add an item to actions", _statement(actions=[]), _statement()),
    Play("IrsaRole", "add an item to values", _condition(values=[]), _condition()),
    Play("IrsaRole", "write StringEquals, or another", _condition(test="Equals"), _condition()),
    Play("IrsaRole", "write aws:ResourceTag/team", _condition(variable="team"), _condition()),
    Play(
        "IrsaRole",
        "name each service account, or set",
        {"subjects": [{"namespace": "a", "name": "*"}]},
        {"subjects": [{"namespace": "a", "name": "*"}], "allow_wildcards": True},
    ),
    Play("IrsaRole", "remove the repeated provider", {"oidc_provider_arns": [provider_arn()] * 2}, {}),
    Play("IrsaRole", "remove the repeated subject", {"subjects": [SUBJECT] * 2}, {}),
    Play("IrsaRole", "add an item to subjects", {"subjects": []}, {}),
    Play(
        "IrsaRole",
        "register that cluster's issuer",
        {"oidc_provider_arns": [provider_arn(), provider_arn(issuer=f"{ISSUER}2").replace(ACCOUNT, OTHER)]},
        {"oidc_provider_arns": [provider_arn(), provider_arn(issuer=f"{ISSUER}2")]},
    ),
    Play("IrsaRole", "pass OidcProvider.arn, or an ARN", {"oidc_provider_arns": [USER]}, {}),
    Play("IrsaRole", "write sts.amazonaws.com", {"audience": ""}, {"audience": "sts.amazonaws.com"}),
    Play(
        "IrsaRole",
        "remove tags",
        {"tags": {str(number): "x" for number in range(51)}},
        {"tags": {str(number): "x" for number in range(50)}},
    ),
    Play(
        "IrsaRole",
        "remove the repeated item",
        _entry(name="vpc-cni", cluster_names=["a", "a"]),
        _entry(name="vpc-cni", cluster_names=["a"]),
    ),
    Play("IrsaRole", "rename the tag", {"tags": {"aws:x": "y"}}, {"tags": {"x": "y"}}),
    Play("ChainedRole", "add an item to trusted_role_arns", {"trusted_role_arns": []}, {}),
    Play("ChainedRole", "pass the ARN of a role", {"trusted_role_arns": [USER]}, {}),
    Play("ChainedRole", "remove the repeated role", {"trusted_role_arns": [role_arn("a"), role_arn("a")]}, {}),
    Play("ChainedRole", "write an external ID of that form", {"external_id": "a b"}, {"external_id": "a-b"}),
    Play(
        "ChainedRole",
        "remove it, or remove cluster_arns and subjects",
        {"external_id": "ab", "cluster_arns": [CONNECTION["arn"]], "subjects": [SUBJECT]},
        {"external_id": "ab"},
    ),
    Play(
        "ChainedRole",
        "set subjects too",
        {"cluster_arns": [CONNECTION["arn"]]},
        {"cluster_arns": [CONNECTION["arn"]], "subjects": [SUBJECT]},
    ),
    Play(
        "PodIdentityRole",
        "pass Cluster.arn, or what `aws eks describe-cluster --name NAME",
        {"cluster_arns": [USER]},
        {"cluster_arns": [CONNECTION["arn"]]},
    ),
    Play("OidcProvider", "set adopt to False", {"adopt": True}, {"adopt": False}),
    # policy templates
    Play(
        "IrsaRole",
        "set hosted_zone_arns, such as",
        _entry(name="external-dns"),
        _entry(name="external-dns", hosted_zone_arns=["arn:aws:route53:::hostedzone/Z1"]),
    ),
    Play(
        "IrsaRole",
        "remove it: it has no effect",
        _entry(name="vpc-cni", bucket_arns=["arn:aws:s3:::b"]),
        _entry(name="vpc-cni"),
    ),
    # service accounts and workloads
    Play("ServiceAccount", "write the namespace as `kubectl", {"namespace": "A"}, {"namespace": "a"}),
    Play("ServiceAccount", "write the service account as `kubectl", {"name": "A"}, {"name": "a"}),
    Play("ServiceAccount", "use ", {"annotations": {"eks.amazonaws.com/role-arn": "x"}}, {"role_arn": role_arn("x")}),
    Play("ServiceAccount", "write a mapping", {"annotations": 7}, {"annotations": {}}),
    Play("ServiceAccount", "omit it, or set a value", {"role_arn": None}, {}),
    Play(
        "WorkloadIdentity",
        "pass OidcProvider.arn, or set mode to pod-identity",
        {"oidc_provider_arn": REMOVE},
        POD_IDENTITY,
    ),
    Play("WorkloadIdentity", "remove it", {"match_session_tags": True}, {}),
    Play(
        "WorkloadIdentity",
        "remove it, or remove disable_session_tags",
        {**POD_IDENTITY, "disable_session_tags": True, "match_session_tags": True},
        {**POD_IDENTITY, "disable_session_tags": True},
    ),
    Play(
        "WorkloadIdentity",
        "set it to True, or remove session_policy",
        {**POD_IDENTITY, "session_policy": json.dumps(DOCUMENT)},
        {**POD_IDENTITY, "session_policy": json.dumps(DOCUMENT), "disable_session_tags": True},
    ),
    Play(
        "WorkloadIdentity",
        "pass the OidcProvider of this cluster",
        {"oidc_provider_arn": provider_arn(issuer=f"{ISSUER}2")},
        {},
    ),
    Play(
        "WorkloadIdentity",
        "remove it, or pass that of the cluster's account",
        {"mode": "pod-identity", "oidc_provider_arn": provider_arn().replace(ACCOUNT, OTHER)},
        POD_IDENTITY,
    ),
    Play(
        "WorkloadIdentity",
        "pass a role of that account",
        {**POD_IDENTITY, "role_arn": role_arn("x").replace(ACCOUNT, OTHER)},
        {**POD_IDENTITY, "role_arn": role_arn("y"), "target_role_arn": role_arn("x").replace(ACCOUNT, OTHER)},
    ),
    # add-ons
    Play(
        "Addon",
        "remove mode, and attach",
        {"addon_name": "eks-pod-identity-agent", "mode": "pod-identity"},
        {"addon_name": "eks-pod-identity-agent"},
    ),
    Play("Addon", "set mode to irsa or pod-identity", {"policies": ["A"]}, {"policies": ["A"], "mode": "pod-identity"}),
    Play(
        "Addon",
        "set the service account of its pods",
        {"addon_name": "own", "mode": "pod-identity", "policies": ["A"]},
        {"addon_name": "own", "mode": "pod-identity", "policies": ["A"], "service_account": "own"},
    ),
    Play(
        "Addon",
        "pass OidcProvider.arn, or set mode",
        {"mode": "irsa"},
        {"mode": "irsa", "oidc_provider_arn": provider_arn()},
    ),
    Play(
        "Addon",
        "remove one of the two",
        {"mode": "pod-identity", "role_arn": role_arn("x"), "policies": ["A"]},
        {"mode": "pod-identity", "role_arn": role_arn("x")},
    ),
    Play(
        "Addon",
        "set one of policies",
        {"addon_name": "own", "mode": "pod-identity", "service_account": "own"},
        {"addon_name": "own", "mode": "pod-identity", "policies": ["A"], "service_account": "own"},
    ),
    Play("Addon", "use json.dumps of a dict", {"configuration_values": "[]"}, {"configuration_values": "{}"}),
    Play("Addon", "write the add-on as `aws", {"addon_name": "a b"}, {}),
    Play("Addon", "write one that `aws eks describe-addon-versions", {"addon_version": "a b"}, {}),
    Play("Cluster", "write the cluster as `aws eks list-clusters`", {"name": "a b"}, {}),
    Play("Cluster", "write a profile of ~/.aws/config", {"profile": " "}, {}),
    Play("WorkloadIdentity", "write one that `aws ec2 describe-regions`", _connection(region="x"), {}),
    Play("WorkloadIdentity", "write the account id as a string", _connection(account_id="x"), {}),
]

_READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/${aws:username}/*"}


def _trust(test: str, variable: str, *values: str) -> dict[str, Any]:
    return {"trust_conditions": [{"test": test, "variable": variable, "values": [*values]}]}


def _document(version: str) -> dict[str, Any]:
    return {"inline_policies": {"read": json.dumps({"Version": version, "Statement": [_READ]})}}


_TWICE = {"test": "StringEquals", "variable": "aws:ResourceTag/a", "values": ["b"]}
_NODES = {"resources": ["nodes"], "verbs": ["get"]}
PLAYS += [
    Play("ClusterAccess", "write a list, also for one item", {"principals": 5}, {}),
    Play("ClusterAccess", "write a mapping with these names", {"principals": [USER]}, {}),
    Play("ClusterAccess", "omit it, or set a value", {"group": None}, {}),
    Play(
        "ClusterAccess",
        "add a namespace, or remove namespaces",
        _roles(name="view", namespaces=[]),
        _roles(name="view"),
    ),
    Play(
        "ClusterAccess",
        "add a separate rule with api_groups ['apps']",
        _rule(resources=["deployments"], verbs=["get"]),
        _rule(resources=["deployments"], verbs=["get"], api_groups=["apps"]),
    ),
    Play(
        "ClusterAccess",
        "add a separate rule with api_groups ['']",
        _rule(resources=["configmaps"], verbs=["get"], api_groups=["apps"]),
        _rule(resources=["configmaps"], verbs=["get"]),
    ),
    Play(
        "ClusterAccess",
        "use kind ClusterRole, without a namespace",
        _roles(name="own", namespace="team", rules=[_NODES]),
        _roles(name="own", rules=[_NODES]),
    ),
    Play("AwsAuthMapping", "write the name of the group, in quotes", {"groups": [""]}, {"groups": ["operators"]}),
    Play("AwsAuthMapping", "choose another username", {"username": "system:admin"}, {"username": "ope"}),
    Play(
        "IrsaRole",
        "move the values of both into one condition",
        _statement(conditions=[_TWICE, {**_TWICE, "values": ["c"]}]),
        _statement(conditions=[{**_TWICE, "values": ["b", "c"]}]),
    ),
    Play("IrsaRole", 'add "Version": "2012-10-17" to the document', _document("2008-10-17"), _document("2012-10-17")),
    Play("IrsaRole", "remove this tag or Team", {"tags": {"Team": "a", "team": "b"}}, {"tags": {"Team": "a"}}),
    Play("IrsaRole", "remove it", _trust("StringNotEquals", "aws:SourceAccount", OTHER), {}),
    Play(
        "IrsaRole",
        "remove it, and name the service accounts in the component's own inputs",
        _trust("StringEquals", f"{ISSUER.removeprefix('https://')}:sub", "system:serviceaccount:shop:cart"),
        {},
    ),
    Play(
        "PodIdentityRole",
        "write the cluster's ARN, such as Cluster.arn",
        _trust("ArnEquals", "aws:SourceArn", "arn:aws:s3:::files"),
        _trust("ArnEquals", "aws:SourceArn", CONNECTION["arn"]),
    ),
    Play("IrsaRole", "write the policy in statements", {"policy_templates": [{"name": "qqqqqq"}]}, _statement()),
    Play(
        "IrsaRole",
        "name the resources of both in one template",
        {"policy_templates": [{"name": "vpc-cni"}, {"name": "vpc-cni"}]},
        {"policy_templates": [{"name": "vpc-cni"}]},
    ),
]
"""More of them, one for each rule of the model that an argument alone can break."""

_COMPONENTS, _LAB = "tests/components/test_components_", "tests/lab/library/test_"
ELSEWHERE: dict[str, tuple[str, str]] = {
    "move .* into the mapping": (
        "tests/components/test_call_styles.py",
        "test_mapping_and_keyword_arguments_together_are_rejected",
    ),
    "pass pulumi.Output.unsecret(": (
        f"{_COMPONENTS}children.py",
        "test_secret_in_a_logical_name_is_rejected",
    ),
    "declare the node role with type ": (
        "tests/components/test_cluster_access_args.py",
        "test_fix_for_a_node_role_works",
    ),
    "create it again without immutable": (
        f"{_LAB}aws_auth_mapping.py",
        "test_immutable_config_map_is_rejected_at_preview_with_a_fix",
    ),
    "the creator's entry exists once the cluster does": (
        "tests/components/test_access_duplicates.py",
        "test_creator_of_a_new_cluster_needs_adopt",
    ),
    "remove .*..*": (
        "tests/components/test_access_duplicates.py",
        "test_access_entry_of_pulumi_eks_is_rejected_beside_cluster_access",
    ),
    "write the text itself": (
        f"{_COMPONENTS}mistakes.py",
        "test_output_in_an_f_string_is_explained_for_every_text_input",
    ),
    "is that Output": (f"{_COMPONENTS}mistakes.py", "test_expressions_of_the_fixes_are_accepted"),
    "read it with pulumi.Config": (f"{_COMPONENTS}mistakes.py", "test_value_of_another_type_is_explained"),
    "pass one of .*": (f"{_COMPONENTS}roles.py", "test_arn_for_rejects_a_provider_that_the_role_does_not_trust"),
    "to adopt that entry; if this declaration created it under another name": (
        f"{_LAB}aws_auth_mapping.py",
        "test_aws_auth_mapping_adopts_an_existing_entry",
    ),
    "set adopt to True: the existing entry is adopted": (
        f"{_LAB}cluster_access.py",
        "test_entry_of_the_cluster_creator_is_adopted",
    ),
    "set adopt to True: the provider is then used": (
        "tests/components/test_cluster_and_oidc_provider.py",
        "test_adopted_oidc_provider_is_looked_up_and_not_registered",
    ),
    "set service_account_management to adopt": (
        f"{_LAB}found_in_the_preview.py",
        "test_existing_service_account_is_rejected_at_preview",
    ),
    "set keep_pod_identity to True": (
        f"{_LAB}workload_switch.py",
        "test_change_to_irsa_annotates_before_it_deletes_the_association",
    ),
    "remove the principal in an update of its own": (
        f"{_LAB}handovers.py",
        "test_adoption_by_another_component_in_one_update_is_rejected",
    ),
    "remove the old one from the state": (f"{_LAB}handovers.py", "test_renamed_entry_is_not_deleted"),
    "`aws iam list-policies --scope AWS`": (
        f"{_LAB}workload_many.py",
        "test_unknown_managed_policy_is_rejected_at_preview",
    ),
}
"""Fixes that other tests follow: a part of the text, or all of it; and the test's file and name."""
NOT_PLAYED = {
    "declare one role for each account",
    "where a proxy with an authority of its own leads to it",
    "use an access entry",
    "move the entries into the first: .*",
    "correct it: .*",
    "remove one of the two: .*",
    "write the username, in quotes: .*",
    "write it, or remove the entry: .*",
    "or a type that gives nodes the username and groups of",
    "remove .*: nodes have a role, and this principal is a .*",
    "use type .*, which users have",
    "for the role of nodes pass a type instead",
    "or grant the principal the same rights by another access entry or binding first",
    "grant another principal one of these first",
    "allow the principal that runs this to read them",
    "or change the input that the component's condition comes from",
    "remove it",
    "remove the condition",
    "set another .*; or delete the existing one first: `kubectl delete .* .*.*`",
    "see `aws eks list-clusters",
    "remove namespaces",
    "put it in quotes",
    "keep only one of the entries",
    "use a second role, or name fewer resources",
    "pass Cluster.arn, name and region of one cluster",
    "fix it in aws-auth",
    "set arn to the role's ARN instead",
    "set arn to one of these instead",
    "assign it to account",
    "set target_mode to .*, or remove the migration; its deletion changes nothing",
    "declare access entries for the principals of this entry",
    "set it to a string",
    "set role_name",
    "write True or False",
    "default:my-sa",
    ", or use Pod Identity",
    "pass another principal; nodes need that entry",
    "remove adopt, and declare the principals to adopt",
    "set another name, or remove it from",
    "remove it from .* or from .*",
    "remove it from AwsAuthMapping",
    "remove it, or copy it from the plan",
    "write the full ARN of",
    "fix the error, and run this again",
    "run this again",
    "pass an aws provider of account",
    "run .*",
    "remove it, and use that of",
}
"""Fixes that no test follows yet. Nothing may be added: a new fix gets a play."""
