"""Fixes of RBAC roles, aws-auth mappings and the migration from aws-auth."""

from typing import Any

from support.fix_plays.play import OTHER, REMOVE, Play
from support.sample_args import role_arn


def _roles(**role: Any) -> dict[str, Any]:
    return {"rbac_roles": [role]}


def _rule(**rule: Any) -> dict[str, Any]:
    return _roles(name="own", rules=[rule])


_NODES = {"resources": ["nodes"], "verbs": ["get"]}

PLAYS = [
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
    # aws-auth
    Play(
        "AuthenticationModeMigration",
        "write API_AND_CONFIG_MAP, or API",
        {"target_mode": "CONFIG_MAP"},
        {"target_mode": "API"},
    ),
    Play("AwsAuthMapping", "write the name of the group, in quotes", {"groups": [""]}, {"groups": ["operators"]}),
    Play("AwsAuthMapping", "choose another username", {"username": "system:admin"}, {"username": "ope"}),
    Play(
        "AwsAuthMapping",
        "declare the role in a ClusterAccess with type EC2",
        {"arn": role_arn("nodes"), "type": "EC2", "groups": REMOVE},
        {"type": "EC2", "group": REMOVE, "rbac_roles": REMOVE, "principals": [{"arn": role_arn("nodes")}]},
        instead="ClusterAccess",
    ),
    Play(
        "AwsAuthMapping",
        "remove system:nodes from groups, and username",
        {"groups": ["system:nodes", "operators"], "username": "system:node:ope"},
        {"groups": ["operators"]},
    ),
    Play("AwsAuthMapping", "remove system:nodes from groups", {"groups": ["system:nodes"]}, {"groups": []}),
    Play("AwsAuthMapping", "remove username", {"username": "system:node:ope"}, {}),
    Play("AwsAuthMapping", "use type STANDARD", {"type": "EC2_LINUX"}, {"type": "STANDARD"}),
    Play(
        "AwsAuthMapping",
        "pass the ARN of the nodes' role, and remove groups",
        {"type": "EC2_LINUX", "groups": ["system:nodes"]},
        {"type": "EC2_LINUX", "groups": REMOVE, "arn": role_arn("nodes")},
    ),
    Play("AwsAuthMapping", "pass a list, such as [operators]", {"groups": REMOVE}, {"groups": ["operators"]}),
    Play(
        "AwsAuthMapping",
        "pass a list, such as [operators]; for the role of nodes pass a type instead, such as EC2_LINUX",
        {"arn": role_arn("nodes"), "groups": REMOVE},
        {"arn": role_arn("nodes"), "groups": REMOVE, "type": "EC2_LINUX"},
    ),
    # migration
    Play("AuthenticationModeMigration", "remove it, or copy it from the plan", {"accept_loss_of": [" "]}, {}),
    Play(
        "AuthenticationModeMigration",
        "remove it, or copy it from the plan",
        {"accept_loss_of": [""]},
        {"accept_loss_of": [OTHER]},
    ),
    Play(
        "AuthenticationModeMigration",
        f"write the full ARN of {role_arn('ops')}",
        {"principals": {role_arn("ops"): role_arn("team/ops-2")}},
        {"principals": {role_arn("ops"): role_arn("team/ops")}},
    ),
    Play(
        "ClusterAccess",
        "remove it",
        _rule(verbs=["get"], resources=["pods"], resource_names=["a", ""]),
        _rule(verbs=["get"], resources=["pods"], resource_names=["a"]),
    ),
]
