"""Fixes of trust policies: OIDC providers, subjects, trusted roles, conditions and accounts."""

from typing import Any

from support.component_program import ACCOUNT, ISSUER, provider_arn
from support.fix_plays.play import OTHER, REMOVE, USER, Play, caller_of
from support.sample_args import CONNECTION, SUBJECT, role_arn


def _trust(test: str, variable: str, *values: str) -> dict[str, Any]:
    return {"trust_conditions": [{"test": test, "variable": variable, "values": [*values]}]}


SUBJECTS = [{"namespace": "shop", "name": f"service-account-{number}"} for number in range(90)]
ROLES = [role_arn(f"role-number-{number}") for number in range(90)]
PROVIDERS = [provider_arn(issuer=f"{ISSUER}{number}") for number in range(10)]


def _session_names(count: int) -> dict[str, Any]:
    return _trust("StringEquals", "sts:RoleSessionName", *(f"session-number-{number}" for number in range(count)))


def _oidc_provider(*audiences: str) -> dict[str, Any]:
    provider = {"id": provider_arn(), "arn": provider_arn(), "url": ISSUER, "clientIdLists": [*audiences]}
    return {"getOpenIdConnectProvider": provider}


PLAYS = [
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
    Play("IrsaRole", "remove it", _trust("StringNotEquals", "aws:SourceAccount", OTHER), {}),
    Play(
        "IrsaRole",
        "remove it, and name the service accounts or jobs in the component's own inputs",
        _trust("StringEquals", f"{ISSUER.removeprefix('https://')}:sub", "system:serviceaccount:shop:cart"),
        {},
    ),
    Play(
        "PodIdentityRole",
        "write the cluster's ARN, such as Cluster.arn",
        _trust("ArnEquals", "aws:SourceArn", "arn:aws:s3:::files"),
        _trust("ArnEquals", "aws:SourceArn", CONNECTION["arn"]),
    ),
    Play(
        "IrsaRole",
        "divide the service accounts among several roles",
        {"subjects": SUBJECTS},
        {"subjects": SUBJECTS[:30]},
    ),
    Play(
        "IrsaRole",
        "divide the service accounts among several roles, or use Pod Identity",
        {"subjects": SUBJECTS},
        {"subjects": []},
        instead="PodIdentityRole",
    ),
    Play(
        "IrsaRole",
        "divide the service accounts among several roles, or use Pod Identity, whose trust policy names no service "
        "account; if AWS raised the account's quota, set raised_quotas to True",
        {"subjects": SUBJECTS[:60]},
        {"subjects": SUBJECTS[:60], "raised_quotas": True},
    ),
    Play(
        "IrsaRole",
        "set oidc_provider_arns_by_role in place of oidc_provider_arns, with at most 4 clusters for each role",
        {"oidc_provider_arns": PROVIDERS},
        {
            "oidc_provider_arns": REMOVE,
            "oidc_provider_arns_by_role": {"a": PROVIDERS[:4], "b": PROVIDERS[4:8], "c": PROVIDERS[8:]},
        },
    ),
    Play("IrsaRole", "remove values from trust_conditions", _session_names(100), _session_names(10)),
    Play("PodIdentityRole", "remove values from trust_conditions", _session_names(100), _session_names(10)),
    Play("ChainedRole", "remove values from trust_conditions", _session_names(100), _session_names(10)),
    Play(
        "Addon",
        "remove values from trust_conditions",
        {"mode": "pod-identity", "policies": ["A"], **_session_names(100)},
        {"mode": "pod-identity", "policies": ["A"], **_session_names(10)},
    ),
    Play(
        "WorkloadIdentity",
        "divide the service accounts among several roles, or remove values from trust_conditions",
        {"more_service_accounts": SUBJECTS[:2], **_session_names(100)},
        {"more_service_accounts": SUBJECTS[:2], **_session_names(10)},
    ),
    Play(
        "WorkloadIdentity",
        "divide the service accounts among several roles",
        {"more_service_accounts": SUBJECTS},
        {"more_service_accounts": SUBJECTS[:30]},
    ),
    Play(
        "ChainedRole",
        "divide trusted_role_arns among several roles",
        {"trusted_role_arns": ROLES},
        {"trusted_role_arns": ROLES[:30]},
    ),
    Play("PodIdentityRole", "divide subjects among several roles", {"subjects": SUBJECTS}, {"subjects": SUBJECTS[:30]}),
    Play(
        "IrsaRole",
        f"pass an aws provider of account {OTHER} in opts.providers",
        {"oidc_provider_arns": [provider_arn().replace(ACCOUNT, OTHER)]},
        {"oidc_provider_arns": [provider_arn().replace(ACCOUNT, OTHER)]},
        changed_cloud=caller_of(OTHER),
    ),
    Play(
        "IrsaRole",
        f"pass an aws provider of account {OTHER} in opts.providers; or register the cluster's issuer in account "
        f"{ACCOUNT} (OidcProvider), and pass that ARN",
        {"oidc_provider_arns": [provider_arn().replace(ACCOUNT, OTHER)]},
        {"oidc_provider_arns": [provider_arn()]},
    ),
    Play(
        "PodIdentityRole",
        "declare one role for each account",
        {"cluster_arns": [CONNECTION["arn"], CONNECTION["arn"].replace(ACCOUNT, OTHER)]},
        {"cluster_arns": [CONNECTION["arn"]]},
    ),
    Play(
        "PodIdentityRole",
        "declare one role for each account, each with an aws provider of that account in opts.providers",
        {"cluster_arns": [CONNECTION["arn"], CONNECTION["arn"].replace(ACCOUNT, OTHER)]},
        {"cluster_arns": [CONNECTION["arn"].replace(ACCOUNT, OTHER)]},
        changed_cloud=caller_of(OTHER),
    ),
    Play(
        "PodIdentityRole",
        "remove the condition",
        {"cluster_arns": [CONNECTION["arn"]], **_trust("ArnNotEquals", "aws:SourceArn", CONNECTION["arn"])},
        {"cluster_arns": [CONNECTION["arn"]]},
    ),
    Play(
        "ChainedRole",
        "remove the condition of sts:ExternalId: other inputs of the component set its values",
        {"external_id": "shop-1", **_trust("StringEquals", "sts:ExternalId", "shop-1")},
        {"external_id": "shop-1"},
    ),
    Play(
        "OidcProvider",
        f"run `aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {provider_arn()} "
        "--client-id sts.amazonaws.com`",
        {"adopt": True},
        {"adopt": True},
        cloud=_oidc_provider("other"),
        changed_cloud=_oidc_provider("other", "sts.amazonaws.com"),
    ),
]
