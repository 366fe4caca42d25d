"""Input that EKS rejects: botocore's model on the server, and the rules that the model does not have."""

import json

import boto3
import pytest
from botocore.config import Config

from support.eks_constants import ACCOUNT, POD_TRUST, QUICK, REGION, trust

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
CROSS_ACCOUNT = "Cross-account pass role is not allowed."
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


@pytest.fixture
def unvalidated(lab):
    """Return a client that sends its input without checking it."""
    return boto3.client(
        "eks",
        region_name=REGION,
        verify=lab.access.ca_file,
        config=Config(
            retries={"total_max_attempts": 1}, proxies={"https": lab.access.proxy_url}, parameter_validation=False
        ),
        **lab.administrator,
    )


@pytest.fixture
def cluster(lab, make_cluster):
    lab.user("eks-ope")
    return make_cluster()


@pytest.fixture
def rejected(unvalidated, expect_error):
    """Return a function that calls an operation, which must reject its input, and returns the message."""

    def call(operation, **members):
        code, message = expect_error(operation, unvalidated, **members)
        expected = "AccessDeniedException" if message == CROSS_ACCOUNT else "InvalidParameterException"
        assert code == expected, message
        return message

    return call


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", "a" * 101, "a b", "a.b", "a/b", "a\n", "é", "a" * 99 + "!", "{{SessionName}}"]
)
def test_cluster_names(lab, rejected, cluster_role, name):
    """A cluster name has 1 to 100 letters, digits, hyphens and underscores, and no trailing newline."""
    vpc = {"subnetIds": lab.subnets()}
    assert "at 'name' failed to satisfy constraint" in rejected(
        "create_cluster", name=name, roleArn=cluster_role, resourcesVpcConfig=vpc
    )
    assert not lab.planes.started


@pytest.mark.parametrize(
    ("change", "message_part"),
    [
        ({"resourcesVpcConfig.publicAccessCidrs": ["junk"]}, "CIDRs are invalid in publicAccessCidrs: [junk]"),
        ({"resourcesVpcConfig.publicAccessCidrs": ["1.2.3.4"]}, "are invalid in publicAccessCidrs: [1.2.3.4]"),
        ({"resourcesVpcConfig.publicAccessCidrs": ["1.2.3.4/33"]}, "are invalid in publicAccessCidrs"),
        ({"resourcesVpcConfig.publicAccessCidrs": ["1.2.3.4/0.0.0.255"]}, "are invalid in publicAccessCidrs"),
        ({"resourcesVpcConfig.publicAccessCidrs": ["1.2.3.4/32,5.6.7.8/32"]}, "are invalid in publicAccessCidrs"),
        ({"resourcesVpcConfig.publicAccessCidrs": ["1.2.3.4/32\n"]}, "are invalid in publicAccessCidrs"),
        ({"resourcesVpcConfig.publicAccessCidrs": ["1.2.3.4/32", "10.1.0.0/16"]}, "not allowed in publicAccessCidrs"),
        ({"resourcesVpcConfig.securityGroupIds": ["sg-missing"]}, "'sg-missing' does not exist"),
        ({"resourcesVpcConfig.controlPlaneEgressMode": "FREE"}, "Member must satisfy enum value set"),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "8.8.0.0/16"}}, "serviceIpv4Cidr '8.8.0.0/16' is not valid"),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.0.0.0/8"}}, "between /24 and /12"),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.0.0.0/28"}}, "between /24 and /12"),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.0.0.1/16"}}, "between /24 and /12"),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.0.0.0"}}, "between /24 and /12"),
        ({"version": "latest"}, "unsupported Kubernetes version latest"),
        ({"version": "1.37\n"}, "unsupported Kubernetes version"),
        ({"roleArn": "eks-cluster"}, "The role ARN is not valid"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/eks-cluster\n"}, "The role ARN is not valid"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:user/eks-cluster"}, "The role ARN is not valid"),
        ({"roleArn": "arn:aws:iam::222222222222:role/eks-cluster"}, CROSS_ACCOUNT),
        ({"encryptionConfig": [{"resources": ["pods"]}]}, "resources of encryptionConfig must be [secrets]"),
        ({"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "key"}}]}, "not the ARN of a KMS key"),
        ({"encryptionConfig": [{}, {}]}, "Member must have length less than or equal to 1"),
        ({"upgradePolicy": {"supportType": "FOREVER"}}, "Member must satisfy enum value set: [STANDARD, EXTENDED]"),
        ({"logging": {"clusterLogging": [{"types": ["kernel"]}]}}, "Member must satisfy enum value set: [api,"),
    ],
)
def test_invalid_cluster_settings(lab, rejected, cluster_role, change, message_part):
    """CreateCluster rejects invalid addresses, roles, versions, keys and values outside of an enum."""
    request = {"name": "bad", "roleArn": cluster_role, "resourcesVpcConfig": {"subnetIds": lab.subnets()}}
    for path, value in change.items():
        parent, _, member = path.rpartition(".")
        (request[parent] if parent else request)[member] = value
    message = rejected("create_cluster", **request)
    assert message_part in message
    assert not lab.planes.started


NAMESPACES = ["A_B!", "Default", "-a", "a-", "a.b", "a" * 64, "a\n", "", "kube system", "*", "a*"]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_namespaces_of_associations(rejected, cluster, pod_role, client, namespace):
    """The namespace of an association is a DNS label, without wildcards."""
    association = {"clusterName": cluster, "serviceAccount": "app", "roleArn": pod_role}
    message = rejected("create_pod_identity_association", **association, namespace=namespace)
    assert f"The namespace '{namespace}' is not valid" in message
    assert client.list_pod_identity_associations(clusterName=cluster)["associations"] == []


@pytest.mark.parametrize("name", ["A_B!", "App", "-a", "a-", "a..b", "a" * 254, "a\n", "", "a b", "*", "app-*"])
def test_service_accounts_of_associations(rejected, cluster, pod_role, name):
    """The service account of an association, also of an add-on, is a DNS subdomain, without wildcards."""
    association = {"clusterName": cluster, "namespace": "default", "roleArn": pod_role}
    message = rejected("create_pod_identity_association", **association, serviceAccount=name)
    assert f"The service account '{name}' is not valid" in message
    associations = [{"serviceAccount": name, "roleArn": pod_role}]
    message = rejected("create_addon", clusterName=cluster, addonName="vpc-cni", podIdentityAssociations=associations)
    assert f"The service account '{name}' is not valid" in message


@pytest.mark.parametrize("name", ["a.b", "a" * 253, "0", "app-1.team"])
def test_valid_service_accounts_of_associations(client, cluster, pod_role, name):
    """Subdomains of up to 253 characters are valid service accounts."""
    association = {"clusterName": cluster, "namespace": "a" * 63, "roleArn": pod_role}
    client.create_pod_identity_association(**association, serviceAccount=name)


@pytest.mark.parametrize("namespace", ["A_B!", "-a", "a.b", "a" * 64, "a\n", "", "a*b", "*a", "a**"])
def test_namespaces_of_access_scopes(rejected, client, cluster, namespace):
    """The namespace of an access scope is a DNS label, and can end with a wildcard."""
    target = {"clusterName": cluster, "principalArn": USER}
    client.create_access_entry(**target)
    policy = {**target, "policyArn": VIEW}
    message = rejected(
        "associate_access_policy", **policy, accessScope={"type": "namespace", "namespaces": ["a", namespace]}
    )
    assert f"The namespace '{namespace}' is not valid" in message
    assert client.list_associated_access_policies(**target)["associatedAccessPolicies"] == []
    for valid in ("a", "*", "dev-*", "a*", "a" * 63):
        client.associate_access_policy(**policy, accessScope={"type": "namespace", "namespaces": [valid]})


@pytest.mark.parametrize(
    ("scope", "message_part"),
    [
        ({}, "must be cluster or namespace"),
        ({"type": "pod"}, "Member must satisfy enum value set"),
        ({"type": "namespace"}, "namespaces must be specified"),
        ({"type": "namespace", "namespaces": []}, "namespaces must be specified"),
        ({"type": "cluster", "namespaces": ["a"]}, "namespaces cannot be specified"),
    ],
)
def test_invalid_access_scopes(rejected, client, cluster, scope, message_part):
    """A scope is the cluster, or namespaces and their names."""
    target = {"clusterName": cluster, "principalArn": USER}
    client.create_access_entry(**target)
    assert message_part in rejected("associate_access_policy", **target, policyArn=VIEW, accessScope=scope)


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"kubernetesGroups": [""]}, "The kubernetes group name '' is invalid"),
        ({"kubernetesGroups": ["a\n"]}, "is invalid"),
        ({"kubernetesGroups": [" a"]}, "is invalid"),
        ({"kubernetesGroups": ["a", "system:masters"]}, "cannot start with system:"),
        ({"username": ""}, "The username '' is invalid"),
        ({"username": "a\n"}, "is invalid"),
        ({"username": "eks:admin"}, "cannot start with eks:"),
        ({"username": "{{SessionName}}"}, "needs a colon before it"),
    ],
)
def test_invalid_groups_and_usernames(rejected, client, cluster, members, message_part):
    """Reserved, empty and malformed usernames and groups are rejected by creation and update."""
    target = {"clusterName": cluster, "principalArn": USER}
    assert message_part in rejected("create_access_entry", **target, **members)
    client.create_access_entry(**target)
    assert message_part in rejected("update_access_entry", **target, **members)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        f"{USER}\n",
        "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:user/eks-ope",
        f"arn:aws:iam::{ACCOUNT}:role/{'r' * 65}",
        f"arn:aws:iam::{ACCOUNT}:role/é",
        f"arn:aws:iam::{ACCOUNT}:group/g",
        f"arn:aws:iam::{ACCOUNT}:role/",
        f"arn:aws:s3::{ACCOUNT}:role/r",
    ],
)
def test_invalid_principals(rejected, cluster, arn):
    """A principal is the ARN of a user or role. A name has at most 64 ASCII characters."""
    assert rejected("create_access_entry", clusterName=cluster, principalArn=arn) == (
        "The principalArn parameter format is not valid"
    )


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"nodegroupName": "a" * 64}, "must be 1 to 63 letters"),
        ({"nodegroupName": "a\n"}, "must be 1 to 63 letters"),
        ({"nodeRole": "arn:aws:iam::222222222222:role/eks-node"}, CROSS_ACCOUNT),
        ({"labels": {"-a": "b"}}, "label key '-a' is not valid"),
        ({"labels": {"a/b/c": "d"}}, "label key 'a/b/c' is not valid"),
        ({"labels": {"a": "-"}}, "label value '-' is not valid"),
        ({"labels": {"a": "b" * 64}}, "length less than or equal to 63"),
        ({"labels": {"node.kubernetes.io/x": "y"}}, "Label cannot contain reserved prefixes"),
        ({"labels": {"eks.amazonaws.com/nodegroup": "y"}}, "Label cannot contain reserved prefixes"),
        ({"taints": [{}]}, "A taint must have a key and an effect"),
        ({"taints": [{"key": "a"}]}, "A taint must have a key and an effect"),
        ({"taints": [{"key": "a b", "effect": "NO_EXECUTE"}]}, "taint key 'a b' is not valid"),
        ({"taints": [{"key": "a", "value": "b!", "effect": "NO_EXECUTE"}]}, "taint value 'b!' is not valid"),
        ({"taints": [{"key": "a", "effect": "NoExecute"}]}, "Member must satisfy enum value set: [NO_SCHEDULE,"),
        ({"scalingConfig": {"minSize": -1}}, "Member must have value greater than or equal to 0"),
        ({"scalingConfig": {"maxSize": 0}}, "Member must have value greater than or equal to 1"),
        ({"updateConfig": {}}, "either maxUnavailable or maxUnavailablePercentage"),
        ({"updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 1}}, "either maxUnavailable or"),
        ({"updateConfig": {"maxUnavailable": 101}}, "maxUnavailable must be at most 100"),
        ({"updateConfig": {"maxUnavailablePercentage": 101}}, "value less than or equal to 100"),
        ({"instanceTypes": ["large"]}, "instance type 'large' is not valid"),
        ({"releaseVersion": "newest"}, "release version 'newest' is not valid"),
        ({"amiType": "WINDOWS"}, "Member must satisfy enum value set"),
        ({"capacityType": "spot"}, "Member must satisfy enum value set"),
    ],
)
def test_invalid_nodegroup_settings(lab, rejected, client, cluster, node_role, members, message_part):
    """CreateNodegroup rejects names, labels, taints and sizes that Kubernetes or EKS does not allow."""
    request = {"clusterName": cluster, "nodegroupName": "ng", "nodeRole": node_role, "subnets": lab.subnets()}
    assert message_part in rejected("create_nodegroup", **{**request, **members})
    assert client.list_nodegroups(clusterName=cluster)["nodegroups"] == []


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"fargateProfileName": "-a"}, "The Fargate profile name '-a' is not valid"),
        ({"fargateProfileName": "a" * 101}, "is not valid"),
        ({"podExecutionRoleArn": "arn:aws:iam::222222222222:role/fargate"}, CROSS_ACCOUNT),
        ({"podExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/missing"}, "The role with name missing cannot be found"),
        ({"podExecutionRoleArn": "wrong-trust"}, "Misconfigured PodExecutionRole Trust Policy"),
        ({"subnets": ["subnet-1"]}, "'subnet-1' does not exist"),
        ({"selectors": []}, "must have 1 to 5 selectors, not 0"),
        ({"selectors": [{"namespace": "a"}] * 6}, "must have 1 to 5 selectors, not 6"),
        ({"selectors": [{}]}, "A selector must have a namespace"),
        ({"selectors": [{"namespace": "A_B!"}]}, "The namespace 'A_B!' is not valid"),
    ],
)
def test_invalid_fargate_profiles(lab, rejected, client, cluster, members, message_part):
    """CreateFargateProfile rejects invalid names, roles, subnets and selectors."""
    if members.get("podExecutionRoleArn") == "wrong-trust":
        members = {"podExecutionRoleArn": lab.role("wrong-trust", POD_TRUST)}
    request = {
        "clusterName": cluster,
        "fargateProfileName": "fp",
        "podExecutionRoleArn": lab.role("fargate", trust("eks-fargate-pods.amazonaws.com")),
        "selectors": [{"namespace": "dev-*"}],
    }
    assert message_part in rejected("create_fargate_profile", **{**request, **members})
    assert client.list_fargate_profiles(clusterName=cluster)["fargateProfileNames"] == []


CONFIGURATION_ERROR = "ConfigurationValue provided in request is not supported"


@pytest.mark.parametrize(
    ("addon", "values", "message_part"),
    [
        ("vpc-cni", "{", "neither JSON nor YAML"),
        ("vpc-cni", "[]", "$: [] is not of type 'object'"),
        ("vpc-cni", "text", "$: 'text' is not of type 'object'"),
        ("vpc-cni", {"colour": "red"}, "('colour' was unexpected)"),
        ("vpc-cni", {"env": {"ENABLE_POD_ENI": True}}, "$.env.ENABLE_POD_ENI: True is not of type 'string'"),
        ("vpc-cni", {"enableNetworkPolicy": "yes"}, "$.enableNetworkPolicy: 'yes' is not one of ['true', 'false']"),
        ("vpc-cni", {"init": {"x": 1}}, "$.init"),
        ("coredns", {"replicaCount": "two"}, "$.replicaCount: 'two' is not of type 'integer'"),
        ("coredns", {"replicaCount": -1}, "$.replicaCount"),
        ("coredns", {"env": {}}, "('env' was unexpected)"),
        ("kube-proxy", {"mode": "userspace"}, "$.mode"),
        ("external-dns", {"policy": "delete"}, "$.policy"),
        ("aws-ebs-csi-driver", {"controller": {"colour": "red"}}, "$.controller"),
        ("vpc-cni", "a: &a [*a, *a]\nb: !!python/object:os.system x", "neither JSON nor YAML"),
    ],
)
def test_addon_configuration_outside_of_its_schema(rejected, client, cluster, addon, values, message_part):
    """CreateAddon and UpdateAddon reject values that the schema of DescribeAddonConfiguration does not allow."""
    text = values if isinstance(values, str) else json.dumps(values)
    target = {"clusterName": cluster, "addonName": addon}
    message = rejected("create_addon", **target, configurationValues=text)
    assert message.startswith(CONFIGURATION_ERROR)
    assert message_part in message
    client.create_addon(**target)
    client.get_waiter("addon_active").wait(**target, WaiterConfig=QUICK)
    assert rejected("update_addon", **target, configurationValues=text) == message
    assert "configurationValues" not in client.describe_addon(**target)["addon"]


@pytest.mark.parametrize(
    ("addon", "text"),
    [
        ("vpc-cni", '{"env": {"ENABLE_PREFIX_DELEGATION": "true"}, "enableNetworkPolicy": "true"}'),
        ("coredns", "replicaCount: 3\ncomputeType: Fargate\n"),
        ("eks-pod-identity-agent", '{"tolerations": [{"operator": "Exists"}]}'),
        ("aws-ebs-csi-driver", '{"controller": {"replicaCount": 1}, "defaultStorageClass": {"enabled": true}}'),
        ("external-dns", '{"policy": "sync"}'),
    ],
)
def test_addon_configuration_in_json_and_yaml(client, cluster, addon, text):
    """Values that the schema allows are recorded as they are, in JSON or YAML."""
    target = {"clusterName": cluster, "addonName": addon}
    client.create_addon(**target, configurationValues=text)
    assert client.describe_addon(**target)["addon"]["configurationValues"] == text


def test_every_addon_publishes_its_schema(client):
    """DescribeAddonConfiguration returns the closed JSON schema of each supported add-on."""
    for addon in client.describe_addon_versions()["addons"]:
        version = addon["addonVersions"][0]["addonVersion"]
        description = client.describe_addon_configuration(addonName=addon["addonName"], addonVersion=version)
        schema = json.loads(description["configurationSchema"])
        assert schema["properties"], addon["addonName"]
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"addonName": "colour"}, "is not supported"),
        ({"addonVersion": "v0"}, "Addon version specified is not supported: v0"),
        ({"serviceAccountRoleArn": "x"}, "The role ARN is not valid: x"),
        ({"serviceAccountRoleArn": "x" * 256}, "length less than or equal to 255"),
        ({"serviceAccountRoleArn": "arn:aws:iam::222222222222:role/x"}, CROSS_ACCOUNT),
        ({"resolveConflicts": "MAYBE"}, "Member must satisfy enum value set: [OVERWRITE, NONE, PRESERVE]"),
        ({"namespaceConfig": {"namespace": "A_B!"}}, "The namespace 'A_B!' is not valid"),
        ({"namespaceConfig": {"namespace": "a" * 64}}, "length less than or equal to 63"),
        (
            {"podIdentityAssociations": [{"serviceAccount": "aws-node"}]},
            "at 'podIdentityAssociations.1.member.roleArn'",
        ),
        ({"podIdentityAssociations": [{"roleArn": "x"}]}, "at 'podIdentityAssociations.1.member.serviceAccount'"),
    ],
)
def test_invalid_addon_input(rejected, cluster, members, message_part):
    """CreateAddon rejects unknown names, versions, roles, namespaces and incomplete associations."""
    request = {"clusterName": cluster, "addonName": "vpc-cni"}
    assert message_part in rejected("create_addon", **{**request, **members})


@pytest.mark.parametrize(
    ("policy", "message_part"),
    [
        ("x", "not JSON"),
        ("{}", "Statement"),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}', "Effect"),
        ("[" * 10_000, "not a valid IAM policy"),
        ("1" * 10_000, "not a valid IAM policy"),
    ],
)
def test_invalid_session_policies_of_associations(rejected, cluster, pod_role, policy, message_part):
    """The policy of an association is an IAM policy."""
    association = {"clusterName": cluster, "namespace": "default", "serviceAccount": "app", "roleArn": pod_role}
    message = rejected("create_pod_identity_association", **association, policy=policy, disableSessionTags=True)
    assert message_part in message


def test_model_is_checked_before_authorization(lab, client, cluster, expect_error, unvalidated):
    """Input that the model does not allow is a 400, also where a part that authorization reads is missing."""
    associations = [{"serviceAccount": "aws-node"}]
    request = {"clusterName": cluster, "addonName": "vpc-cni", "podIdentityAssociations": associations}
    code, message = expect_error("create_addon", unvalidated, **request)
    assert (code, "roleArn" in message) == ("InvalidParameterException", True)


def test_documented_rules_are_checked_after_authorization(lab, cluster, pod_role, expect_error):
    """A caller without the permission is denied, and does not learn what else is wrong."""
    unprivileged = lab.client(**lab.user("unprivileged", policy=None))
    association = {"clusterName": cluster, "namespace": "A_B!", "serviceAccount": "app", "roleArn": pod_role}
    assert expect_error("create_pod_identity_association", unprivileged, **association)[0] == "AccessDeniedException"
