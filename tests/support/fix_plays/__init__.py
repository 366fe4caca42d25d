"""For each fix that a validation error can give: a play, or the test that follows it."""

from support.fix_plays import cluster_access, clusters, iam_roles, pipeline_roles, rbac, trust_policies, workloads
from support.fix_plays.elsewhere import ELSEWHERE
from support.fix_plays.play import Play, arguments

__all__ = ["ELSEWHERE", "PLAYS", "Play", "arguments"]

_PARTS = (clusters, cluster_access, rbac, iam_roles, trust_policies, workloads, pipeline_roles)
PLAYS = [play for part in _PARTS for play in part.PLAYS]
