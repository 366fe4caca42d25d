"""Local EKS clusters: the control planes and nodes that the lab starts for CreateCluster and CreateNodegroup.

runtime                                         starts and stops clusters
control_plane                                   one cluster: its programs, in the order in which they start
etcd, api_server, controllers, authenticator    one module for each vendor program
authenticator_files, config_files               the files that those programs read
authorizer, access_policies                     EKS access policies as a Kubernetes authorization webhook
admission, pod_identity                         the EKS Pod Identity webhook
aws_auth, admin_client                          EKS's own writes to a cluster
webhooks, processes, ports, decoders            shared infrastructure
node_groups, node/                              nodes, which run pods as processes
"""

from lab.cluster.decoders import RESOURCE_MODULES, preload_decoders
from lab.cluster.node import Confinement
from lab.cluster.runtime import Runtime

preload_decoders(*RESOURCE_MODULES)

__all__ = ["Confinement", "Runtime"]
