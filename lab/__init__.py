"""A local EKS: AWS's identity services, real Kubernetes control planes and nodes on one machine, with no AWS account.

tools/     the vendor's programs: found, downloaded or compiled
cloud/     AWS: moto with IAM enforced, reached by AWS's own host names
cluster/   etcd, kube-apiserver, authenticator, webhooks, nodes: what CreateCluster starts
plugins/   stand-ins for the official Pulumi plugins
"""
