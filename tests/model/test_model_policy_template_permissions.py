"""Permissions of each policy template, evaluated by the lab's IAM evaluator."""

import string

import pytest
from hypothesis import assume, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from eks_identity.model import policy_templates
from support.policy_template_cases import ASG, BUCKET, DOES, NEVER
from support.policy_template_names import allowed


@pytest.mark.parametrize(
    ("args", "action", "resource", "context", "other_resource", "other_context"),
    [pytest.param(*case, id=f"{case[0]['name']} {case[1]} {index}") for index, case in enumerate(DOES)],
)
def test_policy_template_allows_only_named_resources(args, action, resource, context, other_resource, other_context):
    """The add-on's request on the named resource is allowed, and on another one or otherwise denied."""
    assert allowed(args, action, resource, context)
    assert not allowed(args, action, other_resource, other_context)


@pytest.mark.parametrize(("args", "action", "resource"), NEVER)
def test_policy_template_denies_unneeded_actions(args, action, resource):
    """Neither more resources nor neighbouring actions are allowed."""
    assert not allowed(args, action, resource)


def test_policy_templates_all_have_cases():
    """Every template has a case above."""
    assert {case[0]["name"] for case in DOES} == set(policy_templates.POLICY_TEMPLATES)


names = st.text(string.ascii_lowercase + string.digits + "-", min_size=3, max_size=12).filter(
    lambda text: text[0].isalnum() and text[-1].isalnum()
)


@settings(deadline=None)
@drawn(st.lists(names, min_size=1, max_size=4, unique=True), names, names)
def test_policy_template_allows_exactly_the_named_buckets(listed, other, key):
    """Objects of each named bucket and of no other one, whatever prefix the names share."""
    args = {"name": "velero", "bucket_arns": [f"arn:aws:s3:::{name}" for name in listed]}
    assert all(allowed(args, "s3:GetObject", f"arn:aws:s3:::{name}/{key}") for name in listed)
    assert allowed(args, "s3:GetObject", f"arn:aws:s3:::{other}/{key}") == (other in listed)


@settings(deadline=None)
@drawn(st.lists(names, min_size=1, max_size=4, unique=True), names, names)
def test_policy_template_allows_exactly_the_named_clusters(listed, other, group):
    """Auto Scaling groups of each named cluster, and of no other one."""
    args = {"name": "cluster-autoscaler", "cluster_names": listed}

    def may(cluster):
        context = {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}
        return allowed(args, "autoscaling:SetDesiredCapacity", f"{ASG}/{group}", context)

    assert all(may(cluster) for cluster in listed)
    assert may(other) == (other in listed)


@settings(deadline=None)
@drawn(st.lists(names, min_size=1, max_size=3, unique=True), names, names)
def test_policy_template_allows_exactly_the_key_prefixes(prefixes, other, key):
    """Objects and listings below each prefix, and of no other prefix."""
    assume(other not in prefixes)
    args = {
        "name": "aws-mountpoint-s3-csi-driver",
        "bucket_arns": [BUCKET],
        "key_prefixes": [f"{prefix}/" for prefix in prefixes],
    }
    for prefix in prefixes:
        assert allowed(args, "s3:GetObject", f"{BUCKET}/{prefix}/{key}")
        assert allowed(args, "s3:ListBucket", BUCKET, {"s3:prefix": f"{prefix}/"})
    assert not allowed(args, "s3:GetObject", f"{BUCKET}/{other}/{key}")
    assert not allowed(args, "s3:ListBucket", BUCKET, {"s3:prefix": f"{other}/"})
    assert not allowed(args, "s3:ListBucket", BUCKET)
