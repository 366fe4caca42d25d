"""The cluster that a component is given: of one piece, and looked at once."""

import pulumi
import pytest
from pulumi_program import deploy

import eks_identity as eks
from eks_identity.model import connections
from eks_identity.runtime.inputs import InvalidInputError


def migration(cluster, name="m"):
    return eks.AuthenticationModeMigration(name, {"cluster": cluster, "target_mode": "API"})


def test_a_value_of_another_cluster_is_refused(connection):
    """With everything that is wrong with the connection; plain or known later, the words are the same."""
    mixed = {**connection, "region": "eu-west-1", "endpoint": "http://x"}
    with pytest.raises(InvalidInputError, match=r"cluster\.endpoint: 'http://x'"):
        deploy(lambda: migration(mixed), preview=True)
    for late in (lambda value: value, pulumi.Output.from_input):
        with pytest.raises(
            InvalidInputError, match=r"cluster\.region: 'eu-west-1'\n +rule: must be ap-northeast-1, as in arn"
        ):
            deploy(lambda late=late: migration({**connection, "region": late("eu-west-1")}), preview=True)


def test_each_output_of_a_connection_is_checked_once(connection, monkeypatch):
    """However many components are given it: a stack's workloads cost no checks of their own."""
    checked = []

    def counted(field, check):
        def called(value):
            checked.append(field)
            return check(value)

        return called

    checks = {field: counted(field, check) for field, check in connections.CHECKS.items() if field != "partition"}
    monkeypatch.setattr(connections, "CHECKS", {**connections.CHECKS, **checks})

    def program():
        late = {field: pulumi.Output.from_input(value) for field, value in connection.items()}
        for number in range(3):
            migration(late, f"m{number}")

    deploy(program, preview=True)
    assert sorted(checked) == sorted(checks)
