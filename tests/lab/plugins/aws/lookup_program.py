"""Program with calls of the aws provider's functions, one of them about a resource of version 1."""

import json

import pulumi
import pulumi_aws as sdk


def program(version):
    """Call the functions and return their results."""
    tags = sdk.ProviderDefaultTagsArgs(tags={"project": "lab", "a": "default"})
    tagging = sdk.Provider("tagging", region="ap-northeast-1", default_tags=tags)
    role = sdk.iam.Role(
        "lookup",
        name="lookup",
        assume_role_policy=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}
        ),
        tags={"a": "b"},
        opts=pulumi.ResourceOptions(provider=tagging),
    )
    user = sdk.iam.User("lookup-user", name="lookup-user", path="/team/")
    provider = sdk.iam.OpenIdConnectProvider(
        "lookup-oidc", url="https://issuer.example.com/x", client_id_lists=["sts.amazonaws.com"]
    )
    vpc = sdk.ec2.get_vpc_output(default=True)
    results = {
        "partition": sdk.get_partition_output(),
        "region": sdk.get_region_output(),
        "caller": sdk.get_caller_identity_output(),
        "zones": sdk.get_availability_zones_output(state="available"),
        "role": sdk.iam.get_role_output(name=role.name),
        "user": sdk.iam.get_user_output(user_name=user.name),
        "oidc by url": sdk.iam.get_open_id_connect_provider_output(url=provider.url),
        "oidc by arn": sdk.iam.get_open_id_connect_provider_output(arn=provider.arn),
        "policy": sdk.iam.get_policy_output(name="AmazonS3ReadOnlyAccess"),
        "session": sdk.iam.get_session_context_output(arn="arn:aws:sts::123456789012:assumed-role/lookup/me")
        if version > 1
        else {},
        "vpc": vpc,
        "subnets": sdk.ec2.get_subnets_output(filters=[{"name": "vpc-id", "values": [vpc.id]}]),
        "principal": sdk.get_service_principal_output(service_name="eks"),
        "document": sdk.iam.get_policy_document_output(
            statements=[
                {
                    "actions": ["sts:AssumeRoleWithWebIdentity"],
                    "principals": [{"type": "Federated", "identifiers": [provider.arn]}],
                    "conditions": [
                        {"test": "StringEquals", "variable": "issuer:aud", "values": ["sts.amazonaws.com"]},
                        {"test": "StringLike", "variable": "issuer:sub", "values": ["a:&{aws:username}", "b"]},
                    ],
                },
                {"sid": "All", "effect": "Deny", "actions": ["s3:Get*", "s3:Put*"], "resources": ["*"]},
            ]
        ),
    }
    return {name: pulumi.Output.from_input(result).apply(as_document) for name, result in results.items()}


def as_document(result):
    return dict(vars(result)) if hasattr(result, "__dict__") else result
