"""A cluster leaves aws-auth for access entries, and everybody keeps working."""

import pulumi

import eks_identity as eks

config = pulumi.Config()

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})

migration = eks.AuthenticationModeMigration(
    "migration",
    {
        "cluster": cluster.connection,
        "target_mode": config.require("target_mode"),
        # Who may lose their way in: nobody who is not named here does.
        "accept_loss_of": config.get_object("accept_loss_of") or [],
    },
)

pulumi.export("authentication_mode", migration.authentication_mode)
pulumi.export("not_migrated", migration.not_migrated)
