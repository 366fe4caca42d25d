"""A local EKS: AWS's identity services, real Kubernetes control planes and nodes on one machine, with no AWS account.

tools/      the vendors' programs: found on PATH, downloaded or compiled
cloud/      AWS: moto with IAM enforced, reached by AWS's own host names
cluster/    etcd, kube-apiserver, authenticator, webhooks and nodes: CreateCluster starts them
plugins/    stand-ins for the official Pulumi plugins
scenarios/  end-to-end scenarios, run by the demo and by the tests
"""
