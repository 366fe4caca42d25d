"""AuthenticationModeMigration interrupted, and with aws-auth changed between preview and update."""

from __future__ import annotations

import pytest

from eks_identity.access.migration import AuthenticationModeMigrationProvider
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import InvalidInput
from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, REGION, Cluster, acting_as, aws_auth, write_aws_auth

OTHER_ACCOUNT = "210987654321"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """A cluster with authentication mode CONFIG_MAP and two users."""
    folder = tmp_path_factory.mktemp("resumed")
    cluster = Cluster(running_lab, tools, "resumed", AuthenticationMode.CONFIG_MAP, folder)
    cluster.user("res-one")
    cluster.user("res-two")
    return cluster


@pytest.fixture
def props(cluster, tools):
    with acting_as("lab-admin", cluster.home, tools):
        yield {"cluster_name": "resumed", "region": REGION, "kubeconfig": cluster.kubeconfig, "target_mode": "API"}


def test_interrupted_migration_continues(cluster, props, monkeypatch):
    """After an interruption between an entry and its access policy, the next run creates only what is missing."""
    masters = [master(f"res-{number}") for number in ("one", "two")]
    write_aws_auth(cluster, {**aws_auth(cluster), "mapUsers": masters})
    provider = AuthenticationModeMigrationProvider()
    one, two = (f"arn:aws:iam::{ACCOUNT}:user/res-{number}" for number in ("one", "two"))

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(EksApi, "associate_access_policy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            provider.create({**props, "target_mode": "API_AND_CONFIG_MAP"})
    assert cluster.mode == "API_AND_CONFIG_MAP"
    assert cluster.policies(one) == []
    assert two not in cluster.entries()
    created_at = cluster.entry(one)["createdAt"]

    checked = provider.check({}, {**props, "target_mode": "API_AND_CONFIG_MAP"})
    assert checked.inputs["pending"] == 2
    created = provider.create(checked.inputs).outs["created_entries"]
    assert [(each["principal_arn"], len(each["policies"])) for each in created] == [(one, 1), (two, 1)]
    assert cluster.policies(one) == cluster.policies(two) == ["AmazonEKSClusterAdminPolicy"]
    assert cluster.entry(one)["createdAt"] == created_at
    assert provider.check({}, {**props, "target_mode": "API_AND_CONFIG_MAP"}).inputs["pending"] == 0


def test_mapping_added_after_the_preview_stops_the_migration(cluster, props):
    """An account mapped between preview and update that is not in accept_loss_of prevents mode API."""
    provider = AuthenticationModeMigrationProvider()
    checked = provider.check({}, props)
    assert not checked.failures
    before = aws_auth(cluster)
    write_aws_auth(cluster, {**before, "mapAccounts": [OTHER_ACCOUNT]})
    with pytest.raises(InvalidInput, match=f"mapAccounts.0. {OTHER_ACCOUNT}"):
        provider.create(checked.inputs)
    assert cluster.mode == "API_AND_CONFIG_MAP"
    write_aws_auth(cluster, before)


def test_migration_keeps_the_callers_access(cluster, props):
    """If only mapAccounts grants access to the caller, accept_loss_of must list the caller's ARN."""
    provider = AuthenticationModeMigrationProvider()
    write_aws_auth(cluster, {**aws_auth(cluster), "mapAccounts": [ACCOUNT]})
    entry = cluster.entry(ADMIN)
    assert not provider.check({}, {**props, "accept_loss_of": [ACCOUNT]}).failures
    cluster.eks.delete_access_entry(clusterName="resumed", principalArn=entry["principalArn"])
    cluster.kubectl(
        "create",
        "clusterrolebinding",
        "caller",
        "--clusterrole=cluster-admin",
        f"--user={ADMIN}",
        principal="res-one",
    )
    (failure,) = provider.check({}, {**props, "accept_loss_of": [ACCOUNT]}).failures
    assert "must keep the caller's rights in the cluster" in failure.reason
    assert ADMIN in failure.reason
    assert not provider.check({}, {**props, "accept_loss_of": [ACCOUNT, ADMIN]}).failures


def master(name):
    return {"userarn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "username": name, "groups": ["system:masters"]}
