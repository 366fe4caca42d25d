"""Fixes of access entries, access policies and principals."""

from typing import Any

from support.component_program import ACCOUNT
from support.fix_plays.play import OTHER, REMOVE, USER, Play, connection
from support.sample_args import CONNECTION, role_arn


def _principals(*principals: Any) -> dict[str, Any]:
    return {"principals": list(principals)}


def _policies(*policies: Any, **other: Any) -> dict[str, Any]:
    return {"access_policies": list(policies), **other}


VIEW = {"policy": "AmazonEKSViewPolicy"}
NODES = {"type": "EC2_LINUX", "group": REMOVE, "rbac_roles": REMOVE, **_principals({"arn": role_arn("nodes")})}
SSO = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_"


def _permission_sets(*names: str, account: str = ACCOUNT) -> dict[str, Any]:
    arns = [f"{SSO}{name}".replace(ACCOUNT, account) for name in names]
    return {"getRoles": {"id": "x", "arns": arns, "names": []}}


_AWS_AUTH = {"access_method": "aws-auth"}


PLAYS = [
    Play(
        "ClusterAccess",
        "write access-entry, the method of new clusters",
        {"access_method": "x"},
        {"access_method": "access-entry"},
    ),
    Play(
        "ClusterAccess",
        "set access_method to access-entry, and adopt to True if",
        connection(authentication_mode="API") | {"access_method": "aws-auth"},
        {"adopt": True},
    ),
    Play(
        "ClusterAccess",
        "set access_method to access-entry",
        {**NODES, **_AWS_AUTH, "type": "EC2"},
        {**NODES, "type": "EC2"},
    ),
    Play(
        "ClusterAccess",
        "use aws-auth, or change",
        connection(authentication_mode="CONFIG_MAP"),
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
    Play("ClusterAccess", "write a date such as", {"expires": "soon"}, {"expires": "2030-01-31"}),
    Play(
        "ClusterAccess",
        "set access_method to access-entry or both, or remove expires",
        {"expires": "2030-01-31", "access_method": "aws-auth"},
        {"expires": "2030-01-31", "access_method": "both"},
    ),
    Play(
        "ClusterAccess",
        "remove the tag",
        {"expires": "2030-01-31", "tags": {"eks-identity/expires": "x"}},
        {"expires": "2030-01-31"},
    ),
    Play("ClusterAccess", "name a group", {"group": REMOVE}, {}),
    Play("ClusterAccess", "set group and rbac_roles", {"group": REMOVE, "rbac_roles": REMOVE}, {}),
    Play("ClusterAccess", "write a list, also for one item", {"principals": 5}, {}),
    Play("ClusterAccess", "write a mapping with these names", {"principals": [USER]}, {}),
    Play("ClusterAccess", "omit it, or set a value", {"group": None}, {}),
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
    Play(
        "ClusterAccess",
        "remove namespaces",
        _policies({"policy": "AmazonEKSComputePolicy", "namespaces": ["a"]}),
        _policies({"policy": "AmazonEKSComputePolicy"}),
    ),
    # permission sets
    Play(
        "ClusterAccess",
        "did you mean Operators",
        _principals({"permission_set": "Operator"}),
        _principals({"permission_set": "Operators"}),
        cloud=_permission_sets("Operators_0123456789abcdef"),
    ),
    Play(
        "ClusterAccess",
        f"assign it to account {ACCOUNT} in Identity Center",
        _principals({"permission_set": "Auditors"}),
        _principals({"permission_set": "Auditors"}),
        cloud=_permission_sets("Operators_0123456789abcdef"),
        changed_cloud=_permission_sets("Operators_0123456789abcdef", "Auditors_0123456789abcdef"),
    ),
    Play(
        "ClusterAccess",
        f"assign it to account {ACCOUNT} in Identity Center, or set arn",
        _principals({"permission_set": "Auditors"}),
        _principals({"arn": USER}),
        cloud=_permission_sets("Operators_0123456789abcdef"),
    ),
    Play(
        "ClusterAccess",
        f"set arn to one of these instead: {SSO}Operators_0123456789abcdef, {SSO}Operators_fedcba9876543210",
        _principals({"permission_set": "Operators"}),
        _principals({"arn": f"{SSO}Operators_fedcba9876543210"}),
        cloud=_permission_sets("Operators_0123456789abcdef", "Operators_fedcba9876543210"),
    ),
    Play(
        "ClusterAccess",
        "set arn to the role's ARN instead",
        _principals({"permission_set": "Operators"}) | _AWS_AUTH,
        _principals({"arn": f"{SSO}Operators_0123456789abcdef"}) | _AWS_AUTH,
        cloud=_permission_sets("Operators_0123456789abcdef", account=OTHER),
    ),
    Play(
        "ClusterAccess",
        f"set arn to the role's ARN instead, or pass an aws provider of account {ACCOUNT} in opts.providers",
        _principals({"permission_set": "Operators"}) | _AWS_AUTH,
        _principals({"permission_set": "Operators"}) | _AWS_AUTH,
        cloud=_permission_sets("Operators_0123456789abcdef", account=OTHER),
        changed_cloud=_permission_sets("Operators_0123456789abcdef"),
    ),
    Play(
        "AccessEntry",
        "pass Cluster.arn, name and region of one cluster",
        {"cluster_name": "another"},
        {"cluster_name": "eks-clu"},
    ),
]
