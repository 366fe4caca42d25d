"""Privilege escalation: how a subject can act as another one, by permissions of IAM, EKS and Kubernetes.

actors                  subjects, goals and sets of them; the edges between them
permissions             a permission with its origin: a binding, an access policy, or statements of IAM policies
cluster_permissions     the permissions of each actor in the cluster
aws_permissions         the permissions of each actor in AWS; `principal_decisions` those of one
workload_roles          service accounts with their pods, roles and nodes
trusts                  roles by the principals and services that they trust
techniques              the catalogue of techniques: id, title, source
cluster_requests        the requests of Kubernetes techniques, and what allows them
kubernetes_techniques   graph → edges of Kubernetes permissions, to service accounts, nodes and roles
authorization_techniques   … of the verbs escalate and impersonate, of aws-auth, webhooks and certificates
bind_technique          … of the verb bind
iam_techniques          graph → edges of IAM permissions, from tables
eks_techniques          graph → edges of EKS permissions
search                  the shortest paths from one actor
cuts                    the change that closes a path, and the graph after it
subject_paths           the paths of one subject, each with its cut
"""
