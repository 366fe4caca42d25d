"""Add-ons and what EKS offers, through boto3."""

import pytest
from eks_constants import ACCOUNT, POD_TRUST, QUICK

DRIVER = "aws-ebs-csi-driver"
DRIVER_ACCOUNT = "ebs-csi-controller-sa"


def install(client, name, **members):
    made = client.create_addon(clusterName="eks-clu", addonName=name, **members)["addon"]
    client.get_waiter("addon_active").wait(clusterName="eks-clu", addonName=name, WaiterConfig=QUICK)
    return made


def test_life_of_an_addon(client, make_cluster):
    """An add-on is CREATING, then ACTIVE at the default version, listed, and gone after DeleteAddon."""
    make_cluster()
    offered = client.describe_addon_versions(addonName="eks-pod-identity-agent", kubernetesVersion="1.37")["addons"][0]
    default = next(
        version["addonVersion"]
        for version in offered["addonVersions"]
        if version["compatibilities"][0]["defaultVersion"]
    )
    made = install(client, "eks-pod-identity-agent", tags={"team": "ops"})
    assert made["status"] == "CREATING"
    addon = client.describe_addon(clusterName="eks-clu", addonName="eks-pod-identity-agent")["addon"]
    assert (addon["status"], addon["addonVersion"]) == ("ACTIVE", default)
    assert client.list_addons(clusterName="eks-clu")["addons"] == ["eks-pod-identity-agent"]
    deleted = client.delete_addon(clusterName="eks-clu", addonName="eks-pod-identity-agent")["addon"]
    assert deleted["status"] == "DELETING"
    client.get_waiter("addon_deleted").wait(
        clusterName="eks-clu", addonName="eks-pod-identity-agent", WaiterConfig=QUICK
    )


def test_update_of_an_addon(lab, client, make_cluster, finished):
    """UpdateAddon is an update of the add-on's own, which DescribeUpdate finds with its name."""
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
    assert finished("eks-clu", update, addonName="vpc-cni")["status"] == "Successful"
    addon = client.describe_addon(clusterName="eks-clu", addonName="vpc-cni")["addon"]
    assert (addon["addonVersion"], addon["serviceAccountRoleArn"], addon["configurationValues"]) == (
        "v1.21.1-eksbuild.1",
        role,
        "{}",
    )
    assert client.list_updates(name="eks-clu")["updateIds"] == []
    assert client.list_updates(name="eks-clu", addonName="vpc-cni")["updateIds"] == [update["id"]]


def test_owned_associations(lab, client, make_cluster, pod_role, refused, finished):
    """An add-on's associations are made, changed and deleted with it, and through it alone."""
    make_cluster()
    install(client, DRIVER, podIdentityAssociations=[{"serviceAccount": DRIVER_ACCOUNT, "roleArn": pod_role}])
    addon = client.describe_addon(clusterName="eks-clu", addonName=DRIVER)["addon"]
    (summary,) = client.list_pod_identity_associations(clusterName="eks-clu")["associations"]
    assert addon["podIdentityAssociations"] == [summary["associationArn"]]
    assert summary["ownerArn"] == addon["addonArn"]
    (known,) = lab.plane("eks-clu").identity.associations
    assert (known.namespace, known.service_account, known.role_arn) == ("kube-system", DRIVER_ACCOUNT, pod_role)
    one = {"clusterName": "eks-clu", "associationId": summary["associationId"]}
    for operation in ("update_pod_identity_association", "delete_pod_identity_association"):
        code, message = refused(operation, **one)
        assert (code, addon["addonArn"] in message) == ("InvalidRequestException", True)

    other = lab.role("other", POD_TRUST)
    changed = [{"serviceAccount": DRIVER_ACCOUNT, "roleArn": other}]
    update = client.update_addon(clusterName="eks-clu", addonName=DRIVER, podIdentityAssociations=changed)["update"]
    assert finished("eks-clu", update, addonName=DRIVER)["status"] == "Successful"
    assert lab.plane("eks-clu").identity.associations[0].role_arn == other
    client.delete_addon(clusterName="eks-clu", addonName=DRIVER)
    client.get_waiter("addon_deleted").wait(clusterName="eks-clu", addonName=DRIVER, WaiterConfig=QUICK)
    assert lab.plane("eks-clu").identity.associations == ()


def test_an_update_without_a_role_leaves_the_nodes(lab, client, make_cluster, finished):
    """UpdateAddon that names no role takes the add-on's away, as its reference says; associations stay."""
    make_cluster()
    role = lab.role("driver", POD_TRUST)
    wanted = [{"serviceAccount": DRIVER_ACCOUNT, "roleArn": role}]
    install(client, DRIVER, serviceAccountRoleArn=role, podIdentityAssociations=wanted)
    update = client.update_addon(clusterName="eks-clu", addonName=DRIVER, configurationValues="{}")["update"]
    assert finished("eks-clu", update, addonName=DRIVER)["status"] == "Successful"
    addon = client.describe_addon(clusterName="eks-clu", addonName=DRIVER)["addon"]
    assert "serviceAccountRoleArn" not in addon
    assert len(addon["podIdentityAssociations"]) == 1


def test_addon_that_cannot_take_effect(lab, client, make_cluster, pod_role):
    """If its associations cannot be put into effect the add-on is CREATE_FAILED, with the reason as a health issue."""
    make_cluster()
    lab.plane("eks-clu").identity_failure = OSError("no space left on device")
    wanted = [{"serviceAccount": DRIVER_ACCOUNT, "roleArn": pod_role}]
    client.create_addon(clusterName="eks-clu", addonName=DRIVER, podIdentityAssociations=wanted)
    with pytest.raises(Exception, match="CREATE_FAILED"):
        client.get_waiter("addon_active").wait(clusterName="eks-clu", addonName=DRIVER, WaiterConfig=QUICK)
    (issue,) = client.describe_addon(clusterName="eks-clu", addonName=DRIVER)["addon"]["health"]["issues"]
    assert (issue["code"], issue["message"]) == ("InternalFailure", "no space left on device")


def test_associations_of_others_are_kept(lab, client, make_cluster, pod_role, refused):
    """An add-on does not take over an association that somebody else made: 409, and no add-on."""
    make_cluster()
    client.create_pod_identity_association(
        clusterName="eks-clu", namespace="kube-system", serviceAccount=DRIVER_ACCOUNT, roleArn=pod_role
    )
    wanted = [{"serviceAccount": DRIVER_ACCOUNT, "roleArn": lab.role("other", POD_TRUST)}]
    code, _ = refused("create_addon", clusterName="eks-clu", addonName=DRIVER, podIdentityAssociations=wanted)
    assert code == "ResourceInUseException"
    assert client.list_addons(clusterName="eks-clu")["addons"] == []
    assert lab.plane("eks-clu").identity.associations[0].role_arn == pod_role


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"addonName": "no-such-thing"}, "specified is not supported"),
        ({"addonName": "coredns", "addonVersion": "v0"}, "Addon version specified is not supported"),
        ({"addonName": "coredns", "serviceAccountRoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "does not exist"),
        (
            {"addonName": "coredns", "podIdentityAssociations": [{"serviceAccount": "x", "roleArn": "y"}]},
            "has no service account x",
        ),
    ],
)
def test_refused_input(client, make_cluster, refused, members, words):
    """CreateAddon refuses what EKS does not offer."""
    make_cluster()
    code, message = refused("create_addon", clusterName="eks-clu", **members)
    assert (code, words in message) == ("InvalidParameterException", True), message
    assert client.list_addons(clusterName="eks-clu")["addons"] == []


def test_addon_once(client, make_cluster, refused):
    """A second add-on of the same name is a 409; one that is not there is a 404."""
    make_cluster()
    install(client, "coredns")
    assert refused("create_addon", clusterName="eks-clu", addonName="coredns")[0] == "ResourceInUseException"
    expected = ("ResourceNotFoundException", "No addon: vpc-cni found in cluster: eks-clu")
    assert refused("describe_addon", clusterName="eks-clu", addonName="vpc-cni") == expected


def test_offers(client, refused):
    """Every add-on has exactly one default version for the Kubernetes version; filters narrow the list."""
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
    assert refused("describe_addon_versions", addonName="nope")[0] == "ResourceNotFoundException"
    driver = next(addon for addon in addons if addon["addonName"] == DRIVER)
    version = driver["addonVersions"][0]["addonVersion"]
    configuration = client.describe_addon_configuration(addonName=DRIVER, addonVersion=version)
    assert [item["serviceAccount"] for item in configuration["podIdentityConfiguration"]] == [DRIVER_ACCOUNT]
    (version,) = client.describe_cluster_versions(defaultOnly=True)["clusterVersions"]
    assert (version["clusterVersion"], version["defaultVersion"]) == ("1.37", True)
