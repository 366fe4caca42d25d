"""Program that migrates a cluster from aws-auth to access entries, as far as its settings say."""

import pulumi

from eks_identity import AuthenticationModeMigration, Cluster

config = pulumi.Config()
cluster = Cluster("main", {"name": config.require("cluster")})
if target_mode := config.get("target_mode"):
    AuthenticationModeMigration(
        "migration",
        {
            "cluster": cluster.connection,
            "target_mode": target_mode,
            "accept_loss_of": config.get_object("accept_loss_of") or [],
        },
    )
