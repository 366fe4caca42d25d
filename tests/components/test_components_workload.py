import json

import pulumi
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, ISSUER, Cloud, cluster_facts, deploy, kubeconfig, provider_arn

ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ACCOUNT_TYPE = "kubernetes:core/v1:ServiceAccount"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
HOST = ISSUER.removeprefix("https://")


def on_cluster():
    import pulumi_kubernetes as k8s  # noqa: PLC0415 - registered inside the program

    return pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])


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


def test_workload_identity_registers_four_resources(connection):
    """The component, the role, one attachment and the service account."""
    deployment = deploy(workload(connection))
    assert sorted(name for name in deployment.names if name[0] != "pulumi:providers:kubernetes") == [
        (ROLE, "my-sa"),
        (ATTACHMENT, "my-sa-AmazonS3ReadOnlyAccess"),
        ("eks-identity:index:WorkloadIdentity", "my-sa"),
        (ACCOUNT_TYPE, "my-sa-default.my-sa"),
    ]


def test_irsa_trust_policy_and_annotation_name_role_and_service_account(connection):
    """Trust policy, annotation and attachment name the same role, service account and issuer."""
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


def test_pod_identity_associates_role_and_service_account(connection):
    """With Pod Identity the service account has no annotation, and the role trusts the service of EKS."""
    deployment = deploy(workload(connection, mode="pod-identity", oidc_provider_arn=None))
    assert "pods.eks.amazonaws.com" in deployment.one(ROLE).inputs["assumeRolePolicy"]
    association = deployment.one(ASSOCIATION).inputs
    assert (association["clusterName"], association["namespace"], association["serviceAccount"]) == (
        "eks-clu",
        "default",
        "my-sa",
    )
    assert not deployment.one(ACCOUNT_TYPE).inputs["metadata"].get("annotations")


def trust_of(deployment):
    return json.loads(deployment.one(ROLE).inputs["assumeRolePolicy"])["Statement"]


def test_role_trusts_both_modes_during_a_change_of_the_mode(connection):
    """`oidc_provider_arn` keeps the statement of IRSA; `keep_pod_identity` keeps a limited one of Pod Identity."""
    forth = trust_of(deploy(workload(connection, mode="pod-identity", audience="sts.amazonaws.com")))
    assert [list(statement["Principal"]) for statement in forth] == [["Federated"], ["Service"]]
    back = trust_of(deploy(workload(connection, keep_pod_identity=True)))
    assert back[0] == forth[0]
    tags = "aws:RequestTag/"
    assert back[1]["Condition"] == {
        "StringEquals": {
            f"{tags}eks-cluster-arn": connection["arn"],
            f"{tags}kubernetes-namespace": "default",
            f"{tags}kubernetes-service-account": "my-sa",
        }
    }
    (plain,) = trust_of(deploy(workload(connection)))
    assert plain == forth[0]


def test_association_is_created_before_its_service_account(connection):
    """No pod of the service account can start before it has an identity."""
    deployment = deploy(workload(connection, mode="pod-identity", oidc_provider_arn=None))
    (before,) = deployment.one(ACCOUNT_TYPE).request.dependencies
    assert before.endswith(f"{ASSOCIATION}::my-sa-default.my-sa")


def test_more_service_accounts_share_the_role(connection):
    """Each service account has an annotation or an association, and is in the trust policy."""
    more = [{"namespace": "team", "name": "second"}]
    deployment = deploy(workload(connection, more_service_accounts=more))
    (statement,) = trust_of(deployment)
    assert statement["Condition"]["StringEquals"][f"{HOST}:sub"] == [
        "system:serviceaccount:default:my-sa",
        "system:serviceaccount:team:second",
    ]
    assert {account.name for account in deployment.of(ACCOUNT_TYPE)} == {"my-sa-default.my-sa", "my-sa-team.second"}
    by_association = deploy(
        workload(connection, more_service_accounts=more, mode="pod-identity", oidc_provider_arn=None)
    )
    bound = {(one.inputs["namespace"], one.inputs["serviceAccount"]) for one in by_association.of(ASSOCIATION)}
    assert bound == {("default", "my-sa"), ("team", "second")}


def test_association_gets_target_role_session_policy_and_tags(connection):
    """The role is also allowed to assume the target role."""
    target = "arn:aws:iam::444455556666:role/target"
    bound = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    deployment = deploy(
        workload(
            connection,
            mode="pod-identity",
            oidc_provider_arn=None,
            target_role_arn=target,
            disable_session_tags=True,
            session_policy=bound,
            tags={"team": "shop"},
        )
    )
    association = deployment.one(ASSOCIATION).inputs
    assert (association["targetRoleArn"], association["disableSessionTags"]) == (target, True)
    assert (association["policy"], association["tags"]) == (bound, {"team": "shop"})
    (allowed,) = json.loads(deployment.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"]
    assert allowed == {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": target}


def test_existing_role_is_only_annotated_or_associated(connection):
    """No role is registered, and the annotation or the association names the existing one."""
    role = f"arn:aws:iam::{ACCOUNT}:role/team/existing"
    existing = {"role_arn": role, "policies": None, "oidc_provider_arn": None}
    deployment = deploy(workload(connection, **existing))
    assert not deployment.of(ROLE)
    annotations = deployment.one(ACCOUNT_TYPE).inputs["metadata"]["annotations"]
    assert annotations == {"eks.amazonaws.com/role-arn": role}
    bound = deploy(workload(connection, **existing, mode="pod-identity"))
    assert bound.one(ASSOCIATION).inputs["roleArn"] == role


def test_adopted_service_account_is_only_patched(connection):
    """The patch overwrites fields of other field managers; without fields to set there is no patch."""
    patch = "kubernetes:core/v1:ServiceAccountPatch"
    adopted = deploy(workload(connection, service_account_management="adopt"))
    annotations = adopted.one(patch).inputs["metadata"]["annotations"]
    assert set(annotations) == {"eks.amazonaws.com/role-arn", "pulumi.com/patchForce"}
    assert not adopted.of(ACCOUNT_TYPE)
    by_association = workload(
        connection, service_account_management="adopt", mode="pod-identity", oidc_provider_arn=None
    )
    assert not deploy(by_association).of(patch)
    assert not deploy(workload(connection, service_account_management="none")).of(ACCOUNT_TYPE)


def test_oidc_provider_of_another_account_creates_the_role_there(connection):
    """The trust policy names that account's OIDC provider; the aws provider must be of that account."""
    other_account = provider_arn().replace(ACCOUNT, "444455556666")
    caller = {"accountId": "444455556666"}
    (statement,) = trust_of(
        deploy(workload(connection, oidc_provider_arn=other_account), cloud=Cloud(getCallerIdentity=caller))
    )
    assert statement["Principal"] == {"Federated": other_account}
    own = Cloud(getCallerIdentity={"accountId": ACCOUNT})
    with pytest.raises(InvalidInputError, match="pass an aws provider of account 444455556666"):
        deploy(workload(connection, oidc_provider_arn=other_account), preview=True, cloud=own)
    with pytest.raises(InvalidInputError, match="another account's role is target_role_arn"):
        deploy(workload(connection, oidc_provider_arn=other_account, mode="pod-identity"), preview=True)


def test_preview_shows_the_trust_policy_before_the_oidc_provider_is_created(connection):
    """The provider's ARN is unknown in the preview; the trust policy comes from the cluster's issuer."""

    def program():
        provider = eks.OidcProvider("irsa", {"issuer": ISSUER})
        return workload(connection, oidc_provider_arn=provider.arn)().trust_policy

    deployment = deploy(program, preview=True, cloud=Cloud())
    assert json.loads(deployment.value)["Statement"][0]["Principal"] == {"Federated": provider_arn()}


def test_workload_identity_accepts_unknown_inputs(connection):
    """In a preview that creates the cluster no input is resolved, and nothing is rejected."""

    def program():
        later = pulumi.Output.from_input(pulumi.output.UNKNOWN)
        unknown = dict.fromkeys(connection, later)
        workload(unknown, namespace=later, service_account=later, oidc_provider_arn=later, policies=[later])()
        return eks.IrsaRole("r", {"oidc_provider_arns": [later], "subjects": [{"namespace": later, "name": later}]}).arn

    deployment = deploy(program, preview=True)
    assert deployment.value is None
    assert len(deployment.of(ROLE)) == 2


DOCUMENT = '{"Statement": [{"Effect": "Allow"}]}'
INVALID_ARGS = {
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
    "target role of IRSA": ({"target_role_arn": f"arn:aws:iam::{ACCOUNT}:role/x"}, "target_role_arn"),
    "session tags of IRSA": ({"match_session_tags": True}, "match_session_tags"),
    "tags off and matched": (
        {"mode": "pod-identity", "disable_session_tags": True, "match_session_tags": True},
        "match_session_tags",
    ),
    "session policy with tags": ({"mode": "pod-identity", "session_policy": DOCUMENT}, "disable_session_tags"),
    "existing role": ({"role_arn": f"arn:aws:iam::{ACCOUNT}:role/x"}, "policies"),
    "management": ({"service_account_management": "own"}, "service_account_management"),
    "unmanaged": ({"service_account_management": "none", "labels": {"a": "b"}}, "labels"),
    "repeated": ({"more_service_accounts": [{"namespace": "default", "name": "my-sa"}]}, "more_service_accounts[0]"),
    "more with wildcard": (
        {"more_service_accounts": [{"namespace": "a", "name": "*"}]},
        "more_service_accounts[0].name",
    ),
    "webhook only": ({"mode": "pod-identity", "oidc_provider_arn": None, "audience": "x"}, "audience"),
    "tags": ({"tags": {str(number): "x" for number in range(51)}}, "tags"),
    "partition": ({"cluster": {"partition": "aws-moon"}}, "cluster.partition"),
}


@pytest.mark.parametrize(("wrong", "field"), INVALID_ARGS.values(), ids=list(INVALID_ARGS))
def test_workload_identity_rejects_invalid_inputs(connection, wrong, field):
    """Each error names component, input, rule, value and fix, before anything is registered."""
    if "cluster" in wrong:
        wrong = {"cluster": {**connection, **wrong["cluster"]}}
    with pytest.raises(InvalidInputError) as error:
        deploy(workload(connection, **wrong), preview=True)
    assert str(error.value).startswith('WorkloadIdentity "my-sa": 1 problem\n')
    (problem,) = error.value.problems
    assert problem.input == field
    assert problem.rule
    assert problem.fix


def test_workload_identity_reports_all_problems_at_once(connection):
    """Five invalid inputs give one error with five problems."""
    wrong = {"namespace": "A", "service_account": "B", "path": "x", "max_session_duration": 1, "policies": ["a b"]}
    with pytest.raises(InvalidInputError, match="5 problems"):
        deploy(workload(connection, **wrong), preview=True)


def test_workload_identity_rejects_an_invalid_output_when_it_is_resolved(connection):
    """An invalid value of an Output is rejected by the same rule, in the preview too."""

    def program():
        workload(connection, namespace=pulumi.Output.from_input("Default"))()

    with pytest.raises(InvalidInputError, match="WorkloadIdentity \"my-sa\": 1 problem\n  namespace: 'Default'"):
        deploy(program, preview=True)


def test_workload_identity_rejects_the_oidc_provider_of_another_cluster(connection):
    """The provider's issuer must be the cluster's; a cluster that was created again has another one."""
    with pytest.raises(InvalidInputError, match="oidc_provider_arn"):
        deploy(
            workload(connection, oidc_provider_arn=provider_arn(issuer=ISSUER.replace("EXAMPLE", "ANOTHER"))),
            preview=True,
        )


def test_workload_identity_without_kubernetes_provider_is_rejected(connection):
    """The default provider would use the current context of the machine's kubeconfig."""
    with pytest.raises(InvalidInputError, match=r"opts\.providers"):
        deploy(
            lambda: eks.WorkloadIdentity(
                "w", {"cluster": connection, "namespace": "a", "service_account": "b", "mode": "pod-identity"}
            )
        )


def test_irsa_role_trusts_many_service_accounts_of_many_clusters():
    """One role for each subject of each cluster, with accepted wildcards and every IAM setting."""
    other = ISSUER.replace("EXAMPLE", "ANOTHER")
    deployment = deploy(
        lambda: (
            eks.IrsaRole(
                "shared",
                {
                    "oidc_provider_arns": [provider_arn(), provider_arn(issuer=other)],
                    "subjects": [{"namespace": "a", "name": "x"}, {"namespace": "b", "name": "y-*"}],
                    "allow_wildcards": True,
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


def test_service_account_has_the_annotations_of_the_webhook():
    """The webhook's annotations are strings; other annotations stay."""
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
def test_workload_identity_in_other_partitions(partition, region):
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
