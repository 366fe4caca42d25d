"""`eksctl utils migrate-to-access-entry` on clusters whose aws-auth eksctl wrote."""

import pytest

from support.eksctl_clients import ACCOUNT

USER = f"{ACCOUNT}:user/eks-ope"
NODE_ROLE = f"{ACCOUNT}:role/eks-lab-node"
READ_ONLY = {"get nodes": "works", "get secrets": "Forbidden"}


@pytest.fixture
def mapped(clients, new_cluster, user, role):
    """A cluster of the mode CONFIG_MAP with mappings of a user, who may list nodes, and of a role."""
    cluster = new_cluster()
    assert clients.operate(cluster, "create", "clusterrole", "nodes", "--verb=list", "--resource=nodes").worked
    binding = ("--clusterrole=nodes", "--group=operators")
    assert clients.operate(cluster, "create", "clusterrolebinding", "nodes", *binding).worked
    for arn, group in ((USER, "operators"), (f"{ACCOUNT}:role/{role}", "viewers")):
        clients.done("create", "iamidentitymapping", "--cluster", cluster, "--arn", arn, "--group", group)
    clients.update_kubeconfig(cluster, user)
    return cluster


def verdicts(clients, cluster):
    return {text: clients.kubectl(cluster, *text.split(), principal="eks-ope").verdict for text in READ_ONLY}


def mode(clients, cluster):
    query = ("--query", "cluster.accessConfig.authenticationMode")
    return clients.query("eks", "describe-cluster", "--name", cluster, *query)


def entries(clients, cluster):
    return set(clients.query("eks", "list-access-entries", "--cluster-name", cluster)["accessEntries"])


def migrate(clients, cluster, *options):
    command = ("utils", "migrate-to-access-entry", "--cluster", cluster, "--target-authentication-mode", "API")
    return clients.eksctl(*command, *options)


def test_migration_to_access_entries(clients, mapped, role):
    """The user has the same access after each step. The first run stops at the node role, the second one completes.

    EKS itself creates the entry of a managed node group's role when the mode changes, and eksctl has read the entries
    before. Source: https://github.com/aws/containers-roadmap/issues/185 ("automatically migrated to node type access
    entries").
    """
    planned = migrate(clients, mapped)
    assert (planned.code, "no changes were applied" in planned.stdout) == (0, True)
    assert mode(clients, mapped) == "CONFIG_MAP"
    first = migrate(clients, mapped, "--approve")
    assert first.code == 1
    assert "The specified access entry resource is already in use on this cluster." in first.stdout
    assert f'failed to create access entry for principal ARN "{NODE_ROLE}"' in first.stderr
    assert mode(clients, mapped) == "API_AND_CONFIG_MAP"
    assert verdicts(clients, mapped) == READ_ONLY
    second = migrate(clients, mapped, "--approve")
    assert second.worked, second.stderr
    assert mode(clients, mapped) == "API"
    assert entries(clients, mapped) >= {USER, NODE_ROLE, f"{ACCOUNT}:role/{role}"}
    assert clients.read(mapped, "configmap", "aws-auth", "--namespace", "kube-system") is None
    assert verdicts(clients, mapped) == READ_ONLY
    (node,) = clients.read(mapped, "nodes")["items"]
    assert {"type": "Ready", "status": "True"}.items() <= node["status"]["conditions"][-1].items()


def test_migration_keeps_aws_auth_for_a_mapped_account(clients, mapped):
    """No entry can stand for a mapping of an account: the mode stays API_AND_CONFIG_MAP, and the ConfigMap stays."""
    clients.done("create", "iamidentitymapping", "--cluster", mapped, "--account", "123456789012")
    clients.done(
        *("utils", "update-authentication-mode", "--cluster", mapped), "--authentication-mode=API_AND_CONFIG_MAP"
    )
    migrated = migrate(clients, mapped, "--approve")
    assert migrated.worked, migrated.stderr
    assert "cannot create access entry, skipping" in migrated.stdout
    assert "will not update authentication mode to API" in migrated.stdout
    assert mode(clients, mapped) == "API_AND_CONFIG_MAP"
    assert USER in entries(clients, mapped)
    assert clients.mappings(mapped)["mapAccounts"] == ["123456789012"]
