import json

import pulumi
import pytest
from pulumi_program import ACCOUNT, ISSUER, Cloud, cluster_facts, deploy, provider_arn

import eks_identity as eks
from eks_identity.inputs import Refused

ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ACCOUNT_TYPE = "kubernetes:core/v1:ServiceAccount"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
HOST = ISSUER.removeprefix("https://")


def on_cluster():
    import pulumi_kubernetes as k8s  # noqa: PLC0415 - registered inside the program

    return pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig="{}")])


def workload(connection, **other):
    args = {
        "cluster": connection,
        "namespace": "default",
        "service_account": "my-sa",
        "oidc_provider_arn": provider_arn(),
        "policies": ["AmazonS3ReadOnlyAccess"],
        **other,
    }
    return lambda: eks.WorkloadIdentity(
        "my-sa", {key: value for key, value in args.items() if value is not None}, on_cluster()
    )


def test_a_plain_workload_identity_is_four_resources(connection):
    """Itself, the role, one attachment and the service account: nothing more is registered."""
    deployment = deploy(workload(connection))
    assert sorted(name for name in deployment.names if name[0] != "pulumi:providers:kubernetes") == [
        (ROLE, "my-sa"),
        (ATTACHMENT, "my-sa-AmazonS3ReadOnlyAccess"),
        ("eks-identity:index:WorkloadIdentity", "my-sa"),
        (ACCOUNT_TYPE, "my-sa"),
    ]


def test_irsa_ties_role_and_service_account(connection):
    """Trust policy, annotation and attachment all say the same role, service account and issuer."""
    deployment = deploy(
        workload(connection, role_name="sa-role", token_expiration=3600.0, audience="sts.amazonaws.com")
    )
    (statement,) = json.loads(deployment.one(ROLE).inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Federated": provider_arn()}
    assert statement["Condition"] == {
        "StringEquals": {f"{HOST}:sub": "system:serviceaccount:default:my-sa", f"{HOST}:aud": "sts.amazonaws.com"}
    }
    assert deployment.one(ROLE).inputs["name"] == "sa-role"
    metadata = deployment.one(ACCOUNT_TYPE).inputs["metadata"]
    assert (metadata["namespace"], metadata["name"]) == ("default", "my-sa")
    assert metadata["annotations"] == {
        "eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/sa-role",
        "eks.amazonaws.com/audience": "sts.amazonaws.com",
        "eks.amazonaws.com/token-expiration": "3600",
    }
    assert deployment.one(ATTACHMENT).inputs["policyArn"] == "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_pod_identity_ties_them_by_an_association(connection):
    """With Pod Identity the service account has no annotation, and the trust policy names EKS's service."""
    deployment = deploy(workload(connection, mode="pod-identity", oidc_provider_arn=None))
    assert "pods.eks.amazonaws.com" in deployment.one(ROLE).inputs["assumeRolePolicy"]
    association = deployment.one(ASSOCIATION).inputs
    assert (association["clusterName"], association["namespace"], association["serviceAccount"]) == (
        "eks-clu",
        "default",
        "my-sa",
    )
    assert not deployment.one(ACCOUNT_TYPE).inputs["metadata"].get("annotations")


def test_a_preview_shows_the_trust_policy_of_a_provider_that_is_still_to_be_made(connection):
    """The provider's ARN is unknown in a preview, and the trust policy is shown all the same."""

    def program():
        provider = eks.OidcProvider("irsa", {"issuer": ISSUER})
        return workload(connection, oidc_provider_arn=provider.arn)().trust_policy

    deployment = deploy(program, preview=True, cloud=Cloud())
    assert json.loads(deployment.value)["Statement"][0]["Principal"] == {"Federated": provider_arn()}


def test_everything_unknown_raises_nothing(connection):
    """In a preview in which the cluster itself is still to be made, no input is known and nothing is refused."""

    def program():
        later = pulumi.Output.from_input(pulumi.output.UNKNOWN)
        unknown = dict.fromkeys(connection, later)
        workload(unknown, namespace=later, service_account=later, oidc_provider_arn=later, policies=[later])()
        return eks.IrsaRole("r", {"oidc_provider_arns": [later], "subjects": [{"namespace": later, "name": later}]}).arn

    deployment = deploy(program, preview=True)
    assert deployment.value is None
    assert len(deployment.of(ROLE)) == 2


REFUSALS = {
    "namespace": ({"namespace": "Default"}, "namespace"),
    "service account": ({"service_account": "my_sa"}, "service_account"),
    "wildcard": ({"service_account": "*"}, "service_account"),
    "mode": ({"mode": "kiam"}, "mode"),
    "provider missing": ({"oidc_provider_arn": None}, "oidc_provider_arn"),
    "no provider's ARN": ({"oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:role/x"}, "oidc_provider_arn"),
    "role name": ({"role_name": "x" * 65}, "role_name"),
    "path": ({"path": "team"}, "path"),
    "boundary": ({"permissions_boundary": "Boundary"}, "permissions_boundary"),
    "session": ({"max_session_duration": 600}, "max_session_duration"),
    "policy": ({"policies": ["a b"]}, "policies[0]"),
    "policy twice": ({"policies": ["ReadOnlyAccess", "ReadOnlyAccess"]}, "policies[1]"),
    "policies": ({"policies": [f"Policy{number}" for number in range(11)]}, "policies"),
    "document": ({"inline_policies": {"own": "{"}}, "inline_policies.own"),
    "token": ({"token_expiration": 60}, "token_expiration"),
    "annotation": ({"annotations": {"eks.amazonaws.com/role-arn": "x"}}, "annotations.eks.amazonaws.com/role-arn"),
    "webhook's": ({"mode": "pod-identity", "oidc_provider_arn": None, "audience": "x"}, "audience"),
    "tags": ({"tags": {str(number): "x" for number in range(51)}}, "tags"),
    "partition": ({"cluster": {"partition": "aws-moon"}}, "cluster.partition.partition"),
}


@pytest.mark.parametrize(("given", "field"), REFUSALS.values(), ids=list(REFUSALS))
def test_a_wrong_input_is_refused_before_anything_is_registered(connection, given, field):
    """Each refusal names component, input, rule, value and fix."""
    if "cluster" in given:
        given = {"cluster": {**connection, **given["cluster"]}}
    with pytest.raises(Refused) as refusal:
        deploy(workload(connection, **given), preview=True)
    assert str(refusal.value).startswith('WorkloadIdentity "my-sa": 1 problem\n')
    (problem,) = refusal.value.problems
    assert problem.input == field
    assert problem.rule
    assert problem.fix


def test_all_problems_are_said_at_once(connection):
    """Five wrong inputs make one refusal with five problems."""
    wrong = {"namespace": "A", "service_account": "B", "path": "x", "max_session_duration": 1, "policies": ["a b"]}
    with pytest.raises(Refused, match="5 problems"):
        deploy(workload(connection, **wrong), preview=True)


def test_an_output_is_refused_where_it_is_known(connection):
    """A wrong value that arrives as an Output is refused by the same rule, in the preview too."""

    def program():
        workload(connection, namespace=pulumi.Output.from_input("Default"))()

    with pytest.raises(Refused, match="WorkloadIdentity \"my-sa\": 1 problem\n  namespace: 'Default'"):
        deploy(program, preview=True)


def test_a_provider_of_another_cluster_is_refused(connection):
    """The provider's issuer must be the cluster's; a cluster made anew has another one."""
    with pytest.raises(Refused, match="oidc_provider_arn"):
        deploy(
            workload(connection, oidc_provider_arn=provider_arn(issuer=ISSUER.replace("EXAMPLE", "ANOTHER"))),
            preview=True,
        )


def test_without_a_kubernetes_provider_it_is_refused(connection):
    """The default provider would be whatever cluster the machine's kubeconfig points at."""
    with pytest.raises(Refused, match=r"opts\.providers"):
        deploy(
            lambda: eks.WorkloadIdentity(
                "w", {"cluster": connection, "namespace": "a", "service_account": "b", "mode": "pod-identity"}
            )
        )


def test_a_role_for_many_service_accounts_of_many_clusters():
    """One role, each subject of each cluster, wildcards by opt-in, and every IAM setting passed on."""
    other = ISSUER.replace("EXAMPLE", "ANOTHER")
    deployment = deploy(
        lambda: (
            eks.IrsaRole(
                "shared",
                {
                    "oidc_provider_arns": [provider_arn(), provider_arn(issuer=other)],
                    "subjects": [{"namespace": "a", "name": "x"}, {"namespace": "b", "name": "y-*"}],
                    "match_wildcards": True,
                    "path": "/team/",
                    "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
                    "max_session_duration": 7200.0,
                    "tags": {"team": "shop"},
                    "inline_policies": {"list": '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]}'},
                },
            ).trust_policy
        )
    )
    statements = json.loads(deployment.value)["Statement"]
    assert [statement["Principal"]["Federated"] for statement in statements] == [
        provider_arn(),
        provider_arn(issuer=other),
    ]
    assert statements[1]["Condition"]["StringLike"] == {
        f"{other.removeprefix('https://')}:sub": ["system:serviceaccount:a:x", "system:serviceaccount:b:y-*"]
    }
    role = deployment.one(ROLE).inputs
    assert role["path"] == "/team/"
    assert role["permissionsBoundary"] == f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    assert role["maxSessionDuration"] == 7200
    assert role["tags"] == {"team": "shop"}
    assert deployment.one("aws:iam/rolePolicy:RolePolicy").inputs["name"] == "list"


def test_a_service_account_has_the_annotations_it_was_given():
    """The webhook's annotations are strings; others are kept beside them."""
    deployment = deploy(
        lambda: eks.ServiceAccount(
            "sa",
            {
                "namespace": "default",
                "name": "sa",
                "role_arn": f"arn:aws:iam::{ACCOUNT}:role/team/x",
                "sts_regional_endpoints": True,
                "token_expiration": 600,
                "annotations": {"owner": "shop"},
                "labels": {"app": "shop"},
            },
            on_cluster(),
        )
    )
    metadata = deployment.one(ACCOUNT_TYPE).inputs["metadata"]
    assert metadata["labels"] == {"app": "shop"}
    assert metadata["annotations"] == {
        "owner": "shop",
        "eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/team/x",
        "eks.amazonaws.com/sts-regional-endpoints": "true",
        "eks.amazonaws.com/token-expiration": "600",
    }


@pytest.mark.parametrize(("partition", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")])
def test_other_partitions(partition, region):
    """In China and GovCloud every ARN is of that partition."""
    facts = cluster_facts(partition, region)

    def program():
        cluster = eks.Cluster("clu", {"name": "eks-clu"})
        options = pulumi.ResourceOptions(providers=[cluster.provider])
        args = {"cluster": cluster.connection, "namespace": "a", "service_account": "b", "policies": ["ReadOnlyAccess"]}
        return eks.WorkloadIdentity("w", {**args, "oidc_provider_arn": provider_arn(partition)}, options).trust_policy

    deployment = deploy(program, cloud=Cloud(getCluster=facts))
    assert deployment.one(ATTACHMENT).inputs["policyArn"] == f"arn:{partition}:iam::aws:policy/ReadOnlyAccess"
    assert f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/" in deployment.value
