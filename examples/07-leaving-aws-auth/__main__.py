"""A cluster leaves aws-auth for access entries, and everybody keeps working."""

import pulumi

import eks_identity as eks

config = pulumi.Config()

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})

migration = eks.AuthenticationModeMigration(
    "migration",
    {
        "cluster": cluster.connection,
        "to": config.require("to"),
        # Who may lose their way in: nobody who is not named here does.
        "leave_behind": config.get_object("leave_behind") or [],
    },
)

pulumi.export("authentication_mode", migration.authentication_mode)
pulumi.export("left_behind", migration.left_behind)
