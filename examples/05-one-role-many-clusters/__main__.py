"""One role for the same service account of several clusters."""

import pulumi

import eks_identity as eks

clusters = {name: eks.Cluster(name, {"name": name}) for name in pulumi.Config().require_object("clusters")}
providers = {name: eks.OidcProvider(name, {"issuer": cluster.issuer}) for name, cluster in clusters.items()}

role = eks.IrsaRole(
    "reporter",
    {
        "oidc_provider_arns": [provider.arn for provider in providers.values()],
        "subjects": [{"namespace": "default", "name": "reporter"}],
        "policies": ["AmazonS3ReadOnlyAccess"],
    },
)

for name, cluster in clusters.items():
    eks.ServiceAccount(
        f"{name}-reporter",
        {"namespace": "default", "name": "reporter", "role_arn": role.arn},
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )

pulumi.export("role_arn", role.arn)
