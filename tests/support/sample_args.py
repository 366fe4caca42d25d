"""Valid arguments of every component. The samples of a component together have each of its keys.

A new component of the package is found by itself; until it has samples here, the tests fail by its name.
"""

import inspect
import json
import typing
from collections.abc import Iterator
from typing import Any

import pulumi

import eks_identity as eks
from eks_identity.runtime.typed_dicts import sdk_options_of
from support.component_program import ACCOUNT, ISSUER, REGION, kubeconfig, provider_arn

COMPONENTS = {
    name: value
    for name in eks.__all__
    if inspect.isclass(value := getattr(eks, name)) and issubclass(value, pulumi.Resource)
}
"""Every component and resource that the package exports, by its class's name."""

CONNECTION = {
    "name": "eks-clu",
    "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu",
    "endpoint": "https://example.gr7.ap-northeast-1.eks.amazonaws.com",
    "certificate_authority": "Y2VydGlmaWNhdGU=",
    "issuer": ISSUER,
    "region": REGION,
    "account_id": ACCOUNT,
    "partition": "aws",
    "authentication_mode": "API_AND_CONFIG_MAP",
    "kubeconfig": kubeconfig(),
}
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
TAGS = {"team": "shop"}
SUBJECT = {"namespace": "shop", "name": "cart"}


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def _regional(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


CATALOGUE = [
    {"name": "external-dns", "hosted_zone_arns": ["arn:aws:route53:::hostedzone/Z1"]},
    {"name": "velero", "bucket_arns": ["arn:aws:s3:::backups"], "key_prefixes": ["velero/"]},
    {
        "name": "external-secrets",
        "secret_arns": [_regional("secretsmanager", "secret:shop-a1b2c3")],
        "parameter_arns": [_regional("ssm", "parameter/shop/*")],
        "kms_key_arns": [_regional("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")],
        "write": True,
    },
    {"name": "aws-efs-csi-driver", "file_system_arns": [_regional("elasticfilesystem", "file-system/fs-1")]},
    {
        "name": "karpenter",
        "cluster_names": ["eks-clu"],
        "node_role_arns": [role_arn("nodes")],
        "queue_arns": [_regional("sqs", "interruptions")],
    },
    {"name": "amazon-managed-service-prometheus", "workspace_arns": [_regional("aps", "workspace/ws-1")]},
    {
        "name": "aws-load-balancer-controller-target-group-binding-only",
        "target_group_arns": [_regional("elasticloadbalancing", "targetgroup/shop/1234567890123456")],
    },
    {"name": "vpc-cni", "ip_family": "ipv6"},
    {"name": "cert-manager", "all_resources": True},
]
ROLE = {
    "role_name": "shop-cart",
    "path": "/shop/",
    "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "max_session_duration": 7200,
    "description": "What the shop may do.",
    "policies": ["AmazonS3ReadOnlyAccess", f"arn:aws:iam::{ACCOUNT}:policy/own"],
    "inline_policies": {"own": DOCUMENT},
    "statements": [
        {
            "effect": "Allow",
            "actions": ["s3:GetObject"],
            "resources": ["arn:aws:s3:::files/*"],
            "conditions": [{"test": "StringEquals", "variable": "aws:ResourceTag/team", "values": ["shop"]}],
        }
    ],
    "assume_role_arns": ["arn:aws:iam::444455556666:role/there"],
    "trust_conditions": [{"test": "StringEquals", "variable": "aws:ResourceAccount", "values": [ACCOUNT]}],
    "policy_templates": CATALOGUE[4:5],
    "raised_quotas": True,
    "tags": TAGS,
}
PREFIXED = {"role_name_prefix": "shop-", "policy_templates": CATALOGUE[:4] + CATALOGUE[5:], "tags": TAGS}
SERVICE_ACCOUNT = {
    "audience": "sts.amazonaws.com",
    "sts_regional_endpoints": True,
    "token_expiration": 3600,
    "annotations": {"owner": "shop"},
    "labels": {"app": "cart"},
}
WORKLOAD = {"cluster": CONNECTION, "namespace": "shop", "service_account": "cart"}
ENTRY = {
    "cluster_name": "eks-clu",
    "region": REGION,
    "cluster_arn": CONNECTION["arn"],
    "kubeconfig": kubeconfig(),
}

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "LockoutGuard": [
        {**ENTRY, "principals": [USER], "administrators": [USER], "allow_lockout_of": [USER], "adopted": False}
    ],
    "Addon": [
        {
            "cluster": CONNECTION,
            "addon_name": "aws-ebs-csi-driver",
            "addon_version": "v1.53.0-eksbuild.1",
            "configuration_values": '{"controller": {"replicaCount": 1}}',
            "resolve_conflicts_on_create": "OVERWRITE",
            "resolve_conflicts_on_update": "PRESERVE",
            "preserve": True,
            "mode": "irsa",
            "oidc_provider_arn": provider_arn(),
            "service_account": "ebs-csi-controller-sa",
            **ROLE,
        },
        {
            "cluster": CONNECTION,
            "addon_name": "aws-ebs-csi-driver",
            "namespace": "storage",
            "mode": "pod-identity",
            "role_arn": role_arn("elsewhere"),
            "tags": TAGS,
        },
        {"cluster": CONNECTION, "addon_name": "aws-ebs-csi-driver", "mode": "pod-identity", **PREFIXED},
    ],
    "AccessEntry": [
        {
            **ENTRY,
            "principal_arn": USER,
            "username": "ope",
            "groups": ["operators"],
            "tags": TAGS,
            "allow_lockout_of": [USER],
            "guarded": False,
        }
    ],
    "AuthenticationModeMigration": [
        {
            "cluster": CONNECTION,
            "target_mode": "API",
            "principals": {role_arn("there"): role_arn("team/there")},
            "accept_loss_of": ["444455556666"],
        }
    ],
    "AwsAuthMapping": [
        {
            "kubeconfig": kubeconfig(),
            "arn": USER,
            "groups": ["operators"],
            "username": "ope",
            "adopt": True,
            "allow_lockout_of": [USER],
        },
        {"kubeconfig": kubeconfig(), "arn": role_arn("node"), "type": "EC2_LINUX"},
    ],
    "ChainedRole": [
        {"trusted_role_arns": [role_arn("cart")], "external_id": "shop-1", **ROLE},
        {
            "trusted_role_arns": [role_arn("cart")],
            "cluster_arns": [CONNECTION["arn"]],
            "subjects": [SUBJECT],
            **PREFIXED,
        },
    ],
    "Cluster": [
        {"name": "eks-clu", "role_arn": role_arn("team/admin"), "profile": "shop"},
        {
            "create": {
                "authentication_mode": "API",
                "skip_default_node_group": True,
                "service_role": role_arn("eks"),
                "vpc_cni_options": {"enable_network_policy": True},
                "tags": TAGS,
            },
            "node_groups": {"apps": {"scaling_config": {"min_size": 1, "max_size": 2, "desired_size": 1}}},
            "role_settings": {
                "role_name_prefix": "shop-",
                "path": "/shop/",
                "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
                "tags": TAGS,
            },
        },
    ],
    "ClusterAccess": [
        {
            "cluster": CONNECTION,
            "group": "operators",
            "rbac_roles": [
                {
                    "name": "look",
                    "kind": "ClusterRole",
                    "binding_name": "looking",
                    "rules": [
                        {"verbs": ["get"], "resources": ["pods"], "api_groups": [""], "resource_names": ["cart-0"]},
                        {"verbs": ["touch"], "non_resource_urls": ["/healthz"], "allow_unknown_verbs": True},
                    ],
                },
                {"name": "edit", "namespace": "shop"},
                {"name": "view", "namespaces": ["shop", "till"]},
            ],
            "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["shop"]}],
            "principals": [{"arn": USER, "username": "ope", "groups": ["auditors"]}],
            "type": "STANDARD",
            "access_method": "access-entry",
            "allow_lockout_of": [USER],
            "tags": TAGS,
            "expires": "2999-12-31",
        },
        {
            "cluster": CONNECTION,
            "group": "operators",
            "principals": [{"arn": USER}],
            "access_method": "aws-auth",
            "adopt": True,
        },
        {
            "cluster": CONNECTION,
            "group": "operators",
            "principals": [{"permission_set": "Operators", "account_id": ACCOUNT}],
        },
    ],
    "IrsaRole": [
        {
            "oidc_provider_arns": [provider_arn()],
            "subjects": [SUBJECT],
            "allow_wildcards": False,
            "audience": "sts.amazonaws.com",
            **ROLE,
        },
        {"oidc_provider_arns_by_role": {"tokyo": [provider_arn()]}, "subjects": [SUBJECT], **PREFIXED},
    ],
    "NodeIsolation": [{"name_prefix": "shop-", "disk_size": 50, "disk_device": "/dev/xvdb", "tags": TAGS}],
    "OidcProvider": [{"issuer": ISSUER, "audiences": ["sts.amazonaws.com"], "tags": TAGS, "adopt": False}],
    "PipelineRole": [
        {
            "oidc_provider_arn": provider_arn(issuer="https://token.actions.githubusercontent.com"),
            "github_jobs": [
                {
                    "repository": "octo-org/clusters",
                    "owner_id": "123456",
                    "repository_id": "456789",
                    "environment": "prod",
                },
                {"repository": "octo-org/clusters", "branch": "main"},
                {"repository": "octo-org/clusters", "pull_requests": True},
            ],
            "audience": "sts.amazonaws.com",
            **ROLE,
        },
        {
            "oidc_provider_arn": provider_arn(issuer="https://gitlab.com"),
            "gitlab_jobs": [
                {"project": "platform/clusters", "branch": "main"},
                {"project": "platform/clusters", "all_branches": True},
            ],
            **PREFIXED,
        },
    ],
    "PodIdentityRole": [
        {"cluster_arns": [CONNECTION["arn"]], "subjects": [SUBJECT], **ROLE},
        {"partition": "aws", **PREFIXED},
    ],
    "ServiceAccount": [{**SUBJECT, "role_arn": role_arn("cart"), "adopt": True, **SERVICE_ACCOUNT}],
    "WorkloadIdentity": [
        {
            **WORKLOAD,
            "more_service_accounts": [{"namespace": "shop", "name": "till"}],
            "mode": "irsa",
            "oidc_provider_arn": provider_arn(),
            "service_account_management": "create",
            "keep_pod_identity": True,
            **SERVICE_ACCOUNT,
            **ROLE,
        },
        {**WORKLOAD, "mode": "pod-identity", "match_session_tags": True, **PREFIXED},
        {
            **WORKLOAD,
            "mode": "pod-identity",
            "role_arn": role_arn("elsewhere"),
            "target_role_arn": "arn:aws:iam::444455556666:role/there",
            "disable_session_tags": True,
            "session_policy": DOCUMENT,
        },
    ],
}

Path = tuple[str | int, ...]


def shape_of(component: type) -> type:
    """Return the TypedDict of a component's args."""
    shape: type = inspect.get_annotations(component.__init__)["args"]
    return shape


def keys(shape: Any, under: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each key of a TypedDict, those of TypedDicts below it too, with what it takes; list items have the index 0.

    The options of pulumi_eks are passed on to it, so their keys are omitted; `test_new_cluster_args.py` tests them.
    """
    for name, annotation in inspect.get_annotations(shape).items():
        yield from _below(annotation, (*under, name))


def _below(annotation: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.NotRequired:
        yield from _below(arguments[0], path)
        return
    yield path, annotation
    if typing.is_typeddict(annotation):
        if sdk_options_of(annotation) is None:
            yield from keys(annotation, path)
    elif origin is list:
        yield from _below(arguments[0], (*path, 0))


def get(sample: Any, path: Path) -> list[Any]:
    """Return the values of a sample at `path`, in all items of the lists on the path."""
    found = [sample]
    for step in path:
        items = [item for value in found for item in value] if step == 0 else found
        found = items if step == 0 else [item[step] for item in items if isinstance(item, dict) and step in item]
    return found


def places(sample: Any, path: Path) -> list[Path]:
    """Return the paths of these values, with the index of each item."""
    found: list[Path] = [()]
    for step in path:
        longer: list[Path] = []
        for place in found:
            value = at(sample, place)
            if step == 0:
                longer += [(*place, index) for index in range(len(value))]
            elif isinstance(value, dict) and step in value:
                longer.append((*place, step))
        found = longer
    return found


def at(sample: Any, place: Path) -> Any:
    for step in place:
        sample = sample[step]
    return sample


def changed(sample: Any, place: Path, value: Any) -> Any:
    """Return a copy of a sample with another value at one path."""
    if not place:
        return value
    step, *rest = place
    copied = dict(sample) if isinstance(sample, dict) else list(sample)
    copied[step] = changed(sample[step], tuple(rest), value)  # type: ignore[index, call-overload]
    return copied


def written(place: Path) -> str:
    """Return a path as validation errors write it."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
