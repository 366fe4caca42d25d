"""`eks-access adopt` brings under the components what the real eksctl created."""

from support.adopted_clusters import AdoptedCluster, adopt_without_a_change
from support.eksctl_clients import ACCOUNT


def test_what_eksctl_created_is_adopted_without_a_change(clients, tools, new_cluster, user, tmp_path):
    """Provider, service account, role, mappings and binding are declared, and the next preview is empty."""
    name = new_cluster()
    cluster = AdoptedCluster(clients.home, tools, name, tmp_path)
    clients.update_kubeconfig(name, "lab-admin")
    clients.done("utils", "associate-iam-oidc-provider", "--cluster", name, "--approve")
    account = ("--name", "reports", "--attach-policy-arn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    clients.done("create", "iamserviceaccount", "--cluster", name, *account, "--approve")
    mapping = ("--arn", f"{ACCOUNT}:user/{user}", "--username", user, "--group", "operators")
    clients.done("create", "iamidentitymapping", "--cluster", name, *mapping)
    cluster.kubectl("create", "clusterrolebinding", "operators", "--clusterrole=view", "--group=operators")
    declared, _ = adopt_without_a_change(cluster, cluster.adopt(), cluster.project())
    assert f"mapUsers[0] of ConfigMap kube-system/aws-auth: {ACCOUNT}:user/{user}" in declared
    assert "service account default/reports" in declared
    assert any(each.startswith(f"IAM role {ACCOUNT}:role/eksctl-") for each in declared)
    assert any(each.startswith("IAM OIDC provider ") for each in declared)
