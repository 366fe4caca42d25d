"""Add-ons, add-on versions and Kubernetes versions with boto3."""

import pytest

from support.eks_constants import ACCOUNT, POD_TRUST, QUICK

DRIVER = "aws-ebs-csi-driver"
DRIVER_SERVICE_ACCOUNT = "ebs-csi-controller-sa"


def install(client, name, **members):
    addon = client.create_addon(clusterName="eks-clu", addonName=name, **members)["addon"]
    client.get_waiter("addon_active").wait(clusterName="eks-clu", addonName=name, WaiterConfig=QUICK)
    return addon


def test_addon_lifecycle(client, make_cluster):
    """An add-on is CREATING, then ACTIVE in the default version, listed, and missing after DeleteAddon."""
    make_cluster()
    addon_info = client.describe_addon_versions(addonName="eks-pod-identity-agent", kubernetesVersion="1.37")["addons"][
        0
    ]
    default = next(
        version["addonVersion"]
        for version in addon_info["addonVersions"]
        if version["compatibilities"][0]["defaultVersion"]
    )
    created = install(client, "eks-pod-identity-agent", tags={"team": "ops"})
    assert created["status"] == "CREATING"
    addon = client.describe_addon(clusterName="eks-clu", addonName="eks-pod-identity-agent")["addon"]
    assert (addon["status"], addon["addonVersion"]) == ("ACTIVE", default)
    assert client.list_addons(clusterName="eks-clu")["addons"] == ["eks-pod-identity-agent"]
    deleted = client.delete_addon(clusterName="eks-clu", addonName="eks-pod-identity-agent")["addon"]
    assert deleted["status"] == "DELETING"
    client.get_waiter("addon_deleted").wait(
        clusterName="eks-clu", addonName="eks-pod-identity-agent", WaiterConfig=QUICK
    )


def test_update_addon(lab, client, make_cluster, wait_for_update):
    """UpdateAddon creates an update of the add-on, which DescribeUpdate finds with its name."""
    make_cluster()
    install(client, "vpc-cni", addonVersion="v1.20.4-eksbuild.1")
    role = lab.role("cni", POD_TRUST)
    update = client.update_addon(
        clusterName="eks-clu",
        addonName="vpc-cni",
        addonVersion="v1.21.1-eksbuild.1",
        serviceAccountRoleArn=role,
        resolveConflicts="OVERWRITE",
        configurationValues="{}",
    )["update"]
    assert update["type"] == "AddonUpdate"
    assert wait_for_update("eks-clu", update, addonName="vpc-cni")["status"] == "Successful"
    addon = client.describe_addon(clusterName="eks-clu", addonName="vpc-cni")["addon"]
    assert (addon["addonVersion"], addon["serviceAccountRoleArn"], addon["configurationValues"]) == (
        "v1.21.1-eksbuild.1",
        role,
        "{}",
    )
    assert client.list_updates(name="eks-clu")["updateIds"] == []
    assert client.list_updates(name="eks-clu", addonName="vpc-cni")["updateIds"] == [update["id"]]


def test_addon_owns_its_pod_identity_associations(lab, client, make_cluster, pod_role, expect_error, wait_for_update):
    """An add-on's associations are created, changed and deleted with it, and only through it."""
    make_cluster()
    install(client, DRIVER, podIdentityAssociations=[{"serviceAccount": DRIVER_SERVICE_ACCOUNT, "roleArn": pod_role}])
    addon = client.describe_addon(clusterName="eks-clu", addonName=DRIVER)["addon"]
    (summary,) = client.list_pod_identity_associations(clusterName="eks-clu")["associations"]
    assert addon["podIdentityAssociations"] == [summary["associationArn"]]
    assert summary["ownerArn"] == addon["addonArn"]
    (association,) = lab.plane("eks-clu").identity.associations
    assert (association.namespace, association.service_account, association.role_arn) == (
        "kube-system",
        DRIVER_SERVICE_ACCOUNT,
        pod_role,
    )
    target = {"clusterName": "eks-clu", "associationId": summary["associationId"]}
    for operation in ("update_pod_identity_association", "delete_pod_identity_association"):
        code, message = expect_error(operation, **target)
        assert (code, addon["addonArn"] in message) == ("InvalidRequestException", True)

    other = lab.role("other", POD_TRUST)
    associations = [{"serviceAccount": DRIVER_SERVICE_ACCOUNT, "roleArn": other}]
    update = client.update_addon(clusterName="eks-clu", addonName=DRIVER, podIdentityAssociations=associations)[
        "update"
    ]
    assert wait_for_update("eks-clu", update, addonName=DRIVER)["status"] == "Successful"
    assert lab.plane("eks-clu").identity.associations[0].role_arn == other
    client.delete_addon(clusterName="eks-clu", addonName=DRIVER)
    client.get_waiter("addon_deleted").wait(clusterName="eks-clu", addonName=DRIVER, WaiterConfig=QUICK)
    assert lab.plane("eks-clu").identity.associations == ()


def test_update_addon_without_role_removes_the_role(lab, client, make_cluster, wait_for_update):
    """UpdateAddon without a role removes the add-on's role, as the API reference says. Associations stay."""
    make_cluster()
    role = lab.role("driver", POD_TRUST)
    associations = [{"serviceAccount": DRIVER_SERVICE_ACCOUNT, "roleArn": role}]
    install(client, DRIVER, serviceAccountRoleArn=role, podIdentityAssociations=associations)
    update = client.update_addon(clusterName="eks-clu", addonName=DRIVER, configurationValues="{}")["update"]
    assert wait_for_update("eks-clu", update, addonName=DRIVER)["status"] == "Successful"
    addon = client.describe_addon(clusterName="eks-clu", addonName=DRIVER)["addon"]
    assert "serviceAccountRoleArn" not in addon
    assert len(addon["podIdentityAssociations"]) == 1


def test_addon_create_failed(lab, client, make_cluster, pod_role):
    """An add-on whose associations cannot be applied is CREATE_FAILED, with the error as a health issue."""
    make_cluster()
    lab.plane("eks-clu").identity_failure = OSError("no space left on device")
    associations = [{"serviceAccount": DRIVER_SERVICE_ACCOUNT, "roleArn": pod_role}]
    client.create_addon(clusterName="eks-clu", addonName=DRIVER, podIdentityAssociations=associations)
    with pytest.raises(Exception, match="CREATE_FAILED"):
        client.get_waiter("addon_active").wait(clusterName="eks-clu", addonName=DRIVER, WaiterConfig=QUICK)
    (issue,) = client.describe_addon(clusterName="eks-clu", addonName=DRIVER)["addon"]["health"]["issues"]
    assert (issue["code"], issue["message"]) == ("InternalFailure", "no space left on device")


def test_addon_rejects_existing_associations(lab, client, make_cluster, pod_role, expect_error):
    """An add-on does not adopt an existing association: the call is a 409, and no add-on is created."""
    make_cluster()
    client.create_pod_identity_association(
        clusterName="eks-clu", namespace="kube-system", serviceAccount=DRIVER_SERVICE_ACCOUNT, roleArn=pod_role
    )
    associations = [{"serviceAccount": DRIVER_SERVICE_ACCOUNT, "roleArn": lab.role("other", POD_TRUST)}]
    code, _ = expect_error(
        "create_addon", clusterName="eks-clu", addonName=DRIVER, podIdentityAssociations=associations
    )
    assert code == "ResourceInUseException"
    assert client.list_addons(clusterName="eks-clu")["addons"] == []
    assert lab.plane("eks-clu").identity.associations[0].role_arn == pod_role


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"addonName": "no-such-addon"}, "specified is not supported"),
        ({"addonName": "coredns", "addonVersion": "v0"}, "Addon version specified is not supported"),
        ({"addonName": "coredns", "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/missing"}, "does not exist"),
        (
            {"addonName": "coredns", "podIdentityAssociations": [{"serviceAccount": "x", "roleArn": "y"}]},
            "Service account x in pod identity configuration is not supported",
        ),
    ],
)
def test_invalid_create_addon_input_is_rejected(client, make_cluster, expect_error, members, message_part):
    """CreateAddon rejects input that EKS does not support."""
    make_cluster()
    code, message = expect_error("create_addon", clusterName="eks-clu", **members)
    assert (code, message_part in message) == ("InvalidParameterException", True), message
    assert client.list_addons(clusterName="eks-clu")["addons"] == []


def test_duplicate_and_missing_addon(client, make_cluster, expect_error):
    """A second add-on with the same name is a 409, a missing one a 404."""
    make_cluster()
    install(client, "coredns")
    assert expect_error("create_addon", clusterName="eks-clu", addonName="coredns")[0] == "ResourceInUseException"
    expected = ("ResourceNotFoundException", "No addon: vpc-cni found in cluster: eks-clu")
    assert expect_error("describe_addon", clusterName="eks-clu", addonName="vpc-cni") == expected


def test_describe_addon_versions(client, expect_error):
    """Every add-on has exactly one default version for the Kubernetes version. Filters restrict the list."""
    addons = client.describe_addon_versions(kubernetesVersion="1.37")["addons"]
    names = {addon["addonName"] for addon in addons}
    assert {"kube-proxy", "vpc-cni", "coredns", "eks-pod-identity-agent", DRIVER} <= names
    for addon in addons:
        defaults = [
            version["addonVersion"]
            for version in addon["addonVersions"]
            for compatibility in version["compatibilities"]
            if compatibility["defaultVersion"]
        ]
        assert len(defaults) == 1, addon["addonName"]
    assert client.describe_addon_versions(kubernetesVersion="1.10")["addons"] == []
    assert client.describe_addon_versions(owners=["aws-marketplace"])["addons"] == []
    security = client.describe_addon_versions(types=["security"])["addons"]
    assert [addon["addonName"] for addon in security] == ["eks-pod-identity-agent"]
    assert expect_error("describe_addon_versions", addonName="nope")[0] == "ResourceNotFoundException"
    driver_info = next(addon for addon in addons if addon["addonName"] == DRIVER)
    version = driver_info["addonVersions"][0]["addonVersion"]
    configuration = client.describe_addon_configuration(addonName=DRIVER, addonVersion=version)
    assert [item["serviceAccount"] for item in configuration["podIdentityConfiguration"]] == [DRIVER_SERVICE_ACCOUNT]
    (version,) = client.describe_cluster_versions(defaultOnly=True)["clusterVersions"]
    assert (version["clusterVersion"], version["defaultVersion"]) == ("1.37", True)
