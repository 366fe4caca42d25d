"""Client request tokens of all operations that have one: repeated calls, other parameters, and deleted resources."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.core.utils import camelcase_to_underscores, get_service_model

from lab.cloud.eks import EksResponse
from support.eks_constants import ACCOUNT, POD_TRUST, QUICK, trust

MODEL = get_service_model("eks")
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
MISMATCH = (
    "InvalidParameterException",
    "The clientRequestToken was already used in a request with different parameters",
)


def without_metadata(response):
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


@pytest.fixture
def calls(lab, client, make_cluster, cluster_role, node_role, pod_role, wait_for_update):
    """Return (operation, members, other members) of each implemented operation with a token, in running order.

    The other members differ from the first ones in one value.
    """
    lab.user("eks-ope")
    name = make_cluster()
    group = {"clusterName": name, "nodegroupName": "workers"}
    addon = {"clusterName": name, "addonName": "vpc-cni"}
    association = {"clusterName": name, "namespace": "default", "serviceAccount": "app", "roleArn": pod_role}
    profile = {"clusterName": name, "fargateProfileName": "jobs", "selectors": [{"namespace": "jobs"}]}
    profile["podExecutionRoleArn"] = lab.role("fargate", trust("eks-fargate-pods.amazonaws.com"))
    cluster = {"name": "second", "roleArn": cluster_role, "resourcesVpcConfig": {"subnetIds": lab.subnets()}}
    created = client.create_pod_identity_association(**association | {"serviceAccount": "updated"})["association"]
    updated = {"clusterName": name, "associationId": created["associationId"]}
    return (
        ("CreateCluster", cluster, {"deletionProtection": True}),
        ("UpdateClusterConfig", {"name": name, "deletionProtection": False}, {"deletionProtection": True}),
        ("CreateAccessEntry", {"clusterName": name, "principalArn": USER}, {"username": "ope"}),
        (
            "UpdateAccessEntry",
            {"clusterName": name, "principalArn": USER, "kubernetesGroups": ["a"]},
            {"kubernetesGroups": ["b"]},
        ),
        ("CreatePodIdentityAssociation", association, {"namespace": "other"}),
        ("UpdatePodIdentityAssociation", {**updated, "disableSessionTags": True}, {"disableSessionTags": False}),
        ("CreateAddon", addon, {"tags": {"a": "b"}}),
        ("UpdateAddon", {**addon, "configurationValues": "{}"}, {"addonVersion": "v1.20.4-eksbuild.1"}),
        ("CreateNodegroup", {**group, "nodeRole": node_role, "subnets": lab.subnets()}, {"diskSize": 30}),
        ("UpdateNodegroupConfig", {**group, "labels": {"addOrUpdateLabels": {"a": "b"}}}, {"labels": {}}),
        ("UpdateNodegroupVersion", group, {"version": "1.37"}),
        ("CreateFargateProfile", profile, {"tags": {"a": "b"}}),
    )


WAITERS = {
    "CreateCluster": ("cluster_active", ("name",)),
    "CreateAddon": ("addon_active", ("clusterName", "addonName")),
    "UpdateAddon": ("addon_active", ("clusterName", "addonName")),
    "CreateNodegroup": ("nodegroup_active", ("clusterName", "nodegroupName")),
    "UpdateNodegroupConfig": ("nodegroup_active", ("clusterName", "nodegroupName")),
    "UpdateNodegroupVersion": ("nodegroup_active", ("clusterName", "nodegroupName")),
    "CreateFargateProfile": ("fargate_profile_active", ("clusterName", "fargateProfileName")),
}


def test_token_returns_the_first_result_of_every_operation(client, calls, expect_error):
    """A repeated call returns the first result; with the token and other parameters it is rejected.

    Every implemented operation that has a token in botocore's model is called. UpdateClusterVersion always fails.
    """
    for operation, members, other in calls:
        method = camelcase_to_underscores(operation)
        request = {**members, "clientRequestToken": f"token-{operation}"}
        first = without_metadata(getattr(client, method)(**request))
        if operation in WAITERS:
            waiter, names = WAITERS[operation]
            client.get_waiter(waiter).wait(**{name: members[name] for name in names}, WaiterConfig=QUICK)
        assert without_metadata(getattr(client, method)(**request)) == first, operation
        assert expect_error(method, **{**request, **other}) == MISMATCH, operation
        assert without_metadata(getattr(client, method)(**request)) == first, operation
    with_token = {
        name
        for name in MODEL.operation_names
        if "clientRequestToken" in MODEL.operation_model(name).input_shape.members
        and hasattr(EksResponse, camelcase_to_underscores(name))
    }
    assert with_token - {"UpdateClusterVersion"} == {operation for operation, _, _ in calls}


def test_token_changes_nothing_the_second_time(lab, client, make_cluster):
    """A repeated update does not undo a later one, and starts no second update."""
    lab.user("eks-ope")
    name = make_cluster()
    target = {"clusterName": name, "principalArn": USER}
    client.create_access_entry(**target)
    first = {**target, "kubernetesGroups": ["first"], "clientRequestToken": "t"}
    client.update_access_entry(**first)
    client.update_access_entry(**target, kubernetesGroups=["second"])
    client.update_access_entry(**first)
    assert client.describe_access_entry(**target)["accessEntry"]["kubernetesGroups"] == ["second"]
    for _ in range(3):
        client.update_cluster_config(name=name, deletionProtection=False, clientRequestToken="u")
    assert len(client.list_updates(name=name)["updateIds"]) == 1


def test_other_token_is_another_call(lab, client, make_cluster, expect_error):
    """With another token, or none, a repeated creation is a 409."""
    lab.user("eks-ope")
    request = {"clusterName": make_cluster(), "principalArn": USER}
    client.create_access_entry(**request, clientRequestToken="a")
    assert expect_error("create_access_entry", **request, clientRequestToken="b")[0] == "ResourceInUseException"
    assert expect_error("create_access_entry", **request)[0] == "ResourceInUseException"


def test_token_of_a_deleted_resource_is_a_new_call(lab, client, make_cluster):
    """After the deletion of a resource its token creates the resource again, also with other parameters."""
    lab.user("eks-ope")
    target = {"clusterName": make_cluster(), "principalArn": USER}
    first = client.create_access_entry(**target, clientRequestToken="a")["accessEntry"]
    client.delete_access_entry(**target)
    second = client.create_access_entry(**target, username="ope", clientRequestToken="a")["accessEntry"]
    assert first["accessEntryArn"] != second["accessEntryArn"]
    assert client.describe_access_entry(**target)["accessEntry"]["username"] == "ope"


def test_failed_call_does_not_use_up_its_token(lab, client, make_cluster, expect_error):
    """A call that failed runs again with its token, also with other parameters."""
    target = {"clusterName": make_cluster(), "principalArn": USER, "clientRequestToken": "a"}
    assert expect_error("create_access_entry", **target)[0] == "InvalidParameterException"
    lab.user("eks-ope")
    assert client.create_access_entry(**target, username="ope")["accessEntry"]["username"] == "ope"


def test_tokens_of_accounts_and_regions_are_separate(lab, client, make_cluster, cluster_role):
    """The same token of another account is another call."""
    cluster = {"roleArn": cluster_role, "resourcesVpcConfig": {"subnetIds": lab.subnets()}}
    client.create_cluster(name="mine", clientRequestToken="a", **cluster)
    stranger = lab.client(**lab.user("stranger", account="222222222222"))
    role = lab.role("eks-cluster", trust("eks.amazonaws.com"), account="222222222222")
    theirs = {"roleArn": role, "resourcesVpcConfig": {"subnetIds": lab.subnets(account="222222222222")}}
    created = stranger.create_cluster(name="theirs", clientRequestToken="a", **theirs)["cluster"]
    assert created["arn"].endswith(":222222222222:cluster/theirs")


def test_replay_is_authorized(lab, client, make_cluster, expect_error):
    """A caller without the permission gets no result of another caller's token."""
    lab.user("eks-ope")
    request = {"clusterName": make_cluster(), "principalArn": USER, "clientRequestToken": "a"}
    client.create_access_entry(**request)
    unprivileged = lab.client(**lab.user("unprivileged", policy=None))
    assert expect_error("create_access_entry", unprivileged, **request)[0] == "AccessDeniedException"


def test_concurrent_calls_with_a_token_create_one_resource(lab, client, make_cluster):
    """Eight calls at once with one token return one association."""
    role = lab.role("app", POD_TRUST)
    request = {"clusterName": make_cluster(), "namespace": "default", "serviceAccount": "app", "roleArn": role}

    def create(_number):
        return client.create_pod_identity_association(**request, clientRequestToken="a")["association"]

    with ThreadPoolExecutor(8) as pool:
        ids = {association["associationId"] for association in pool.map(create, range(8))}
    assert len(ids) == 1
