"""The end date of a ClusterAccess: its tag, the warning at preview, and rejected values."""

from datetime import UTC, datetime, timedelta

import pulumi
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, deploy

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ADOPTED = "pulumi-python:dynamic/eks-identity:AccessEntry"
TODAY = datetime.now(UTC).date()


def access(connection, **other):
    def program():
        args = {"cluster": connection, "access_policies": [{"policy": "AmazonEKSViewPolicy"}]}
        return eks.ClusterAccess("temporary", {**args, "principals": [{"arn": USER}], **other}).group

    return program


@pytest.mark.parametrize(
    ("options", "kind"), [({}, ENTRY), ({"access_method": "both"}, ENTRY), ({"adopt": True}, ADOPTED)]
)
def test_expires_is_a_tag_of_each_access_entry(connection, options, kind):
    if options.get("access_method") == "both":
        options = {**options, "group": "operators"}
    deployment = deploy(access(connection, expires="2999-12-31", tags={"team": "shop"}, **options))
    assert deployment.one(kind).inputs["tags"] == {"team": "shop", "eks-identity/expires": "2999-12-31"}


WARNINGS = {
    "past": (-1, "the access ended after"),
    "last day": (0, "the access ends after"),
    "soon": (14, "the access ends after"),
    "later": (15, None),
}


@pytest.mark.parametrize(("days", "text"), WARNINGS.values(), ids=WARNINGS)
def test_preview_warns_from_two_weeks_before_the_last_day(connection, monkeypatch, days, text):
    warnings = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: warnings.append(message))
    last_day = (TODAY + timedelta(days=days)).isoformat()
    deploy(access(connection, expires=last_day))
    expected = [f'ClusterAccess "temporary": {text} {last_day}; fix: remove it, or set expires to a later date']
    assert warnings == (expected if text else [])


REJECTED = {
    "form": (
        {"expires": "31.12.2030"},
        "expires",
        "must be a date of the calendar, YYYY-MM-DD",
    ),
    "day": (
        {"expires": "2030-02-30"},
        "expires",
        "must be a date of the calendar, YYYY-MM-DD",
    ),
    "aws-auth": (
        {"expires": "2030-12-31", "access_method": "aws-auth", "access_policies": [], "group": "operators"},
        "expires",
        "must be omitted with access_method aws-auth: a mapping in aws-auth cannot hold a date (EKS)",
    ),
    "tag": (
        {"expires": "2030-12-31", "tags": {"eks-identity/expires": "2031-12-31"}},
        "tags.eks-identity/expires",
        "must be omitted with expires, which sets the tag",
    ),
}


@pytest.mark.parametrize(("args", "name", "rule"), REJECTED.values(), ids=REJECTED)
def test_expires_is_rejected(connection, args, name, rule):
    with pytest.raises(InvalidInputError) as raised:
        deploy(access(connection, **args))
    assert [(each.input, each.rule) for each in raised.value.problems] == [(name, rule)]
