"""Fixes of service accounts, workloads and add-ons."""

import json

import pulumi

from support.component_program import ACCOUNT, ISSUER, provider_arn
from support.fix_plays.play import OTHER, REMOVE, Play, caller_of, connection
from support.sample_args import role_arn

DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
POD_IDENTITY = {"mode": "pod-identity", "oidc_provider_arn": REMOVE}

PLAYS = [
    Play("ServiceAccount", "write the namespace as `kubectl", {"namespace": "A"}, {"namespace": "a"}),
    Play("ServiceAccount", "write the service account as `kubectl", {"name": "A"}, {"name": "a"}),
    Play("ServiceAccount", "use ", {"annotations": {"eks.amazonaws.com/role-arn": "x"}}, {"role_arn": role_arn("x")}),
    Play("ServiceAccount", "write a mapping", {"annotations": 7}, {"annotations": {}}),
    Play("ServiceAccount", "write app or example.com/app", {"labels": {"my app": "a"}}, {"labels": {"app": "a"}}),
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
    Play("WorkloadIdentity", "write one that `aws ec2 describe-regions`", connection(region="x"), {}),
    Play("WorkloadIdentity", "write the account id as a string", connection(account_id="x"), {}),
    Play("Addon", "write True or False", {"preserve": lambda: pulumi.Output.from_input("yes")}, {"preserve": True}),
    # accounts
    Play(
        "WorkloadIdentity",
        f"pass an aws provider of account {ACCOUNT} in opts.providers",
        POD_IDENTITY,
        POD_IDENTITY,
        cloud=caller_of(OTHER),
        changed_cloud=caller_of(ACCOUNT),
    ),
    Play(
        "WorkloadIdentity",
        f"pass an aws provider of account {OTHER} in opts.providers",
        {"oidc_provider_arn": provider_arn().replace(ACCOUNT, OTHER)},
        {"oidc_provider_arn": provider_arn().replace(ACCOUNT, OTHER)},
        changed_cloud=caller_of(OTHER),
    ),
]
