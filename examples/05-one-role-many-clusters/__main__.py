"""One role for the same service account of several clusters."""

import pulumi

from eks_identity import Cluster, IrsaRole, OidcProvider, ServiceAccount

clusters = {name: Cluster(name, {"name": name}) for name in pulumi.Config().require_object("clusters")}
providers = {name: OidcProvider(name, {"issuer": cluster.issuer}) for name, cluster in clusters.items()}

role = IrsaRole(
    "reporter",
    {
        "oidc_provider_arns": [provider.arn for provider in providers.values()],
        "subjects": [{"namespace": "default", "name": "reporter"}],
        "policies": ["AmazonS3ReadOnlyAccess"],
    },
)

for name, cluster in clusters.items():
    ServiceAccount(
        f"{name}-reporter",
        {"namespace": "default", "name": "reporter", "role_arn": role.arn},
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )

pulumi.export("role_arn", role.arn)
