"""The lab: both stories in one stack, people into `eks-clu`, pods of `irsa` and `eks-clu` out to AWS."""

from __future__ import annotations

import pulumi

from eks_identity.model.partitions import partition_of_region
from stacks import guard, settings
from stacks.compose import Environment


def compose() -> None:
    """Declares it, in the lab's account only."""
    said = settings.read()
    region = pulumi.Config("aws").require("region")
    environment = Environment(said, guard.account_of_the_lab(), partition_of_region(region))
    guard.clusters_are_there(said.clusters, region)
    environment.declare()
    environment.export()
