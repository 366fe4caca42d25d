"""What each entry lets its add-on do, and what not, judged by an evaluator of IAM that is not the library's."""

import string

import pytest
from hypothesis import assume, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from policy_template_cases import ASG, BUCKET, DOES, NEVER
from policy_template_setting import allowed

from eks_identity.model import policy_templates


@pytest.mark.parametrize(
    ("said", "action", "resource", "context", "elsewhere", "otherwise"),
    [pytest.param(*case, id=f"{case[0]['name']} {case[1]} {index}") for index, case in enumerate(DOES)],
)
def test_an_entry_lets_its_add_on_work_on_what_is_given_alone(said, action, resource, context, elsewhere, otherwise):
    """Allowed on the named resource as the add-on asks for it, denied on another one or otherwise."""
    assert allowed(said, action, resource, context)
    assert not allowed(said, action, elsewhere, otherwise)


@pytest.mark.parametrize(("said", "action", "resource"), NEVER)
def test_what_no_add_on_needs_is_denied(said, action, resource):
    """Neither more than was asked for, nor the neighbouring action."""
    assert not allowed(said, action, resource)


def test_every_entry_is_judged():
    """No entry is without a case above."""
    assert {case[0]["name"] for case in DOES} == set(policy_templates.ENTRIES)


names = st.text(string.ascii_lowercase + string.digits + "-", min_size=3, max_size=12).filter(
    lambda text: text[0].isalnum() and text[-1].isalnum()
)


@settings(deadline=None)
@drawn(st.lists(names, min_size=1, max_size=4, unique=True), names, names)
def test_exactly_the_buckets_that_are_named(listed, other, key):
    """Objects of each named bucket, and of no other one, whatever the names have in common."""
    said = {"name": "velero", "bucket_arns": [f"arn:aws:s3:::{name}" for name in listed]}
    assert all(allowed(said, "s3:GetObject", f"arn:aws:s3:::{name}/{key}") for name in listed)
    assert allowed(said, "s3:GetObject", f"arn:aws:s3:::{other}/{key}") == (other in listed)


@settings(deadline=None)
@drawn(st.lists(names, min_size=1, max_size=4, unique=True), names, names)
def test_exactly_the_clusters_that_are_named(listed, other, group):
    """Auto Scaling groups of each named cluster, and of no other one."""
    said = {"name": "cluster-autoscaler", "cluster_names": listed}

    def may(cluster):
        context = {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}
        return allowed(said, "autoscaling:SetDesiredCapacity", f"{ASG}/{group}", context)

    assert all(may(cluster) for cluster in listed)
    assert may(other) == (other in listed)


@settings(deadline=None)
@drawn(st.lists(names, min_size=1, max_size=3, unique=True), names, names)
def test_exactly_below_the_prefixes(prefixes, other, key):
    """Objects and lists below each prefix, and beside none."""
    assume(other not in prefixes)
    said = {
        "name": "aws-mountpoint-s3-csi-driver",
        "bucket_arns": [BUCKET],
        "key_prefixes": [f"{prefix}/" for prefix in prefixes],
    }
    for prefix in prefixes:
        assert allowed(said, "s3:GetObject", f"{BUCKET}/{prefix}/{key}")
        assert allowed(said, "s3:ListBucket", BUCKET, {"s3:prefix": f"{prefix}/"})
    assert not allowed(said, "s3:GetObject", f"{BUCKET}/{other}/{key}")
    assert not allowed(said, "s3:ListBucket", BUCKET, {"s3:prefix": f"{other}/"})
    assert not allowed(said, "s3:ListBucket", BUCKET)
