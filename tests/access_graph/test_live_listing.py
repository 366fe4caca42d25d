"""Listings of a living account: one request for each page, and descriptions of single objects at the same time."""

import threading
from collections import Counter
from types import SimpleNamespace

import pytest

from eks_access.graph.tables import Part, Table
from eks_access.sources.live_accounts import Accounts
from eks_access.sources.live_eks import LiveEks
from eks_access.sources.live_iam import LiveIam
from eks_access.sources.snapshot import take_snapshot
from support.access_graphs import ACCOUNT, Objects, arn

AT_ONCE = 8
CLUSTER = {
    "name": "eks-clu",
    "arn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/eks-clu",
    "accessConfig": {"authenticationMode": "API"},
}


class Client:
    """A client of boto3 with pages of three listings; it counts requests, and descriptions wait for each other."""

    def __init__(self):
        self.requests = Counter()
        self.together = threading.Barrier(AT_ONCE, timeout=30)
        roles = [{"Arn": arn(f"role/r-{index}"), "RoleName": f"r-{index}"} for index in range(3)]
        self.pages = {
            "get_account_authorization_details": [{"RoleDetailList": [each]} for each in roles],
            "list_access_entries": [{"accessEntries": [arn(f"role/e-{page}{n}") for n in range(8)]} for page in (0, 1)],
            "list_associated_access_policies": [{"associatedAccessPolicies": []}],
        }

    def get_paginator(self, operation):
        def paginate(**_):
            for page in self.pages[operation]:
                self.requests[operation] += 1
                yield page

        return SimpleNamespace(paginate=paginate)

    def describe_cluster(self, name):
        return {"cluster": CLUSTER | {"name": name}}

    def describe_access_entry(self, clusterName, principalArn):  # noqa: N803 - names of boto3
        assert clusterName == CLUSTER["name"]
        self.requests["describe_access_entry"] += 1
        self.together.wait()
        return {"accessEntry": {"principalArn": principalArn, "accessEntryArn": ""}}


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def accounts(client):
    """The cluster's account, whose session has the client for every service."""
    session = SimpleNamespace(client=lambda *_, **__: client)
    return Accounts({ACCOUNT: session}, "eu-west-1", ACCOUNT, {})


def test_access_entries_are_described_at_the_same_time(accounts, client):
    """Descriptions of eight entries are pending together: the first answer comes after the eighth request."""
    entries = LiveEks(accounts, CLUSTER["name"]).entries.all()
    assert len(entries) == 2 * AT_ONCE
    assert client.requests["describe_access_entry"] == len(entries)
    assert client.requests["list_access_entries"] == 2


def test_iam_tables_share_one_listing_of_pages(accounts, client):
    """Principals, groups and policies come from the same pages, each requested once."""
    iam = LiveIam(accounts)
    for table in (iam.principals, iam.groups, iam.policies):
        table.prefetch()
        table.all()
    assert list(iam.principals.all()) == [arn(f"role/r-{index}") for index in range(3)]
    assert client.requests == {"get_account_authorization_details": 3}


def test_snapshot_lists_each_kind_once():
    """A snapshot reads each table by one listing, and no object by itself."""
    graph = Objects(principals={}).graph()
    listed = Counter()

    def counted(name, objects):
        def every():
            listed[name] += 1
            return objects

        return every

    def one(key):
        raise AssertionError(f"{key} is read by itself")

    for name, part in list(vars(graph).items()):
        if isinstance(part, Table):
            object.__setattr__(graph, name, Table(counted(name, part.all()), one))
    take_snapshot(graph)
    tables = [name for name, part in vars(graph).items() if isinstance(part, Table)]
    assert listed == dict.fromkeys(tables, 1)
    assert all(part.is_read for part in vars(graph).values() if isinstance(part, Part))
