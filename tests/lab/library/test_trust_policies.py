"""The library's trust policies, evaluated by the policy evaluator of the lab's IAM and STS."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from eks_identity.model import trust
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.partitions import PARTITIONS
from eks_identity.model.subjects import Subject
from lab.cloud.policy import Context, Policies, Request, evaluate, federated_principal, parse

labels = st.text(string.ascii_lowercase, min_size=1, max_size=3)
subjects = st.builds(Subject.of, labels, labels)
providers = st.builds(
    lambda id_, partition: Provider(
        Issuer.parse(partition.issuer_host("ap-northeast-1") + f"/id/{id_}"), partition, "111122223333"
    ),
    st.text("0123456789ABCDEF", min_size=32, max_size=32),
    st.sampled_from(list(PARTITIONS.values())),
)


def allowed(document: trust.Document, provider: Provider, **claims: str) -> bool:
    """Return whether a token of `provider` with these claims can assume the role."""
    context = Context({f"{provider.issuer.host_and_path}:{name}": value for name, value in claims.items()})
    principal = federated_principal(provider.arn)
    request = Request(action="sts:AssumeRoleWithWebIdentity", principal=principal, context=context)
    return evaluate(request, Policies(resource=parse(trust.compact(document)), resource_must_allow=True)).allowed


@settings(deadline=None)
@given(
    st.lists(providers, min_size=1, max_size=2, unique=True).filter(lambda many: len({p.partition for p in many}) == 1),
    st.lists(subjects, min_size=1, unique=True, max_size=5),
    subjects,
    providers,
)
def test_irsa_trust_policy_allows_exactly_the_listed_subjects(trusted, listed, other, stranger):
    """Listed subjects are allowed with the audience; other subjects, audiences and clusters are denied."""
    document = trust.irsa_trust(trusted, listed)
    for provider in trusted:
        assert all(allowed(document, provider, sub=str(subject), aud="sts.amazonaws.com") for subject in listed)
        assert allowed(document, provider, sub=str(other), aud="sts.amazonaws.com") == (other in listed)
        assert not allowed(document, provider, sub=str(listed[0]), aud="kubernetes")
        assert not allowed(document, provider, sub=str(listed[0]))
        assert not allowed(document, provider, aud="sts.amazonaws.com")
    claims = {"sub": str(listed[0]), "aud": "sts.amazonaws.com"}
    assert allowed(document, stranger, **claims) == (stranger in trusted)


@settings(deadline=None)
@given(labels, labels, subjects, providers)
def test_irsa_trust_policy_wildcard_matches_names_of_its_namespace_only(namespace, prefix, other, provider):
    """A name pattern allows names with the prefix, in its namespace and with its audience."""
    document = trust.irsa_trust([provider], [Subject.of(namespace, f"{prefix}-*", allow_wildcards=True)])
    inside = f"system:serviceaccount:{namespace}:{prefix}-1"
    assert allowed(document, provider, sub=inside, aud="sts.amazonaws.com")
    assert not allowed(document, provider, sub=inside, aud="sts.amazonaws.comx")
    assert not allowed(document, provider, sub=str(other), aud="sts.amazonaws.com")
