"""Clusters of one name in two regions and in two accounts: what is declared for one is in that one, or rejected.

A token of EKS holds the cluster's name and neither region nor account, on AWS as in the lab: the authenticators of all
three clusters take it. Who has access where is decided by the access entries of each cluster, as kubectl shows.
"""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab_program import refused
from pods_program import ACCOUNT, OTHER_ACCOUNT, Stack, other_account

from lab.clusters import CLUSTER_ROLE
from lab.principals import OTHER_ADMINISTRATOR, client
from lab.scenarios.clients import LabClients

NAME = "both"
SOON = {"Delay": 0.1, "MaxAttempts": 1200}
PLACES = {
    "here": ("lab-admin", "ap-northeast-1"),
    "us": ("lab-admin", "us-east-1"),
    "other": (OTHER_ADMINISTRATOR, "ap-northeast-1"),
}
PROGRAM = """
def without_region(args):
    left = {key: value for key, value in args.props.items() if key != "region"}
    return pulumi.ResourceTransformResult(left, args.opts) if args.type_.startswith("aws:eks/") else None

def kubernetes(name):
    key, _, how = name.partition(" by ")
    if not how:
        return clusters[key].provider
    text = clusters[key].kubeconfig
    if how == "tunnel":
        text = text.apply(lambda known: known.replace("127.0.0.1", "localhost"))
    return k8s.Provider(f"{key}-{how}", kubeconfig=text)

providers = {key: aws.Provider(key, **settings) for key, settings in said["providers"].items()}
clusters = {
    key: eks.Cluster(key, {"name": "both"}, pulumi.ResourceOptions(provider=providers.get(key)))
    for key in said["clusters"]
}
for name, declared in said["declared"].items():
    passed = [providers[declared["aws"]]] if "aws" in declared else []
    passed += [kubernetes(declared["kubernetes"])] if "kubernetes" in declared else []
    transforms = [without_region] if said.get("without_region") else []
    options = pulumi.ResourceOptions(providers=passed, transforms=transforms)
    getattr(eks, declared["kind"])(name, {"cluster": clusters[declared["in"]].connection, **declared["args"]}, options)
"""


@pytest.fixture(scope="module")
def places(running_lab, tools, tmp_path_factory):
    """Three clusters of one name, with nobody in them but who created them and lab-admin."""
    folder = tmp_path_factory.mktemp("kubeconfigs")
    made = {
        key: Place(running_lab, folder / key, LabClients(running_lab, tools.bin), *where)
        for key, where in PLACES.items()
    }
    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(Place.create, made.values()))
    yield made
    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(Place.delete, made.values()))


class Place:
    """One of the clusters, seen with AWS's and Kubernetes' clients."""

    def __init__(self, home, kubeconfig, world, principal, region):
        self.eks, self.ec2, self.iam = (client(home, each, principal, region) for each in ("eks", "ec2", "iam"))
        self.kubeconfig, self.world, self.principal, self.region = kubeconfig, world, principal, region

    def create(self):
        subnets = [subnet["SubnetId"] for subnet in self.ec2.describe_subnets()["Subnets"]]
        self.eks.create_cluster(
            name=NAME,
            roleArn=self._role(),
            resourcesVpcConfig={"subnetIds": subnets},
            accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"},
        )
        self.eks.get_waiter("cluster_active").wait(name=NAME, WaiterConfig=SOON)
        if self.principal == OTHER_ADMINISTRATOR:
            admin = {"clusterName": NAME, "principalArn": f"arn:aws:iam::{ACCOUNT}:user/lab-admin"}
            self.eks.create_access_entry(**admin)
            policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
            self.eks.associate_access_policy(**admin, policyArn=policy, accessScope={"type": "cluster"})
        write = ("eks", "update-kubeconfig", "--name", NAME, "--region", self.region, "--kubeconfig")
        done = self.world.aws(*write, str(self.kubeconfig), principal=self.principal)
        assert done.worked, done.stderr

    def delete(self):
        self.eks.delete_cluster(name=NAME)
        self.eks.get_waiter("cluster_deleted").wait(name=NAME, WaiterConfig=SOON)

    def _role(self):
        trusted = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        try:
            return self.iam.create_role(RoleName=CLUSTER_ROLE, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        except self.iam.exceptions.EntityAlreadyExistsException:
            return self.iam.get_role(RoleName=CLUSTER_ROLE)["Role"]["Arn"]

    def kubectl(self, *arguments, principal="lab-admin"):
        return self.world.run("kubectl", f"--kubeconfig={self.kubeconfig}", *arguments, principal=principal)

    def found(self):
        """What the tests declare, as far as it is in this cluster."""
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
def users(running_lab, places):
    """An IAM user for each cluster, and one whom an earlier version lets in."""
    iam = client(running_lab, "iam")
    made = {key: f"{key}-{uuid.uuid4().hex[:8]}" for key in (*PLACES, "earlier")}
    for name in made.values():
        iam.create_user(UserName=name)
    return made


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, places):
    """Each test that makes something removes what the test before it made."""
    made = Stack(tmp_path_factory.mktemp("regions") / "project", running_lab, tools, PROGRAM)
    yield made
    made.stack.destroy()
    assert [place.found() for place in places.values()] == [NOTHING] * len(places)


@pytest.fixture
def said(running_lab):
    elsewhere = {"profile": "default", "shared_credentials_files": [other_account(running_lab)]}
    providers = {"us": {"region": "us-east-1"}, "other": {"region": "ap-northeast-1", **elsewhere}}
    return {"providers": providers, "clusters": list(PLACES), "declared": {}}


def access(user, in_, **passed):
    principals = [{"arn": f"arn:aws:iam::{ACCOUNT}:user/{user}"}]
    args = {"access_policies": [{"policy": "AmazonEKSViewPolicy"}], "principals": principals}
    if "kubernetes" in passed:
        args |= {"group": user, "rbac_roles": [{"name": "view"}]}
    return {"kind": "ClusterAccess", "in": in_, "args": args, **passed}


def workload(name, in_, **passed):
    args = {"mode": "pod-identity", "namespace": "default", "service_account": name}
    return {"kind": "WorkloadIdentity", "in": in_, "args": args, **({"kubernetes": in_} | passed)}


def addon(in_, **passed):
    return {"kind": "Addon", "in": in_, "args": {"addon_name": "eks-pod-identity-agent"}, **passed}


@pytest.mark.parametrize(
    ("in_", "given", "account"),
    [("here", {"aws": "other"}, ACCOUNT), ("other", {}, OTHER_ACCOUNT)],
    ids=["passed", "default"],
)
def test_a_provider_of_another_account_is_rejected(stack, said, places, in_, given, account):
    """In the preview, and in an update without one, in which nothing is created in either account."""
    said |= {"clusters": [in_], "declared": {"till": {**workload("till", in_), **given}}}
    for operation in (stack.say(said).preview, stack.stack.up):
        text = refused(operation)
        assert 'WorkloadIdentity "till": 1 problem' in text
        assert f"rule: must have an aws provider of the cluster's account {account}" in text
        assert f"pass an aws provider of account {account} in opts.providers" in text
    assert not {"aws:iam/role:Role", "kubernetes:core/v1:ServiceAccount"} & {each["type"] for each in stack.resources()}
    for place in places.values():
        assert place.found() == NOTHING
        assert not [role for role in place.iam.list_roles()["Roles"] if role["RoleName"].startswith("till")]


def test_a_kubernetes_provider_of_another_cluster_is_rejected(stack, said, places):
    """A service account would be in one cluster, its association in another; the error has nothing of a kubeconfig."""
    said |= {"clusters": ["here", "us"], "declared": {"till": workload("till", "here", kubernetes="us by hand")}}
    for operation in (stack.say(said).preview, stack.stack.up):
        text = refused(operation)
        assert "opts.providers: 'kubernetes provider \"us-hand\"'" in text
        assert f"must have a kubernetes provider of cluster arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/both" in text
        assert "127.0.0.1" not in text
    assert [place.found() for place in places.values()] == [NOTHING] * len(places)


def test_a_region_that_is_added_to_what_is_there_changes_nothing(stack, said, users):
    """What an earlier version declared without a region is in the region of its provider, and stays as it is."""
    said |= {"providers": {}, "clusters": ["here"]}
    workloads = {"pods": workload("pods", "here"), "agent": addon("here")}
    said["declared"] = {"earlier": access(users["earlier"], "here"), **workloads}
    stack.up({**said, "without_region": True})
    assert stack.say(said).preview().change_summary.keys() == {"same"}


def test_each_declaration_is_in_its_own_cluster(stack, said, places, users):
    """Whether the aws provider is forgotten, is of another region or is the cluster's; what has no region gets it."""
    said["declared"] = {
        "here": access(users["here"], "here", kubernetes="here"),
        "us": access(users["us"], "us", kubernetes="us by hand"),
        "other": access(users["other"], "other", aws="other", kubernetes="other by tunnel"),
        "pods-here": workload("pods-here", "here", aws="us"),
        "pods-us": workload("pods-us", "us"),
        "pods-other": workload("pods-other", "other", aws="other"),
        "agent-us": addon("us"),
    }
    stack.up(said)
    here, us, other = (places[key].found() for key in PLACES)
    assert here == {**NOTHING, "access": [users["here"]], "workloads": ["pods-here"], "accounts": ["pods-here"]}
    expected = {"access": [users["us"]], "workloads": ["pods-us"], "accounts": ["pods-us"]}
    assert us == {**expected, "addons": ["eks-pod-identity-agent"]}
    assert other == {**NOTHING, "access": [users["other"]], "workloads": ["pods-other"], "accounts": ["pods-other"]}
    allowed = [key for key in PLACES if places[key].kubectl("get", "pods", principal=users["us"]).worked]
    assert allowed == ["us"]
    assert all(places[key].kubectl("get", "pods", principal=users[key]).worked for key in ("here", "other"))
    assert stack.say(said).preview().change_summary.keys() == {"same"}
