"""For each fix that a validation error can give: a play, or the test that follows it."""

from support.fix_plays import cluster_access, clusters, iam_roles, rbac, trust_policies, workloads
from support.fix_plays.elsewhere import ELSEWHERE
from support.fix_plays.play import Play, arguments

__all__ = ["ELSEWHERE", "PLAYS", "Play", "arguments"]

PLAYS = [*clusters.PLAYS, *cluster_access.PLAYS, *rbac.PLAYS, *iam_roles.PLAYS, *trust_policies.PLAYS, *workloads.PLAYS]
