"""Concurrent changes of identity settings arrive at the control plane in order."""

from concurrent.futures import ThreadPoolExecutor

from support.eks_constants import ACCOUNT


def test_concurrent_changes_are_all_applied(lab, client, make_cluster):
    """No concurrently created entry is lost, and each is in effect when its own call returns."""
    name = make_cluster()
    plane = lab.plane(name)
    for number in range(24):
        lab.user(f"user-{number}")

    def create(number):
        arn = f"arn:aws:iam::{ACCOUNT}:user/user-{number}"
        client.create_access_entry(clusterName=name, principalArn=arn)
        return arn in {entry.principal.arn for entry in plane.identity.access_entries}

    with ThreadPoolExecutor(8) as pool:
        in_effect = list(pool.map(create, range(24)))
    assert all(in_effect)
    sizes = [len(identity.access_entries) for identity in plane.identities]
    assert sizes == sorted(sizes), "older settings arrived after newer ones"
    assert sizes[-1] == 25


def test_reads_are_not_blocked_while_a_change_is_applied(lab, client, make_cluster):
    """A control plane can call EKS while it applies settings: reads do not wait for a lock."""
    name = make_cluster()
    plane = lab.plane(name)
    lab.user("eks-ope")
    arn = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
    plane.may_apply.clear()
    with ThreadPoolExecutor(1) as pool:
        creation = pool.submit(client.create_access_entry, clusterName=name, principalArn=arn)
        while arn not in client.list_access_entries(clusterName=name)["accessEntries"]:
            assert not creation.done(), "the call returned before its change was in effect"
        assert client.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"
        assert not creation.done()
        plane.may_apply.set()
        creation.result()


def test_failed_apply_returns_server_exception(lab, make_cluster, expect_error):
    """If the control plane rejects a change, the call fails with ServerException and the error."""
    name = make_cluster()
    lab.user("eks-ope")
    lab.plane(name).identity_failure = OSError("no space left on device")
    code, message = expect_error(
        "create_access_entry", clusterName=name, principalArn=f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
    )
    assert code == "ServerException"
    assert "no space left on device" in message
