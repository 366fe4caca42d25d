"""Program with a cluster and an IAM role for tokens of its OIDC provider, as resources that need no provider.

Settings: `open` the cluster's endpoint to the world, which violates the advisory rule `public-endpoint-open`; let
`any_token` assume the role, which violates the mandatory rule `trust-no-condition`; and make the OIDC provider
`unknown` until the update.
"""

import json

import pulumi
from wait import Wait

HOST = "oidc.eks.ap-northeast-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
CONDITION = {"StringEquals": {f"{HOST}:sub": "system:serviceaccount:shop:app", f"{HOST}:aud": "sts.amazonaws.com"}}

config = pulumi.Config()


def trust(provider):
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
    condition = {} if config.get_bool("any_token") else {"Condition": CONDITION}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | condition]})


def declare(kind, name, inputs):
    """Register a resource with these inputs, as `pulumi_aws` does for the engine."""
    pulumi.ComponentResource(f"aws:{kind}", name, {"name": name, **inputs})


declare(
    "eks/cluster:Cluster",
    "eks-clu",
    {
        "accessConfig": {"authenticationMode": "API"},
        "vpcConfig": {"endpointPublicAccess": config.get_bool("open") or False},
        "encryptionConfig": {
            "resources": ["secrets"],
            "provider": {"keyArn": "arn:aws:kms:eu-west-1:123456789012:key/k"},
        },
    },
)
provider = pulumi.Output.from_input(f"arn:aws:iam::123456789012:oidc-provider/{HOST}")
if config.get_bool("unknown"):
    created = Wait("provider", None, None)
    provider = pulumi.Output.all(created.id, provider).apply(lambda values: values[1])
declare("iam/role:Role", "app", {"assumeRolePolicy": provider.apply(trust)})
