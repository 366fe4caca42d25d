"""What an environment holds its settings to: its defaults where they say nothing, and what it refuses."""

import pytest
from stack_files import put, stored

from eks_identity.runtime.inputs import InvalidInputError
from stacks import dev, prod, settings


def parse(given, rules, stack):
    return settings.parse(given, rules, project="eks-identity", stack=stack)


def test_an_environment_says_what_holds_where_its_file_says_nothing():
    """Mode, way in, cluster options and protection are the environment's; its file names none of them."""
    said = parse(stored("prod"), prod.PROFILE, "prod")
    made = said.clusters["prod"]
    assert made.protect
    assert {key: made.create.said()[key] for key in prod.PROFILE.create} == prod.PROFILE.create
    assert said.mode_of(said.workloads["reports"]) == "pod-identity"
    assert said.defaults.access_method == "access-entry"

    said = parse(stored("dev"), dev.PROFILE, "dev")
    assert said.clusters["dev"].create.said()["authentication_mode"] == "API_AND_CONFIG_MAP"
    assert not said.clusters["dev"].protect
    assert (said.defaults.access_method, said.mode_of(said.workloads["reports"])) == ("both", "irsa")


def test_the_file_has_the_last_word():
    """What is written wins over what the environment would say."""
    given = stored("dev")
    put(given, "defaults.access_method", "access-entry")
    put(given, "clusters.dev.create.authentication_mode", "API")
    said = parse(given, dev.PROFILE, "dev")
    assert (said.defaults.access_method, said.clusters["dev"].create.said()["authentication_mode"]) == (
        "access-entry",
        "API",
    )


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("access.operators.access_method", "aws-auth", "access.operators.access_method"),
        ("access.operators.access_method", "both", "access.operators.access_method"),
        ("clusters.prod.create.authentication_mode", "API_AND_CONFIG_MAP", "clusters.prod.create.authentication_mode"),
        ("clusters.prod.create.endpoint_public_access", True, "clusters.prod.create.endpoint_public_access"),
        ("clusters.prod.create.endpoint_private_access", False, "clusters.prod.create.endpoint_private_access"),
        ("defaults.permissions_boundary", None, "defaults.permissions_boundary"),
        ("clusters.prod.protect", False, "clusters.prod.protect"),
        ("clusters.prod.create.deletion_protection", False, "clusters.prod.create.deletion_protection"),
    ],
)
def test_production_refuses(path, value, where):
    """aws-auth, public endpoints, roles without a boundary and unprotected clusters are refused in production."""
    given = stored("prod")
    put(given, path, value)
    with pytest.raises(InvalidInputError) as refusal:
        parse(given, prod.PROFILE, "prod")
    (problem,) = refusal.value.problems
    assert problem.input == f"Pulumi.prod.yaml: eks-identity:{where}"
    assert problem.value == value


def test_demands_are_said_with_everything_else():
    """A wrong shape in one place hides no demand in another."""
    given = stored("prod")
    put(given, "access.operators.access_method", "aws-auth")
    put(given, "access.operators.principals", "nobody")
    put(given, "workloads", [])
    put(given, "clusters.prod.protect", "no")
    with pytest.raises(InvalidInputError) as refusal:
        parse(given, prod.PROFILE, "prod")
    assert {problem.input.partition("eks-identity:")[2] for problem in refusal.value.problems} == {
        "access.operators.access_method",
        "access.operators.principals",
        "workloads",
        "clusters.prod.protect",
    }
