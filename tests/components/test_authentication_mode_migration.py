"""AuthenticationModeMigration: rejected inputs, and what its provider gets."""

import pytest

import eks_identity as eks
from support.component_program import ACCOUNT, REGION, deploy

ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/ops"
CLUSTER = {"cluster_name": "eks-clu", "region": REGION}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"target_mode": "CONFIG_MAP"}, "cannot go back to an earlier mode"),
        ({"target_mode": "ACCESS"}, "one of CONFIG_MAP, API_AND_CONFIG_MAP, API"),
        (
            {"target_mode": "API", "principals": {ROLE.replace("team/", ""): f"{ROLE}-2"}},
            "of the same principal as in aws-auth",
        ),
        ({"target_mode": "API", "accept_loss_of": "all"}, "a list"),
    ],
)
def test_migration_rejects_invalid_inputs(connection, args, expected):
    """An earlier mode, an unknown mode, the ARN of another principal, and a string in place of a list are rejected."""
    with pytest.raises(eks.InvalidInput) as error:
        deploy(lambda: eks.AuthenticationModeMigration("leave", {"cluster": connection, **args}))
    assert expected in str(error.value)


def test_migration_passes_connection_and_full_arns_to_its_provider(connection):
    """The provider gets name, region and kubeconfig, and the full ARN of a role that aws-auth has without its path."""
    full_arns = {ROLE.replace("team/", ""): ROLE}
    args = {"cluster": connection, "target_mode": "API", "principals": full_arns, "accept_loss_of": ["444455556666"]}
    (resource,) = deploy(lambda: eks.AuthenticationModeMigration("leave", args)).resources
    inputs = {
        name: resource.inputs[name]
        for name in ("cluster_name", "region", "target_mode", "principals", "accept_loss_of")
    }
    assert inputs == {**CLUSTER, "target_mode": "API", "principals": full_arns, "accept_loss_of": ["444455556666"]}
    assert resource.inputs["kubeconfig"] == connection["kubeconfig"]
