"""Defaults and policies of environments."""

import pytest

from eks_identity.runtime.inputs import InvalidInputError
from stacks import dev, prod, settings
from support.stack_files import load_settings, set_value


def parse(values, profile, stack):
    return settings.parse(values, profile, project="eks-identity", stack=stack)


def test_profile_sets_defaults_for_missing_settings():
    """Mode, access method, cluster options and protection come from the profile if the file does not set them."""
    parsed = parse(load_settings("prod"), prod.PROFILE, "prod")
    cluster = parsed.clusters["prod"]
    assert cluster.protect
    assert {key: cluster.create.to_args()[key] for key in prod.PROFILE.create} == prod.PROFILE.create
    assert parsed.workload_mode(parsed.workloads["reports"]) == "pod-identity"
    assert parsed.defaults.access_method == "access-entry"

    parsed = parse(load_settings("dev"), dev.PROFILE, "dev")
    assert parsed.clusters["dev"].create.to_args()["authentication_mode"] == "API_AND_CONFIG_MAP"
    assert not parsed.clusters["dev"].protect
    assert (parsed.defaults.access_method, parsed.workload_mode(parsed.workloads["reports"])) == ("both", "irsa")


def test_settings_file_overrides_profile_defaults():
    """A value in the settings file takes precedence over the default of the profile."""
    values = load_settings("dev")
    set_value(values, "defaults.access_method", "access-entry")
    set_value(values, "clusters.dev.create.authentication_mode", "API")
    parsed = parse(values, dev.PROFILE, "dev")
    assert (parsed.defaults.access_method, parsed.clusters["dev"].create.to_args()["authentication_mode"]) == (
        "access-entry",
        "API",
    )


@pytest.mark.parametrize(
    ("path", "value", "problem_path"),
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
def test_production_policies_reject_settings(path, value, problem_path):
    """Production rejects aws-auth, public endpoints, roles without a boundary and unprotected clusters."""
    values = load_settings("prod")
    set_value(values, path, value)
    with pytest.raises(InvalidInputError) as error:
        parse(values, prod.PROFILE, "prod")
    (problem,) = error.value.problems
    assert problem.input == f"Pulumi.prod.yaml: eks-identity:{problem_path}"
    assert problem.value == value


def test_policy_problems_are_reported_with_type_errors():
    """A value of a wrong type in one setting does not hide a policy problem of another."""
    values = load_settings("prod")
    set_value(values, "access.operators.access_method", "aws-auth")
    set_value(values, "access.operators.principals", "text")
    set_value(values, "workloads", [])
    set_value(values, "clusters.prod.protect", "no")
    with pytest.raises(InvalidInputError) as error:
        parse(values, prod.PROFILE, "prod")
    assert {problem.input.partition("eks-identity:")[2] for problem in error.value.problems} == {
        "access.operators.access_method",
        "access.operators.principals",
        "workloads",
        "clusters.prod.protect",
    }
