"""Identity settings arrive at the control plane in order, whoever changes them at once."""

from concurrent.futures import ThreadPoolExecutor

from eks_constants import ACCOUNT


def test_concurrent_changes_are_all_in_effect(lab, client, make_cluster):
    """Of entries made at the same time none is lost, and each is in effect when its own call has answered."""
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
    assert sizes == sorted(sizes), "an older state arrived after a newer one"
    assert sizes[-1] == 25


def test_reads_go_on_while_a_change_is_applied(lab, client, make_cluster):
    """A control plane may ask EKS something while it applies settings: no lock is held that a read needs."""
    name = make_cluster()
    plane = lab.plane(name)
    lab.user("eks-ope")
    arn = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
    plane.may_apply.clear()
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(client.create_access_entry, clusterName=name, principalArn=arn)
        while arn not in client.list_access_entries(clusterName=name)["accessEntries"]:
            assert not creating.done(), "the call answered before its change was in effect"
        assert client.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"
        assert not creating.done()
        plane.may_apply.set()
        creating.result()


def test_a_change_that_cannot_be_applied_is_said(lab, make_cluster, refused):
    """If the control plane cannot take a change, the call fails as EKS fails, with the reason."""
    name = make_cluster()
    lab.user("eks-ope")
    lab.plane(name).identity_failure = OSError("no space left on device")
    code, message = refused(
        "create_access_entry", clusterName=name, principalArn=f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
    )
    assert code == "ServerException"
    assert "no space left on device" in message
