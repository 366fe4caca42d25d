"""One principal in two declarations of a program: rejected at preview, and the fix gives it both groups or policies."""

import pulumi
import pulumi_eks
import pytest

import eks_identity as eks
from eks_identity.clusters.new_cluster_access import ClusterAccessEntry
from eks_identity.plugin import wire
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, Cloud, deploy

BACKEND = f"arn:aws:iam::{ACCOUNT}:role/backend"
CREATE = {"skip_default_node_group": True}
ENTRY = "aws:eks/accessEntry:AccessEntry"


def two_declarations(first, second, **cluster):
    def program():
        own = eks.Cluster("own", cluster or {"name": "eks-clu"})
        on_cluster = pulumi.ResourceOptions(providers=[own.provider])
        for team, role, principals in (("devs", "view", first), ("oncall", "edit", second)):
            args = {
                "cluster": own.connection,
                "group": team,
                "rbac_roles": [{"name": role}],
                "principals": principals(),
            }
            eks.ClusterAccess(team, args, on_cluster)

    return program


@pytest.mark.parametrize("cluster", [{"name": "eks-clu"}, {"create": CREATE}], ids=["existing", "new"])
@pytest.mark.parametrize("is_output", [False, True])
def test_fix_for_a_principal_in_two_declarations_gives_it_both_groups(cluster, is_output):
    """With both groups in one declaration there is no error, and the role has the permissions of both."""

    def backend(**other):
        return lambda: [{"arn": pulumi.Output.from_input(BACKEND) if is_output else BACKEND, **other}]

    with pytest.raises(InvalidInputError) as error:
        deploy(two_declarations(backend(), backend(), **cluster), preview=True)
    (problem,) = error.value.problems
    assert (problem.input, problem.value) == ("principals[0].arn", BACKEND)
    declarations = {'principals[0] of ClusterAccess "devs"', 'principals[0] of ClusterAccess "oncall"'}
    assert all(name in problem.rule + problem.fix for name in declarations)
    assert 'add "groups": ["' in problem.fix
    in_devs, in_oncall = (
        (backend(groups=["oncall"]), list) if '["oncall"]' in problem.fix else (list, backend(groups=["devs"]))
    )
    fixed = two_declarations(in_devs, in_oncall, **cluster)
    deploy(fixed, preview=True)
    deployment = deploy(fixed)
    deployment.assert_can(BACKEND, "list", "pods", "default")
    deployment.assert_can(BACKEND, "delete", "pods", "default")


def test_fix_for_a_principal_with_two_access_policies_is_one_declaration():
    """Without groups, the fix is a declaration of its own with the policies of both."""

    def program(*declarations):
        own = eks.Cluster("own", {"name": "eks-clu"})
        for index, (policies, principals) in enumerate(declarations):
            args = {
                "access_policies": [{"policy": policy} for policy in policies],
                "principals": [{"arn": principals}],
            }
            eks.ClusterAccess(f"access-{index}", {"cluster": own.connection, **args})

    view, admin = "AmazonEKSViewPolicy", "AmazonEKSAdminPolicy"
    with pytest.raises(InvalidInputError, match="with the policies of both in access_policies"):
        deploy(lambda: program(([view], BACKEND), ([admin], BACKEND)), preview=True)
    assert len(deploy(lambda: program(([view, admin], BACKEND)), preview=True).of(ENTRY)) == 1


def with_created_entry(entry, principal=BACKEND, **access):
    def program():
        create = {**CREATE, "access_entries": {"x": entry()}}
        own = eks.Cluster("own", {"create": create})
        args = {"access_policies": [{"policy": "AmazonEKSViewPolicy"}], "principals": [{"arn": principal}], **access}
        eks.ClusterAccess("team", {"cluster": own.connection, **args})

    return program


ENTRIES = {
    "literal": lambda: {"principal_arn": BACKEND},
    "other languages": lambda: wire.from_wire({"principalArn": BACKEND}, ClusterAccessEntry),
    "pulumi_eks's own class": lambda: pulumi_eks.AccessEntryArgs(principal_arn=BACKEND),
    "another case and path": lambda: {"principal_arn": BACKEND.replace("role/backend", "role/team/Backend")},
    "Output": lambda: {"principal_arn": pulumi.Output.from_input(BACKEND)},
    "Output of an entry": lambda: {"principal_arn": pulumi.Output.from_input({"arn": BACKEND})["arn"]},
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=list(ENTRIES))
@pytest.mark.parametrize("adopt", [False, True])
def test_access_entry_of_pulumi_eks_is_rejected_beside_cluster_access(entry, adopt):
    """The fix removes the one in create.access_entries, and following it leaves no error."""
    with pytest.raises(InvalidInputError) as error:
        deploy(with_created_entry(entry, adopt=adopt), preview=True)
    (problem,) = error.value.problems
    assert problem.value.lower().replace("team/", "") == BACKEND
    assert "remove create.access_entries.x" in problem.fix
    other = {"principal_arn": f"{BACKEND}-2"}
    deploy(with_created_entry(lambda: other, adopt=adopt), preview=True)


@pytest.mark.parametrize("is_output", [False, True])
def test_principal_is_once_in_the_access_entries_of_pulumi_eks(is_output):
    """A second entry of a principal would fail with a 409 after the cluster was created."""

    def program():
        arn = pulumi.Output.from_input(BACKEND) if is_output else BACKEND
        entries = {"x": {"principal_arn": arn}, "y": {"principal_arn": arn}}
        eks.Cluster("own", {"create": {**CREATE, "access_entries": entries}})

    with pytest.raises(
        InvalidInputError, match=r"create\.access_entries\.y\.principal_arn(.|\n)*remove create\.access_entries\.y"
    ):
        deploy(program, preview=True)


def as_caller(name):
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session"
    return Cloud(getCallerIdentity={"accountId": ACCOUNT, "arn": arn, "id": ACCOUNT})


def test_creator_of_a_new_cluster_needs_adopt():
    """EKS creates an entry for the creator of the cluster, and a second one would fail with a 409; adopt is the fix."""
    other = lambda: {"principal_arn": f"{BACKEND}-2"}  # noqa: E731
    with pytest.raises(InvalidInputError, match=r"principals\[0\].arn(.|\n)*fix:  set adopt to True"):
        deploy(with_created_entry(other), preview=True, cloud=as_caller("backend"))
    deploy(with_created_entry(other, adopt=True), preview=True, cloud=as_caller("backend"))
    with pytest.raises(InvalidInputError, match=r"fix:  remove create.access_entries.x: the creator's entry"):
        deploy(with_created_entry(other), preview=True, cloud=as_caller("backend-2"))
    deploy(with_created_entry(other), preview=True, cloud=as_caller("another"))
