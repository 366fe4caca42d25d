"""`Deployment.pod_can` for service accounts: AWS access that a program's resources grant."""

import json

import pulumi
import pulumi_aws as aws
import pytest

import eks_identity as eks
from eks_identity.testing import Answer, Cloud, deploy

ACCOUNT = "111122223333"
BUCKET = "arn:aws:s3:::files"
READ = [{"actions": ["s3:GetObject"], "resources": [f"{BUCKET}/*"]}]


def workload(name="reader", **args):
    def program():
        cluster = eks.Cluster("clu", {"name": "eks-clu"})
        provider = eks.OidcProvider("clu", {"issuer": cluster.issuer})
        options = {"oidc_provider_arn": provider.arn, "mode": "irsa", "statements": READ, **args}
        return eks.WorkloadIdentity(
            name,
            {"cluster": cluster.connection, "namespace": "default", "service_account": name, **options},
            pulumi.ResourceOptions(providers=[cluster.provider]),
        ).role_name

    return program


def broken(deployment, *request, **options):
    """Return the sentence of a failed assertion that names the broken link."""
    with pytest.raises(AssertionError) as failure:
        deployment.assert_pod_can("default", *request, **options)
    return str(failure.value).splitlines()[-1].strip()


@pytest.mark.parametrize("mode", ["irsa", "pod-identity"])
def test_pod_can_follows_the_statements(mode):
    """With either identity mode only the pods of the service account have the role."""
    deployment = deploy(workload(mode=mode))
    deployment.assert_pod_can("default", "reader", "s3:GetObject", f"{BUCKET}/a.txt")
    deployment.assert_pod_cannot("default", "reader", "s3:PutObject", f"{BUCKET}/a.txt")
    deployment.assert_pod_cannot("default", "reader", "s3:GetObject", "arn:aws:s3:::other/a.txt")
    deployment.assert_pod_cannot("default", "other", "s3:GetObject", f"{BUCKET}/a.txt")


def test_verdict_lists_the_links_of_workload_identity():
    """A verdict lists each link: annotation, trust, policy."""
    deployment = deploy(workload(role_name="reader"))
    verdict = deployment.pod_can("default", "reader", "s3:GetObject", f"{BUCKET}/a.txt")
    assert verdict.links == (
        f"service account default/reader is annotated with arn:aws:iam::{ACCOUNT}:role/reader",
        "role reader trusts it",
        f"a policy of role reader allows s3:GetObject on {BUCKET}/a.txt",
    )


def test_managed_policy_without_document_is_unknown():
    """The document of an AWS managed policy is unknown unless the test passes it."""
    request = ("default", "reader", "s3:GetObject", f"{BUCKET}/a.txt")
    program = workload(policies=["AmazonS3ReadOnlyAccess"], statements=[])
    deployment = deploy(program)
    assert deployment.pod_can(*request).answer is Answer.UNKNOWN
    assert "AmazonS3ReadOnlyAccess of role" in broken(deployment, *request[1:])
    document = {"Statement": {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}}
    deploy(program, cloud=Cloud(policies={"AmazonS3ReadOnlyAccess": document})).assert_pod_can(*request)


def test_managed_policies_of_the_program_are_evaluated():
    """A managed policy and a permissions boundary of the program are evaluated."""

    def program():
        deny = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
        boundary = aws.iam.Policy("boundary", policy=json.dumps(deny))
        own = aws.iam.Policy(
            "own", policy=json.dumps({"Statement": {**deny["Statement"], "Action": ["s3:*", "iam:*"]}})
        )
        return workload(policies=[own.arn], permissions_boundary=boundary.arn, statements=[])()

    deployment = deploy(program)
    deployment.assert_pod_can("default", "reader", "s3:PutObject", f"{BUCKET}/a.txt")
    assert "permissions boundary" in broken(deployment, "reader", "iam:CreateUser")


def test_deny_overrides_allow():
    """A Deny statement overrides every Allow statement."""
    statements = [{"actions": ["s3:*"], "resources": ["*"]}, {"effect": "Deny", **READ[0]}]
    deployment = deploy(workload(statements=statements))
    deployment.assert_pod_can("default", "reader", "s3:ListAllMyBuckets")
    assert "denies s3:GetObject" in broken(deployment, "reader", "s3:GetObject", f"{BUCKET}/x")


def test_conditions_are_met_by_the_context():
    """A condition is met if the context has its key."""
    condition = {"test": "StringEquals", "variable": "aws:ResourceTag/team", "values": ["shop"]}
    deployment = deploy(workload(statements=[{**READ[0], "conditions": [condition]}]))
    deployment.assert_pod_cannot("default", "reader", "s3:GetObject", f"{BUCKET}/x")
    context = {"aws:ResourceTag/team": "shop"}
    deployment.assert_pod_can("default", "reader", "s3:GetObject", f"{BUCKET}/x", context=context)


def by_hand(trust, *, annotation=True):
    """A role and a service account without WorkloadIdentity."""

    def program():
        cluster = eks.Cluster("clu", {"name": "eks-clu"})
        provider = eks.OidcProvider("clu", {"issuer": cluster.issuer})
        role = aws.iam.Role("role", assume_role_policy=pulumi.Output.json_dumps(trust(provider.arn, cluster.issuer)))
        aws.iam.RolePolicy(
            "role",
            role=role.name,
            policy=json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
        )
        args = {"role_arn": role.arn} if annotation else {}
        options = pulumi.ResourceOptions(providers=[cluster.provider])
        eks.ServiceAccount("reader", {"namespace": "default", "name": "reader", **args}, options)

    return program


def web_identity(subject):
    def trust(provider, issuer):
        return issuer.apply(
            lambda url: {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Principal": {"Federated": provider},
                        "Condition": {"StringEquals": {f"{url.removeprefix('https://')}:sub": subject}},
                    }
                ]
            }
        )

    return trust


def test_broken_link_of_irsa_is_named():
    """The message says whether subject, principal or annotation is wrong."""
    right = web_identity("system:serviceaccount:default:reader")
    deploy(by_hand(right)).assert_pod_can("default", "reader", "s3:GetObject")
    wrong = deploy(by_hand(web_identity("system:serviceaccount:default:raeder")))
    assert "conditions of the trust policy" in broken(wrong, "reader", "s3:GetObject")
    assert "has no annotation" in broken(deploy(by_hand(right, annotation=False)), "reader", "s3:GetObject")

    def service(_provider, _issuer):
        return {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2"}}}

    assert "trusts no OIDC provider" in broken(deploy(by_hand(service)), "reader", "s3:GetObject")


def test_deny_of_a_trust_policy_is_the_broken_link():
    """A Deny of the trust policy for all principals reaches tokens of the OIDC provider too."""
    right = web_identity("system:serviceaccount:default:reader")

    def denied(provider, issuer):
        deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}
        return right(provider, issuer).apply(lambda trust: {"Statement": [*trust["Statement"], deny]})

    assert "denies sts:AssumeRoleWithWebIdentity" in broken(deploy(by_hand(denied)), "reader", "s3:GetObject")


def test_unknown_condition_operator_makes_the_answer_unknown():
    """A statement with a condition that IAM does not have is no reason for yes or no."""
    policy = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringIs": {"a:b": "c"}}}}
    deployment = deploy(workload(policies=["Own"], statements=[]), cloud=Cloud(policies={"Own": policy}))
    verdict = deployment.pod_can("default", "reader", "s3:GetObject", f"{BUCKET}/x")
    assert verdict.answer is Answer.UNKNOWN
    assert "the condition operator StringIs" in str(verdict)


def test_pod_identity_trust_policy_needs_both_actions():
    """A trust policy for Pod Identity without sts:TagSession is the broken link."""

    def program():
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "pods.eks.amazonaws.com"}}
        role = aws.iam.Role("role", assume_role_policy=json.dumps({"Statement": trust}))
        aws.eks.PodIdentityAssociation(
            "reader", cluster_name="eks-clu", namespace="default", service_account="reader", role_arn=role.arn
        )

    assert "does not allow sts:TagSession" in broken(deploy(program), "reader", "s3:GetObject")


def test_undeclared_role_is_unknown():
    """The trust policy of another program's role is unknown."""

    def program():
        aws.eks.PodIdentityAssociation(
            "reader",
            cluster_name="eks-clu",
            namespace="default",
            service_account="reader",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/of-another-program",
        )

    verdict = deploy(program).pod_can("default", "reader", "s3:GetObject")
    assert verdict.answer is Answer.UNKNOWN
    assert "the program does not declare the role" in str(verdict)
