"""Access entries that move between components in one update: the engine deletes none of them."""

from __future__ import annotations

import uuid

import pytest

from lab.interfaces import AuthenticationMode
from support.access_program import REGION, Cluster, Program, expect_error

NAME = "irsa"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    return Cluster(running_lab, tools, NAME, AuthenticationMode.API, tmp_path_factory.mktemp(NAME))


@pytest.fixture(scope="module")
def user(cluster):
    arn = cluster.user(f"user-{uuid.uuid4().hex[:8]}")
    yield arn
    if arn in cluster.entries():
        cluster.eks.delete_access_entry(clusterName=NAME, principalArn=arn)


@pytest.fixture(scope="module")
def program(running_lab, tools, tmp_path_factory, user):
    """A program that declares and created the user's entry."""
    program = Program(tmp_path_factory.mktemp("handovers") / "project", running_lab, tools)
    program.declare({"entry": created(user), "guard": guard(user)}).up()
    return program


def guard(*principals, adopted=False):
    guarded = {"cluster_name": NAME, "region": REGION, "principals": [*principals], "administrators": []}
    return ("LockoutGuard", {**guarded, "adopted": adopted})


def created(user):
    return ("Entry", {"cluster_name": NAME, "principal_arn": user})


def adopted(user):
    return ("AccessEntry", {"cluster_name": NAME, "region": REGION, "principal_arn": user, "guarded": True})


def test_adoption_by_another_component_in_one_update_is_rejected(cluster, program, user):
    """The preview rejects it in either order of the two declarations, with the fix."""
    adopted_first = {"adopted": adopted(user), "guard": guard(), "other-guard": guard(user, adopted=True)}
    removed_first = {"guard": guard(), "adopted": adopted(user), "other-guard": guard(user, adopted=True)}
    for resources in (adopted_first, removed_first):
        error = expect_error(program.declare(resources).preview)
        assert f"principals: '{user}'" in error
        assert "remove the principal in an update of its own" in error
    assert user in cluster.entries()


def test_renamed_entry_is_not_deleted(cluster, program, user):
    """An update that would delete the entry under its old name fails, and after it the old name can be used again."""
    old = {"entry": created(user), "guard": guard(user)}
    new = {"renamed": adopted(user), "renamed-guard": guard(user, adopted=True)}
    for resources in (new, old):
        error = expect_error(program.declare(resources).up)
        assert "must not be deleted with the old declaration" in error
        assert "pass the old name of the declaration in opts.aliases" in error
        assert user in cluster.entries()
    program.stack.destroy()
    assert user not in cluster.entries()
