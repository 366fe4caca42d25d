"""What a program lets pods do in AWS, read from what it declares."""

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
        given = {"oidc_provider_arn": provider.arn, "mode": "irsa", "statements": READ, **args}
        return eks.WorkloadIdentity(
            name,
            {"cluster": cluster.connection, "namespace": "default", "service_account": name, **given},
            pulumi.ResourceOptions(providers=[cluster.provider]),
        ).role_name

    return program


def broken(deployment, *asked, **how):
    """The sentence that names the broken link, as a failed assertion says it."""
    with pytest.raises(AssertionError) as failed:
        deployment.assert_pod_can("default", *asked, **how)
    return str(failed.value).splitlines()[-1].strip()


@pytest.mark.parametrize("mode", ["irsa", "pod-identity"])
def test_pods_may_do_what_the_statements_say(mode):
    """By either mode the pods of the service account have the role, and no other pod has."""
    deployment = deploy(workload(mode=mode))
    deployment.assert_pod_can("default", "reader", "s3:GetObject", f"{BUCKET}/a.txt")
    deployment.assert_pod_lets_not("default", "reader", "s3:PutObject", f"{BUCKET}/a.txt")
    deployment.assert_pod_lets_not("default", "reader", "s3:GetObject", "arn:aws:s3:::other/a.txt")
    deployment.assert_pod_lets_not("default", "other", "s3:GetObject", f"{BUCKET}/a.txt")


def test_the_chain_is_said():
    """A verdict lists each link: annotation, trust, policy."""
    deployment = deploy(workload(role_name="reader"))
    verdict = deployment.pod_lets("default", "reader", "s3:GetObject", f"{BUCKET}/a.txt")
    assert verdict.because == (
        f"service account default/reader is annotated with arn:aws:iam::{ACCOUNT}:role/reader",
        "role reader trusts it",
        f"a policy of role reader allows s3:GetObject on {BUCKET}/a.txt",
    )


def test_a_policy_whose_content_is_not_known_is_neither_yes_nor_no():
    """Of AWS's managed policies the name is known and not the content, until the test gives it."""
    asked = ("default", "reader", "s3:GetObject", f"{BUCKET}/a.txt")
    program = workload(policies=["AmazonS3ReadOnlyAccess"], statements=[])
    deployment = deploy(program)
    assert deployment.pod_lets(*asked).answer is Answer.UNKNOWN
    assert "AmazonS3ReadOnlyAccess of role" in broken(deployment, *asked[1:])
    content = {"Statement": {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}}
    deploy(program, cloud=Cloud(policies={"AmazonS3ReadOnlyAccess": content})).assert_pod_can(*asked)


def test_policies_that_the_program_declares_are_known():
    """A managed policy and a boundary of the same program are looked into."""

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


def test_a_deny_wins():
    """A statement that denies is stronger than whatever allows."""
    statements = [{"actions": ["s3:*"], "resources": ["*"]}, {"effect": "Deny", **READ[0]}]
    deployment = deploy(workload(statements=statements))
    deployment.assert_pod_can("default", "reader", "s3:ListAllMyBuckets")
    assert "denies s3:GetObject" in broken(deployment, "reader", "s3:GetObject", f"{BUCKET}/x")


def test_conditions_are_asked_for():
    """A condition holds where the question says so."""
    condition = {"test": "StringEquals", "variable": "aws:ResourceTag/team", "values": ["shop"]}
    deployment = deploy(workload(statements=[{**READ[0], "conditions": [condition]}]))
    deployment.assert_pod_lets_not("default", "reader", "s3:GetObject", f"{BUCKET}/x")
    context = {"aws:ResourceTag/team": "shop"}
    deployment.assert_pod_can("default", "reader", "s3:GetObject", f"{BUCKET}/x", context=context)


def by_hand(trust, *, annotation=True):
    """A role and a service account that somebody wires by hand, and may get wrong."""

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
            lambda known: {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Principal": {"Federated": provider},
                        "Condition": {"StringEquals": {f"{known.removeprefix('https://')}:sub": subject}},
                    }
                ]
            }
        )

    return trust


def test_each_broken_link_is_named():
    """Subject, principal, annotation: the sentence says which one does not fit."""
    right = web_identity("system:serviceaccount:default:reader")
    deploy(by_hand(right)).assert_pod_can("default", "reader", "s3:GetObject")
    wrong = deploy(by_hand(web_identity("system:serviceaccount:default:raeder")))
    assert "conditions of the trust policy" in broken(wrong, "reader", "s3:GetObject")
    assert "has no annotation" in broken(deploy(by_hand(right, annotation=False)), "reader", "s3:GetObject")

    def service(_provider, _issuer):
        return {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2"}}}

    assert "trusts no OIDC provider" in broken(deploy(by_hand(service)), "reader", "s3:GetObject")


def test_an_association_needs_both_actions():
    """A role for Pod Identity that forgets sts:TagSession is named as the broken link."""

    def program():
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "pods.eks.amazonaws.com"}}
        role = aws.iam.Role("role", assume_role_policy=json.dumps({"Statement": trust}))
        aws.eks.PodIdentityAssociation(
            "reader", cluster_name="eks-clu", namespace="default", service_account="reader", role_arn=role.arn
        )

    assert "does not allow sts:TagSession" in broken(deploy(program), "reader", "s3:GetObject")


def test_a_role_that_is_not_declared_is_neither_yes_nor_no():
    """What a role of another program trusts is not known here."""

    def program():
        aws.eks.PodIdentityAssociation(
            "reader",
            cluster_name="eks-clu",
            namespace="default",
            service_account="reader",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/elsewhere",
        )

    verdict = deploy(program).pod_lets("default", "reader", "s3:GetObject")
    assert verdict.answer is Answer.UNKNOWN
    assert "it is not declared here" in str(verdict)
