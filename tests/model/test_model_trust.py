import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_identity.model import permissions, trust
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.partitions import AWS, CHINA, PARTITIONS
from eks_identity.model.subjects import Subject
from support.trust_policy_evaluator import allows

ACTION = "sts:AssumeRoleWithWebIdentity"
ALPHABET = string.ascii_lowercase + string.digits
labels = st.text(ALPHABET, min_size=1, max_size=12)
subjects = st.builds(Subject.of, labels, labels)
ids = st.text("0123456789ABCDEF", min_size=32, max_size=32)
homes = st.tuples(st.sampled_from(list(PARTITIONS.values())), st.from_regex(r"[0-9]{12}", fullmatch=True))


def providers_of(home):
    """The providers of an account in a partition."""
    partition, account = home
    return ids.map(
        lambda id_: Provider(
            Issuer.parse(f"https://{partition.issuer_host('ap-northeast-1')}/id/{id_}"), partition, account
        )
    )


providers = homes.flatmap(providers_of)


def claims(provider, subject, audience="sts.amazonaws.com"):
    return {provider.issuer.sub: str(subject), provider.issuer.aud: audience}


@given(
    homes.flatmap(lambda home: st.lists(providers_of(home), min_size=1, max_size=2, unique=True)),
    st.lists(subjects, min_size=1, max_size=5, unique=True),
    subjects,
    providers,
)
def test_irsa_trust_allows_exactly_the_subjects(trusted, allowed, other, stranger):
    """Each subject of each trusted cluster may assume the role; another subject, cluster or audience may not."""
    document = trust.irsa_trust(trusted, allowed)
    for provider in trusted:
        for subject in allowed:
            assert allows(document, provider=provider.arn, action=ACTION, claims=claims(provider, subject))
            wrong = claims(provider, subject, "https://kubernetes.default.svc")
            assert not allows(document, provider=provider.arn, action=ACTION, claims=wrong)
            without_audience = {provider.issuer.sub: str(subject)}
            assert not allows(document, provider=provider.arn, action=ACTION, claims=without_audience)
        judged = allows(document, provider=provider.arn, action=ACTION, claims=claims(provider, other))
        assert judged == (other in allowed)
    is_trusted = stranger in trusted
    assert allows(document, provider=stranger.arn, action=ACTION, claims=claims(stranger, allowed[0])) == is_trusted
    assert len(trust.compact(document)) <= 2048


@given(labels, labels, subjects)
def test_irsa_trust_with_wildcard_keeps_exact_audience(namespace, prefix, other):
    """An allowed wildcard matches names in its namespace, and the audience stays exact."""
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    document = trust.irsa_trust([provider], [Subject.of(namespace, f"{prefix}-*", allow_wildcards=True)])
    inside = Subject.of(namespace, f"{prefix}-1")
    assert allows(document, provider=provider.arn, action=ACTION, claims=claims(provider, inside))
    assert not allows(
        document, provider=provider.arn, action=ACTION, claims=claims(provider, inside, "sts.amazonaws.co")
    )
    assert not allows(document, provider=provider.arn, action=ACTION, claims=claims(provider, other))
    assert document["Statement"][0]["Condition"]["StringEquals"] == {provider.issuer.aud: "sts.amazonaws.com"}


def test_subject_rejects_wildcard_without_allow_wildcards(problems_of):
    """Under StringEquals a wildcard would silently match no service account."""
    for namespace, name in (("default", "*"), ("team-?", "agent")):
        (problem,) = problems_of(Subject.of, namespace, name)
        assert "allow_wildcards" in problem.fix


def test_subject_reports_namespace_and_name_at_once(problems_of):
    """Problems of namespace and name are reported together."""
    assert [problem.input for problem in problems_of(Subject.of, "Default", "My_sa")] == [
        "namespace",
        "service_account",
    ]


@pytest.mark.parametrize("text", ["default:my-sa", "system:serviceaccount:default", "system:node:x"])
def test_subject_rejects_other_text(problems_of, text):
    """Only system:serviceaccount:NAMESPACE:NAME is a subject."""
    (problem,) = problems_of(Subject.parse, text)
    assert problem.fix == "write system:serviceaccount:default:my-sa"
    assert f"write {Subject.parse('system:serviceaccount:default:my-sa')}" == problem.fix


def test_irsa_trust_rejects_document_over_quota(problems_of):
    """Subjects beyond IAM's quota are rejected, with the resulting size."""
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    many = [Subject.of("namespace", f"service-account-{number}") for number in range(40)]
    (problem,) = problems_of(trust.irsa_trust, [provider], many)
    assert "2048" in problem.rule
    raised = trust.irsa_trust([provider], many, size_limit=4096)
    assert 2048 < len(trust.compact(raised)) <= 4096


@pytest.mark.parametrize("length", [2047, 2048, 2049])
def test_irsa_trust_accepts_up_to_2048_characters(problems_of, length):
    """The limit is exactly IAM's, counted without white space."""
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    many = [Subject.of("namespace", f"service-account-{number:02}") for number in range(28)]
    room = length - len(trust.compact(trust.irsa_trust([provider], [*many, Subject.of("n", "x")])))
    subjects_ = [*many, Subject.of("n", "x" * (room + 1))]
    if length > 2048:
        (problem,) = problems_of(trust.irsa_trust, [provider], subjects_)
        assert "make 2049" in problem.value
    else:
        assert len(json.dumps(trust.irsa_trust([provider], subjects_), separators=(",", ":"))) == length


def test_irsa_trust_rejects_empty_and_repeated_items(problems_of):
    """No providers or subjects, and repeated ones, are reported together."""
    assert [problem.input for problem in problems_of(trust.irsa_trust, [], [])] == ["oidc_provider_arns", "subjects"]
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    problems = problems_of(trust.irsa_trust, [provider, provider], [Subject("a", "b"), Subject("a", "b")])
    assert [problem.input for problem in problems] == ["oidc_provider_arns[1]", "subjects[1]"]


def test_pod_identity_trust_has_both_actions():
    """Pod Identity needs AssumeRole and TagSession, for EKS's service principal."""
    (statement,) = trust.pod_identity_trust()["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert sorted(statement["Action"]) == ["sts:AssumeRole", "sts:TagSession"]


@given(providers)
def test_issuer_accepts_url_with_and_without_scheme(provider):
    """An issuer is the same with and without https://, and the provider's ARN contains it."""
    assert Issuer.parse(provider.issuer.url) == Issuer.parse(provider.issuer.host_and_path) == provider.issuer
    assert provider.issuer.url.startswith("https://")
    assert not provider.issuer.sub.startswith("https://")
    assert Provider.parse(provider.arn) == provider


def test_issuer_rejects_other_text(problems_of):
    """Plain http, spaces and empty strings are not issuers; a role's ARN is not a provider's."""
    for text in ("", "http://oidc.example.com", "a b", "https://...", "https://x//y", "https://x?y", "HTTPS://x"):
        problems_of(Issuer.parse, text)
    for arn in (
        "arn:aws:iam::111122223333:role/x",
        "arn:aws:iam::12:oidc-provider/x",
        "arn:aws:iam:us-east-1:111122223333:oidc-provider/x",
        "arn:aws:iam::111122223333:oidc-provider/",
    ):
        problems_of(Provider.parse, arn)


def test_managed_policy_accepts_name_and_arn(problems_of):
    """A name is an AWS managed policy in the role's partition; an ARN of another partition is rejected."""
    assert (
        permissions.managed_policy("AmazonS3ReadOnlyAccess", CHINA)
        == "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    name = "service-role/AmazonEBSCSIDriverPolicy"
    assert permissions.managed_policy(name, AWS) == f"arn:aws:iam::aws:policy/{name}"
    own = "arn:aws:iam::111122223333:policy/team/read"
    assert permissions.managed_policies([own, "ReadOnlyAccess"], AWS)[0] == own
    problems = problems_of(
        permissions.managed_policies, [own.replace("aws", "aws-cn", 1), "a b", own, own.upper()], AWS
    )
    assert [problem.input for problem in problems][:2] == ["[0]", "[1]"]
    (problem,) = problems_of(permissions.managed_policies, [f"Policy{number}" for number in range(11)], AWS)
    assert "at most 10" in problem.rule


def test_inline_policies_are_json_within_quota(problems_of):
    """Documents are JSON with statements, and have at most 10,240 characters together."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    made = permissions.inline_policies({"a": document, "b": json.dumps(document, indent=2)})
    assert json.loads(made["a"]) == json.loads(made["b"]) == document
    assert " " not in made["b"]
    assert len(problems_of(permissions.inline_policies, {"a": "{", "b": "{}", "c d": document})) == 3
    long = {**document, "Id": "x" * 10_240}
    (problem,) = problems_of(permissions.inline_policies, {"a": long})
    assert "10240" in problem.rule
