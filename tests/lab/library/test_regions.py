"""Clusters with one name in two regions and two accounts: resources are created in their own cluster, or rejected.

A token of EKS contains the cluster's name but no region and no account, on AWS as in the lab, so that the
authenticators of all three clusters accept it. The access entries of each cluster decide about the access to it.
"""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.clusters import CLUSTER_ROLE
from lab.principals import OTHER_ADMINISTRATOR, client
from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import ACCOUNT, OTHER_ACCOUNT, Stack, other_account

NAME = "both"
POLL = {"Delay": 0.1, "MaxAttempts": 1200}
CLUSTERS = {
    "default": ("lab-admin", "ap-northeast-1"),
    "us": ("lab-admin", "us-east-1"),
    "other": (OTHER_ADMINISTRATOR, "ap-northeast-1"),
}
PROGRAM = Path(__file__).with_name("regions_program.py")


@pytest.fixture(scope="module")
def clusters(running_lab, tools, tmp_path_factory):
    """Three clusters with one name, to which only their creators and lab-admin have access."""
    folder = tmp_path_factory.mktemp("kubeconfigs")
    clusters = {
        key: RegionalCluster(running_lab, folder / key, LabClients(running_lab, tools.bin), principal, region)
        for key, (principal, region) in CLUSTERS.items()
    }
    with ThreadPoolExecutor(len(clusters)) as pool:
        list(pool.map(RegionalCluster.create, clusters.values()))
    yield clusters
    with ThreadPoolExecutor(len(clusters)) as pool:
        list(pool.map(RegionalCluster.delete, clusters.values()))


class RegionalCluster:
    """One of the clusters, with AWS's and Kubernetes' clients."""

    def __init__(self, home, kubeconfig, clients, principal, region):
        self.eks, self.ec2, self.iam = (client(home, service, principal, region) for service in ("eks", "ec2", "iam"))
        self.kubeconfig, self.clients, self.principal, self.region = kubeconfig, clients, principal, region

    def create(self):
        subnets = [subnet["SubnetId"] for subnet in self.ec2.describe_subnets()["Subnets"]]
        self.eks.create_cluster(
            name=NAME,
            roleArn=self._role(),
            resourcesVpcConfig={"subnetIds": subnets},
            accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"},
        )
        self.eks.get_waiter("cluster_active").wait(name=NAME, WaiterConfig=POLL)
        if self.principal == OTHER_ADMINISTRATOR:
            admin = {"clusterName": NAME, "principalArn": f"arn:aws:iam::{ACCOUNT}:user/lab-admin"}
            self.eks.create_access_entry(**admin)
            policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
            self.eks.associate_access_policy(**admin, policyArn=policy, accessScope={"type": "cluster"})
        command = ("eks", "update-kubeconfig", "--name", NAME, "--region", self.region, "--kubeconfig")
        result = self.clients.aws(*command, str(self.kubeconfig), principal=self.principal)
        assert result.worked, result.stderr

    def delete(self):
        self.eks.delete_cluster(name=NAME)
        self.eks.get_waiter("cluster_deleted").wait(name=NAME, WaiterConfig=POLL)

    def _role(self):
        statement = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        try:
            return self.iam.create_role(RoleName=CLUSTER_ROLE, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        except self.iam.exceptions.EntityAlreadyExistsException:
            return self.iam.get_role(RoleName=CLUSTER_ROLE)["Role"]["Arn"]

    def kubectl(self, *arguments, principal="lab-admin"):
        return self.clients.run("kubectl", f"--kubeconfig={self.kubeconfig}", *arguments, principal=principal)

    def resources(self):
        """Return the resources of the tests in this cluster."""
        users = self.eks.list_access_entries(clusterName=NAME)["accessEntries"]
        associations = self.eks.list_pod_identity_associations(clusterName=NAME)["associations"]
        accounts = self.kubectl("get", "serviceaccounts", "-n", "default", "-o", "name").stdout.split()
        return {
            "access": sorted(arn.rpartition("/")[2] for arn in users if not arn.endswith("/lab-admin")),
            "workloads": sorted(association["serviceAccount"] for association in associations),
            "accounts": sorted({account.partition("/")[2] for account in accounts} - {"default"}),
            "addons": self.eks.list_addons(clusterName=NAME)["addons"],
        }


NOTHING = {"access": [], "workloads": [], "accounts": [], "addons": []}


@pytest.fixture(scope="module")
def users(running_lab, clusters):
    """An IAM user for each cluster, and one with access by an earlier version of the program."""
    iam = client(running_lab, "iam")
    names = {key: f"{key}-{uuid.uuid4().hex[:8]}" for key in (*CLUSTERS, "earlier")}
    for name in names.values():
        iam.create_user(UserName=name)
    return names


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, clusters):
    """The stack. Each update removes the resources of the previous test."""
    stack = Stack(tmp_path_factory.mktemp("regions") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()
    assert [cluster.resources() for cluster in clusters.values()] == [NOTHING] * len(clusters)


@pytest.fixture
def config(running_lab):
    credentials = {"profile": "default", "shared_credentials_files": [other_account(running_lab)]}
    providers = {"us": {"region": "us-east-1"}, "other": {"region": "ap-northeast-1", **credentials}}
    return {"providers": providers, "clusters": list(CLUSTERS), "components": {}}


def access(user, cluster, **providers):
    principals = [{"arn": f"arn:aws:iam::{ACCOUNT}:user/{user}"}]
    args = {"access_policies": [{"policy": "AmazonEKSViewPolicy"}], "principals": principals}
    if "kubernetes" in providers:
        args |= {"group": user, "rbac_roles": [{"name": "view"}]}
    return {"kind": "ClusterAccess", "cluster": cluster, "args": args, **providers}


def workload(name, cluster, **providers):
    args = {"mode": "pod-identity", "namespace": "default", "service_account": name}
    return {"kind": "WorkloadIdentity", "cluster": cluster, "args": args, **({"kubernetes": cluster} | providers)}


def addon(cluster, **providers):
    return {"kind": "Addon", "cluster": cluster, "args": {"addon_name": "eks-pod-identity-agent"}, **providers}


@pytest.mark.parametrize(
    ("key", "providers", "account"),
    [("default", {"aws": "other"}, ACCOUNT), ("other", {}, OTHER_ACCOUNT)],
    ids=["passed", "default provider"],
)
def test_aws_provider_of_another_account_is_rejected(stack, config, clusters, key, providers, account):
    """Preview and update reject it, and no resource is created in either account."""
    config |= {"clusters": [key], "components": {"till": {**workload("till", key), **providers}}}
    for operation in (stack.configure(config).preview, stack.stack.up):
        error = expect_error(operation)
        assert 'WorkloadIdentity "till": 1 problem' in error
        assert f"rule: must have an aws provider of the cluster's account {account}" in error
        assert f"pass an aws provider of account {account} in opts.providers" in error
    assert not {"aws:iam/role:Role", "kubernetes:core/v1:ServiceAccount"} & {
        resource["type"] for resource in stack.resources()
    }
    for cluster in clusters.values():
        assert cluster.resources() == NOTHING
        assert not [role for role in cluster.iam.list_roles()["Roles"] if role["RoleName"].startswith("till")]


def test_kubernetes_provider_of_another_cluster_is_rejected(stack, config, clusters):
    """Service account and association would be in different clusters; the error contains no kubeconfig."""
    config |= {
        "clusters": ["default", "us"],
        "components": {"till": workload("till", "default", kubernetes="us by hand")},
    }
    for operation in (stack.configure(config).preview, stack.stack.up):
        error = expect_error(operation)
        assert "opts.providers: 'kubernetes provider \"us-hand\"'" in error
        assert f"must have a kubernetes provider of cluster arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/both" in error
        assert "127.0.0.1" not in error
    assert [cluster.resources() for cluster in clusters.values()] == [NOTHING] * len(clusters)


def test_region_added_to_existing_resources_changes_nothing(stack, config, users):
    """Resources that an earlier version declared without a region are in the provider's region, and have no change."""
    config |= {"providers": {}, "clusters": ["default"]}
    workloads = {"pods": workload("pods", "default"), "agent": addon("default")}
    config["components"] = {"earlier": access(users["earlier"], "default"), **workloads}
    stack.up({**config, "without_region": True})
    assert stack.configure(config).preview().change_summary.keys() == {"same"}


def test_each_component_creates_resources_in_its_own_cluster(stack, config, clusters, users):
    """The cluster's region is used with no aws provider, with one of another region, and with the cluster's own."""
    config["components"] = {
        "default": access(users["default"], "default", kubernetes="default"),
        "us": access(users["us"], "us", kubernetes="us by hand"),
        "other": access(users["other"], "other", aws="other", kubernetes="other by tunnel"),
        "pods-default": workload("pods-default", "default", aws="us"),
        "pods-us": workload("pods-us", "us"),
        "pods-other": workload("pods-other", "other", aws="other"),
        "agent-us": addon("us"),
    }
    stack.up(config)
    default, us, other = (clusters[key].resources() for key in CLUSTERS)
    expected = {"access": [users["default"]], "workloads": ["pods-default"], "accounts": ["pods-default"]}
    assert default == {**NOTHING, **expected}
    expected = {"access": [users["us"]], "workloads": ["pods-us"], "accounts": ["pods-us"]}
    assert us == {**expected, "addons": ["eks-pod-identity-agent"]}
    assert other == {**NOTHING, "access": [users["other"]], "workloads": ["pods-other"], "accounts": ["pods-other"]}
    allowed = [key for key in CLUSTERS if clusters[key].kubectl("get", "pods", principal=users["us"]).worked]
    assert allowed == ["us"]
    assert all(clusters[key].kubectl("get", "pods", principal=users[key]).worked for key in ("default", "other"))
    assert stack.configure(config).preview().change_summary.keys() == {"same"}
