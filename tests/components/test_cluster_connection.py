"""The connection of a cluster: values of one cluster, checked once."""

import pulumi
import pytest

import eks_identity as eks
from eks_identity.model import connections
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import deploy


def migration(cluster, name="m"):
    return eks.AuthenticationModeMigration(name, {"cluster": cluster, "target_mode": "API"})


def test_connection_with_a_value_of_another_cluster_is_rejected(connection):
    """All problems are reported, with the same message for plain values and Outputs."""
    mixed = {**connection, "region": "eu-west-1", "endpoint": "http://x"}
    with pytest.raises(InvalidInputError, match=r"cluster\.endpoint: 'http://x'"):
        deploy(lambda: migration(mixed), preview=True)
    for late in (lambda value: value, pulumi.Output.from_input):
        with pytest.raises(
            InvalidInputError, match=r"cluster\.region: 'eu-west-1'\n +rule: must be ap-northeast-1, as in arn"
        ):
            deploy(lambda late=late: migration({**connection, "region": late("eu-west-1")}), preview=True)


def test_each_output_of_a_connection_is_checked_once(connection, monkeypatch):
    """Many components with one connection check its Outputs once."""
    checked = []

    def counted(field, check):
        def called(value):
            checked.append(field)
            return check(value)

        return called

    checks = {field: counted(field, check) for field, check in connections.PARSERS.items() if field != "partition"}
    monkeypatch.setattr(connections, "PARSERS", {**connections.PARSERS, **checks})

    def program():
        outputs = {field: pulumi.Output.from_input(value) for field, value in connection.items()}
        for number in range(3):
            migration(outputs, f"m{number}")

    deploy(program, preview=True)
    assert sorted(checked) == sorted(checks)
