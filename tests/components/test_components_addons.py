import json

import pulumi
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, ISSUER, cluster_facts, deploy, provider_arn

ADDON = "aws:eks/addon:Addon"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"
HOST = ISSUER.removeprefix("https://")
DRIVER = "aws-ebs-csi-driver"


def addon(connection, **args):
    return lambda: eks.Addon("thing", {"cluster": connection, "addon_name": DRIVER, **args})


def problems(connection, **args):
    with pytest.raises(InvalidInputError) as error:
        deploy(addon(connection, **args), preview=True)
    return {problem.input: problem for problem in error.value.problems}


def test_addon_without_mode_registers_no_role(connection):
    """The add-on has the configured options, and no role is registered."""
    values = json.dumps({"defaultStorageClass": {"enabled": True}})
    deployment = deploy(
        addon(
            connection,
            addon_name="eks-pod-identity-agent",
            addon_version="v1.3.10-eksbuild.1",
            configuration_values=values,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="PRESERVE",
            preserve=True,
            tags={"team": "ops"},
        )
    )
    assert deployment.names == [("eks-identity:index:Addon", "thing"), (ADDON, "thing")]
    assert deployment.one(ADDON).inputs == {
        "region": "ap-northeast-1",
        "clusterName": "eks-clu",
        "addonName": "eks-pod-identity-agent",
        "addonVersion": "v1.3.10-eksbuild.1",
        "configurationValues": values,
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "PRESERVE",
        "preserve": True,
        "tags": {"team": "ops"},
    }


def test_addon_with_irsa_gets_a_role_with_its_policy_template(connection):
    """The role trusts only the add-on's service account, and has the permissions of its policy template."""
    deployment = deploy(addon(connection, mode="irsa", oidc_provider_arn=provider_arn(), tags={"team": "ops"}))
    assert [type_ for type_, _ in deployment.names] == ["eks-identity:index:Addon", ROLE, POLICY, ADDON]
    role = deployment.one(ROLE)
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Federated": provider_arn()}
    assert statement["Condition"]["StringEquals"] == {
        f"{HOST}:sub": "system:serviceaccount:kube-system:ebs-csi-controller-sa",
        f"{HOST}:aud": "sts.amazonaws.com",
    }
    assert role.inputs["tags"] == {"team": "ops"}
    policy = deployment.one(POLICY)
    assert (policy.name, policy.inputs["name"]) == (f"thing-{DRIVER}", DRIVER)
    assert "ec2:AttachVolume" in policy.inputs["policy"]
    addon_inputs = deployment.one(ADDON).inputs
    assert addon_inputs["serviceAccountRoleArn"].startswith(f"arn:aws:iam::{ACCOUNT}:role/thing-")
    assert "podIdentityAssociations" not in addon_inputs


def test_addon_with_pod_identity_owns_its_association(connection):
    """The association is part of the add-on and not a resource; the role trusts the service of EKS."""
    deployment = deploy(addon(connection, mode="pod-identity"))
    assert not deployment.of("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert "pods.eks.amazonaws.com" in deployment.one(ROLE).inputs["assumeRolePolicy"]
    addon_inputs = deployment.one(ADDON).inputs
    (association,) = addon_inputs["podIdentityAssociations"]
    assert association["serviceAccount"] == "ebs-csi-controller-sa"
    assert association["roleArn"].startswith(f"arn:aws:iam::{ACCOUNT}:role/thing-")
    assert "serviceAccountRoleArn" not in addon_inputs


def test_addon_role_trusts_both_modes_while_oidc_provider_arn_is_set(connection):
    """A change of the mode leaves no pod without credentials."""
    deployment = deploy(addon(connection, mode="pod-identity", oidc_provider_arn=provider_arn()))
    statements = json.loads(deployment.one(ROLE).inputs["assumeRolePolicy"])["Statement"]
    assert [next(iter(statement["Principal"])) for statement in statements] == ["Service", "Federated"]


def test_policy_template_about_clusters_gets_the_addons_cluster(connection):
    """The policy of the observability add-on is scoped to the log groups of its cluster."""
    name = "amazon-cloudwatch-observability"
    deployment = deploy(addon(connection, addon_name=name, mode="pod-identity"))
    assert "log-group:/aws/containerinsights/eks-clu/*" in deployment.one(POLICY).inputs["policy"]
    (association,) = deployment.one(ADDON).inputs["podIdentityAssociations"]
    assert association["serviceAccount"] == "cloudwatch-agent"


def test_permissions_of_the_args_replace_the_policy_template(connection):
    """With permissions in the args, the policy template is not used."""
    deployment = deploy(addon(connection, mode="pod-identity", policies=["service-role/AmazonEBSCSIDriverPolicy"]))
    assert not deployment.of(POLICY)
    assert deployment.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment")


def test_addon_gets_an_existing_role(connection):
    """With role_arn no role is registered."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/existing"
    deployment = deploy(addon(connection, mode="irsa", role_arn=arn))
    assert deployment.one(ADDON).inputs["serviceAccountRoleArn"] == arn
    assert not deployment.of(ROLE)


def test_addon_namespace_is_in_the_trust_policy(connection):
    """The add-on is installed into the namespace, and the role trusts the service account in it."""
    deployment = deploy(
        addon(connection, mode="irsa", namespace="storage", oidc_provider_arn=provider_arn(), role_name="driver")
    )
    assert deployment.one(ADDON).inputs["namespaceConfig"] == {"namespace": "storage"}
    assert "system:serviceaccount:storage:ebs-csi-controller-sa" in deployment.one(ROLE).inputs["assumeRolePolicy"]


def test_addon_accepts_a_cluster_that_does_not_exist_yet(connection):
    """In the preview that creates the cluster nothing is rejected."""

    def program():
        cluster = eks.Cluster("clu", {"create": {"skip_default_node_group": True}})
        provider = eks.OidcProvider("clu", {"issuer": cluster.issuer})
        args = {"addon_name": "amazon-cloudwatch-observability", "mode": "irsa", "oidc_provider_arn": provider.arn}
        return eks.Addon("thing", {"cluster": cluster.connection, **args}).role_arn

    assert deploy(program, preview=True).value is None


@pytest.mark.parametrize(
    ("args", "field", "words"),
    [
        ({"mode": "sometimes"}, "mode", "irsa, pod-identity, none"),
        ({"mode": "irsa"}, "oidc_provider_arn", "must be set with mode irsa"),
        ({"addon_name": "eks-pod-identity-agent", "mode": "pod-identity"}, "mode", "gives other pods theirs"),
        ({"policies": ["ReadOnlyAccess"]}, "policies", "must be omitted with mode none"),
        ({"service_account": "x"}, "service_account", "must be omitted with mode none"),
        (
            {"addon_name": "adot", "mode": "pod-identity", "policies": ["X"]},
            "service_account",
            "no policy template",
        ),
        (
            {"addon_name": "adot", "mode": "pod-identity", "service_account": "x"},
            "policies",
            "no policy template",
        ),
        (
            {"addon_name": "external-dns", "mode": "pod-identity"},
            "policy_templates[0].hosted_zone_arns",
            "must be set",
        ),
        (
            {"mode": "irsa", "role_arn": f"arn:aws:iam::{ACCOUNT}:role/x", "path": "/team/"},
            "path",
            "must be omitted with role_arn",
        ),
        ({"configuration_values": "replicas: 2"}, "configuration_values", "a JSON object"),
        ({"configuration_values": "[]"}, "configuration_values", "a JSON object"),
        ({"resolve_conflicts_on_create": "PRESERVE"}, "resolve_conflicts_on_create", "NONE, OVERWRITE"),
        ({"resolve_conflicts_on_update": "preserve"}, "resolve_conflicts_on_update", "NONE, OVERWRITE, PRESERVE"),
        ({"mode": "pod-identity", "namespace": "Kube"}, "namespace", "lower case"),
        ({"mode": "pod-identity", "service_account": "A"}, "service_account", "lower case"),
        ({"mode": "pod-identity", "role_name": "r" * 65}, "role_name", "at most 64"),
        ({"versoin": "1"}, "versoin", "one of"),
    ],
)
def test_addon_rejects_invalid_inputs(connection, args, field, words):
    """Each error names the input, the rule and the fix."""
    problem = problems(connection, **args)[field]
    assert words in problem.rule
    assert problem.fix


def test_addon_rejects_the_oidc_provider_of_another_cluster(connection):
    """The role would trust the tokens of no pod of this cluster."""
    other = provider_arn(issuer=ISSUER.replace("EXAMPLED", "EXAMPLEE"))
    assert (
        "of this cluster's issuer"
        in problems(connection, mode="irsa", oidc_provider_arn=other)["oidc_provider_arn"].rule
    )


def test_addon_rejects_a_second_identity_of_its_service_account(connection):
    """EKS has one association for each service account, also of an add-on."""

    def program():
        for name in ("one", "two"):
            eks.Addon(name, {"cluster": connection, "addon_name": DRIVER, "mode": "pod-identity"})

    with pytest.raises(InvalidInputError, match="one role by pod-identity"):
        deploy(program, preview=True)


def test_policy_template_checks_outputs_when_they_are_resolved(connection):
    """ARNs of Outputs are checked when they are resolved, plain ones at once."""

    def scoped(late, *plain):
        def program():
            entry = {"name": "external-dns", "hosted_zone_arns": [pulumi.Output.from_input(late), *plain]}
            return addon(connection, addon_name="external-dns", mode="pod-identity", policy_templates=[entry])()

        return program

    zone = "arn:aws:route53:::hostedzone/Z0123ABC"
    assert zone in deploy(scoped(zone)).one(POLICY).inputs["policy"]
    with pytest.raises(InvalidInputError) as error:
        deploy(scoped("Z0123ABC"), preview=True)
    assert [problem.input for problem in error.value.problems] == ["policy_templates[0].hosted_zone_arns[0]"]
    with pytest.raises(InvalidInputError) as error:
        deploy(scoped(zone, "Z0456DEF"), preview=True)
    assert [problem.input for problem in error.value.problems] == ["policy_templates[0].hosted_zone_arns[1]"]


def test_addon_policy_is_of_the_clusters_partition(connection):
    """In China every ARN of the policy is of the cluster's partition."""
    region = "cn-north-1"
    facts = cluster_facts("aws-cn", region)
    in_china = {**connection, "partition": "aws-cn", "arn": facts["arn"], "region": region}
    deployment = deploy(addon(in_china, mode="pod-identity"))
    policy = deployment.one(POLICY).inputs["policy"]
    assert "arn:aws-cn:ec2:" in policy
    assert "arn:aws:" not in policy
