"""Program with cluster access by aws providers with different credentials, in Python or hosted by the plugin."""

import json

import pulumi
import pulumi_aws as aws

import eks_identity as eks

for name, access in json.loads(pulumi.Config().require("config")).items():
    settings = access["provider"]
    if settings is None:
        options = pulumi.ResourceOptions()
    else:
        roles = [aws.ProviderAssumeRoleArgs(**role) for role in settings.pop("assume_roles", [])] or None
        provider = aws.Provider(f"{name}-provider", region="ap-northeast-1", assume_roles=roles, **settings)
        options = pulumi.ResourceOptions(providers=[provider])
    if access["hosted"]:
        kind = "eks-identity:index:ClusterAccess"
        pulumi.ComponentResource(kind, name, access["hosted"], options, remote=True)
    else:
        eks.ClusterAccess(name, access["access"], options)
