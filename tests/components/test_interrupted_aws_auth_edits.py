"""Edits of aws-auth whose requests are refused, rejected or interrupted."""

from functools import partial

import pytest

from eks_identity.clients.aws_auth import AwsAuthConfigMap
from eks_identity.errors import ClusterUnreachableError, InvalidInput
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from support.failing_api_server import LOST, RESET

pytestmark = pytest.mark.usefixtures("update")

OPS = UserMapping.of("arn:aws:iam::111122223333:user/ops", ["ops"], "ops")
DEV = UserMapping.of("arn:aws:iam::111122223333:user/dev", ["dev"], "dev")


def accept(_before, _after):
    """Reject no edit."""


def add(server, mapping=OPS):
    return AwsAuthConfigMap(server.kubeconfig).edit(partial(AwsAuth.add, mapping=mapping), accept)


def mapped(server):
    return sorted(entry.arn for entry in AwsAuth.parse(server.data).entries)


def test_edit_waits_for_refused_connections(starting_server):
    """An aws-auth edit succeeds when the API server has started."""
    after = AwsAuthConfigMap(starting_server).edit(partial(AwsAuth.add, mapping=OPS), accept)
    assert after.find(OPS.arn)


def test_unauthorized_is_repeated_twice(server):
    """STS may fail when the authenticator calls it, and the API server then rejects a valid token."""
    server.failures["GET"] = [401, 401]
    server.failures["PUT"] = [401]
    add(server)
    assert server.requests == ["GET", "GET", "GET", "PUT", "PUT"]
    assert mapped(server) == [OPS.arn]


def test_failing_write_ends(short_outage, server):
    """A write that fails each time, such as by a webhook, is not tried for ever because reads succeed."""
    server.failures["PUT"] = [500] * 99
    with pytest.raises(ClusterUnreachableError, match=r"written: status 500, tried \d+ times .*\n  fix: run this a"):
        add(server)
    assert server.writes == 0


@pytest.mark.parametrize("failure", [RESET, 429, 503])
def test_write_that_was_not_performed_is_repeated(server, failure):
    """The edit is written once."""
    server.failures["PUT"] = [failure]
    add(server)
    assert (mapped(server), server.writes) == ([OPS.arn], 1)


def test_performed_write_without_response_is_not_repeated(server):
    """The added entry is not taken for one of another writer, which `add` rejects."""
    server.failures["PUT"] = [LOST]
    assert add(server).find(OPS.arn)
    assert (mapped(server), server.writes) == ([OPS.arn], 1)
    assert server.requests == ["GET", "PUT", "GET"]


def test_error_after_a_performed_write_says_so(short_outage, server):
    """The entry may have been added, if the API server does not respond any more."""
    server.failures["PUT"] = [LOST]
    server.after_lost = lambda: server.failures.update(GET=[503] * 99)
    with pytest.raises(ClusterUnreachableError, match=r"cannot be read: .*, after a write that may have been"):
        add(server)


def test_creation_of_the_config_map_without_response_is_not_repeated(server):
    """A cluster without aws-auth gets one ConfigMap."""
    server.data = None
    server.failures["POST"] = [LOST]
    add(server)
    assert (mapped(server), server.writes) == ([OPS.arn], 1)


def test_lost_response_loses_no_change_of_another_writer(server):
    """Another writer adds an entry between the write and the next read."""
    server.failures["PUT"] = [LOST]
    server.after_lost = lambda: server.write(dict(AwsAuth.parse(server.data).add(DEV).data))
    add(server)
    assert (mapped(server), server.writes) == ([DEV.arn, OPS.arn], 2)


def test_entry_that_another_writer_removed_after_a_lost_response_is_added_again(server):
    """The interrupted write has no effect any more, so that the edit is made."""
    server.failures["PUT"] = [LOST]
    server.after_lost = lambda: server.write({})
    add(server)
    assert (mapped(server), server.writes) == ([OPS.arn], 3)


def test_removal_without_response_is_not_repeated(server):
    """The entries of others stay."""
    server.data = dict(AwsAuth().add(OPS).add(DEV).data)
    server.failures["PUT"] = [LOST]
    AwsAuthConfigMap(server.kubeconfig).edit(lambda document: document.remove(OPS), accept)
    assert (mapped(server), server.writes) == ([DEV.arn], 1)


def test_entry_of_another_writer_is_rejected_after_a_write_that_was_not_performed(server):
    """Another writer adds the same entry while the API server is overloaded: it is theirs."""
    server.failures["PUT"] = [429]
    edits = []

    def change(document):
        edits.append(document)
        if len(edits) == 1:
            server.write(dict(AwsAuth().add(OPS).data))
        return document.add(OPS)

    with pytest.raises(InvalidInput, match="must be mapped once"):
        AwsAuthConfigMap(server.kubeconfig).edit(change, accept)
    assert server.writes == 1
