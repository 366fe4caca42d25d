"""Real Kubernetes control planes with EKS's identity plane on one machine: what CreateCluster starts.

runtime            starts and stops clusters
control_plane      one cluster: its parts, in the order in which they start
etcd, api_server, controllers, authenticator    one file for each of the vendor's programs
principals, documents                           what those programs read
authorizer, access_policies                     EKS access policies
admission, pod_identity                         EKS's pod identity webhook
aws_auth, kubernetes                            what EKS itself writes into a cluster
webhooks, processes, ports, models              the ground they stand on
nodes, node/                                    nodes, which run pods as processes
"""

from lab.cluster.models import USED, make_ready
from lab.cluster.runtime import Runtime

make_ready(*USED)

__all__ = ["Runtime"]
