"""A cluster moves from aws-auth to access entries without losing access."""

import pulumi

from eks_identity import AuthenticationModeMigration, Cluster

config = pulumi.Config()

cluster = Cluster("cluster", {"name": config.require("cluster")})

migration = AuthenticationModeMigration(
    "migration",
    {
        "cluster": cluster.connection,
        "target_mode": config.require("target_mode"),
        # Principals that may lose access. The migration fails if it would remove the access of any other.
        "accept_loss_of": config.get_object("accept_loss_of") or [],
    },
)

pulumi.export("authentication_mode", migration.authentication_mode)
pulumi.export("not_migrated", migration.not_migrated)
