import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge import allows

from eks_identity.model import permissions, trust
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.partitions import AWS, CHINA, PARTITIONS
from eks_identity.model.subjects import Subject

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
def test_exactly_the_subjects_are_allowed(trusted, allowed, other, stranger):
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
    known = stranger in trusted
    assert allows(document, provider=stranger.arn, action=ACTION, claims=claims(stranger, allowed[0])) == known
    assert len(trust.compact(document)) <= 2048


@given(labels, labels, subjects)
def test_wildcards_let_in_what_matches_and_keep_the_audience(namespace, prefix, other):
    """A wildcard that was asked for matches names in its namespace, and the audience stays exact."""
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    document = trust.irsa_trust([provider], [Subject.of(namespace, f"{prefix}-*", allow_wildcards=True)])
    inside = Subject.of(namespace, f"{prefix}-1")
    assert allows(document, provider=provider.arn, action=ACTION, claims=claims(provider, inside))
    assert not allows(
        document, provider=provider.arn, action=ACTION, claims=claims(provider, inside, "sts.amazonaws.co")
    )
    assert not allows(document, provider=provider.arn, action=ACTION, claims=claims(provider, other))
    assert document["Statement"][0]["Condition"]["StringEquals"] == {provider.issuer.aud: "sts.amazonaws.com"}


def test_a_wildcard_has_to_be_meant(refused):
    """Without the opt-in a wildcard is refused, since under StringEquals it would deny silently."""
    for namespace, name in (("default", "*"), ("team-?", "agent")):
        (problem,) = refused(Subject.of, namespace, name)
        assert "allow_wildcards" in problem.fix


def test_both_halves_of_a_subject_are_refused_at_once(refused):
    """Namespace and name are reported together."""
    assert [problem.input for problem in refused(Subject.of, "Default", "My_sa")] == ["namespace", "service_account"]


@pytest.mark.parametrize("text", ["default:my-sa", "system:serviceaccount:default", "system:node:x"])
def test_a_subject_has_three_parts(refused, text):
    """Only system:serviceaccount:NAMESPACE:NAME is a subject."""
    refused(Subject.parse, text)
    assert str(Subject.parse("system:serviceaccount:default:my-sa")) == "system:serviceaccount:default:my-sa"


def test_a_trust_policy_that_is_too_long_is_refused(refused):
    """More subjects than IAM has room for are refused, with the size that they would have."""
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    many = [Subject.of("namespace", f"service-account-{number}") for number in range(40)]
    (problem,) = refused(trust.irsa_trust, [provider], many)
    assert "2048" in problem.rule
    raised = trust.irsa_trust([provider], many, size_limit=4096)
    assert 2048 < len(trust.compact(raised)) <= 4096


@pytest.mark.parametrize("length", [2047, 2048, 2049])
def test_a_trust_policy_has_2048_characters_and_not_one_more(refused, length):
    """The bound is IAM's to the character, counted without white space."""
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    many = [Subject.of("namespace", f"service-account-{number:02}") for number in range(28)]
    room = length - len(trust.compact(trust.irsa_trust([provider], [*many, Subject.of("n", "x")])))
    subjects_ = [*many, Subject.of("n", "x" * (room + 1))]
    if length > 2048:
        (problem,) = refused(trust.irsa_trust, [provider], subjects_)
        assert "make 2049" in problem.value
    else:
        assert len(json.dumps(trust.irsa_trust([provider], subjects_), separators=(",", ":"))) == length


def test_nobody_and_the_same_twice_are_refused(refused):
    """A trust policy without providers or subjects, or with a subject twice, is refused; all of it at once."""
    assert [problem.input for problem in refused(trust.irsa_trust, [], [])] == ["oidc_provider_arns", "subjects"]
    provider = Provider.parse(f"arn:aws:iam::111122223333:oidc-provider/oidc.eks.x.amazonaws.com/id/{'A' * 32}")
    problems = refused(trust.irsa_trust, [provider, provider], [Subject("a", "b"), Subject("a", "b")])
    assert [problem.input for problem in problems] == ["oidc_provider_arns[1]", "subjects[1]"]


def test_pod_identity_trusts_the_service_with_both_actions():
    """Pod Identity needs AssumeRole and TagSession, for EKS's service."""
    (statement,) = trust.pod_identity_trust()["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert sorted(statement["Action"]) == ["sts:AssumeRole", "sts:TagSession"]


@given(providers)
def test_issuers_come_with_and_without_scheme(provider):
    """An issuer reads the same with and without https://, and a provider's ARN gives it back."""
    assert Issuer.parse(provider.issuer.url) == Issuer.parse(provider.issuer.host_and_path) == provider.issuer
    assert provider.issuer.url.startswith("https://")
    assert not provider.issuer.sub.startswith("https://")
    assert Provider.parse(provider.arn) == provider


def test_what_is_no_issuer_is_refused(refused):
    """Plain http, spaces and empty strings are no issuers; a role's ARN is no provider's."""
    for text in ("", "http://oidc.example.com", "a b", "https://...", "https://x//y", "https://x?y", "HTTPS://x"):
        refused(Issuer.parse, text)
    for arn in (
        "arn:aws:iam::111122223333:role/x",
        "arn:aws:iam::12:oidc-provider/x",
        "arn:aws:iam:us-east-1:111122223333:oidc-provider/x",
        "arn:aws:iam::111122223333:oidc-provider/",
    ):
        refused(Provider.parse, arn)


def test_policies_by_name_and_arn(refused):
    """A name is one of AWS's own policies in the role's partition; an ARN of another partition is refused."""
    assert (
        permissions.managed_policy("AmazonS3ReadOnlyAccess", CHINA)
        == "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    name = "service-role/AmazonEBSCSIDriverPolicy"
    assert permissions.managed_policy(name, AWS) == f"arn:aws:iam::aws:policy/{name}"
    own = "arn:aws:iam::111122223333:policy/team/read"
    assert permissions.managed_policies([own, "ReadOnlyAccess"], AWS)[0] == own
    problems = refused(permissions.managed_policies, [own.replace("aws", "aws-cn", 1), "a b", own, own.upper()], AWS)
    assert [problem.input for problem in problems][:2] == ["[0]", "[1]"]
    (problem,) = refused(permissions.managed_policies, [f"Policy{number}" for number in range(11)], AWS)
    assert "at most 10" in problem.rule


def test_inline_policies(refused):
    """Documents are JSON with statements, and have 10,240 characters together."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    made = permissions.inline_policies({"a": document, "b": json.dumps(document, indent=2)})
    assert json.loads(made["a"]) == json.loads(made["b"]) == document
    assert " " not in made["b"]
    assert len(refused(permissions.inline_policies, {"a": "{", "b": "{}", "c d": document})) == 3
    long = {**document, "Id": "x" * 10_240}
    (problem,) = refused(permissions.inline_policies, {"a": long})
    assert "10240" in problem.rule
