"""Access entries that one declaration lets go while another one takes them over: neither is lost by it."""

from __future__ import annotations

import uuid

import pytest
from lab_program import REGION, Cluster, Program, refused

from lab.interfaces import AuthenticationMode

NAME = "irsa"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    return Cluster(running_lab, tools, NAME, AuthenticationMode.API, tmp_path_factory.mktemp(NAME))


@pytest.fixture(scope="module")
def person(cluster):
    arn = cluster.user(f"person-{uuid.uuid4().hex[:8]}")
    yield arn
    if arn in cluster.entries():
        cluster.eks.delete_access_entry(clusterName=NAME, principalArn=arn)


@pytest.fixture(scope="module")
def program(running_lab, tools, tmp_path_factory, person):
    """The person's entry is declared and made."""
    program = Program(tmp_path_factory.mktemp("handovers") / "project", running_lab, tools)
    program.declare({"entry": made(person), "guard": guard(person)}).up()
    return program


def guard(*principals, adopted=False):
    guarded = {"cluster_name": NAME, "region": REGION, "principals": [*principals], "administrators": []}
    return ("LockoutGuard", {**guarded, "adopted": adopted})


def made(person):
    return ("Entry", {"cluster_name": NAME, "principal_arn": person})


def adopted(person):
    return ("AccessEntry", {"cluster_name": NAME, "region": REGION, "principal_arn": person, "guarded": True})


def test_nobody_is_moved_by_being_taken_over(cluster, program, person):
    """The preview refuses it, whichever of the two it sees first, and says how it is done."""
    later = {"taken": adopted(person), "guard": guard(), "other-guard": guard(person, adopted=True)}
    earlier = {"guard": guard(), "taken": adopted(person), "other-guard": guard(person, adopted=True)}
    for resources in (later, earlier):
        said = refused(program.declare(resources).preview)
        assert f"principals: '{person}'" in said
        assert "remove the principal in an update of its own" in said
    assert person in cluster.entries()


def test_another_name_does_not_take_the_entry_away(cluster, program, person):
    """The old name is not deleted while the program lets its principal in; back under the old name all is as it was."""
    old = {"entry": made(person), "guard": guard(person)}
    new = {"renamed": adopted(person), "renamed-guard": guard(person, adopted=True)}
    for resources in (new, old):
        said = refused(program.declare(resources).up)
        assert "must not be deleted with the old declaration" in said
        assert "pass the old name of the declaration in opts.aliases" in said
        assert person in cluster.entries()
    program.stack.destroy()
    assert person not in cluster.entries()
