"""Access entries and access policies with boto3: validation errors, and the settings of the control plane."""

import pytest

from lab.interfaces import AssociatedAccessPolicy
from support.eks_constants import ACCOUNT, trust

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
EDIT = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"


@pytest.fixture
def cluster(lab, make_cluster):
    lab.user("eks-ope")
    return make_cluster()


def find_entry(lab, arn):
    identity = lab.plane("eks-clu").identity
    return next((entry for entry in identity.access_entries if entry.principal.arn == arn), None)


def test_access_entry_is_applied_to_the_control_plane(lab, client, cluster):
    """An entry is in effect when CreateAccessEntry returns, with the principal's unique id, until it is deleted."""
    created = client.create_access_entry(
        clusterName=cluster, principalArn=USER, kubernetesGroups=["operators"], tags={"team": "ops"}
    )["accessEntry"]
    assert created["username"] == USER
    assert created["type"] == "STANDARD"
    assert created["accessEntryArn"].startswith(
        f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:access-entry/eks-clu/user/{ACCOUNT}/eks-ope/"
    )
    entry = find_entry(lab, USER)
    assert entry.kubernetes_groups == ("operators",)
    user = lab.client("iam").get_user(UserName="eks-ope")["User"]
    assert entry.principal.unique_id == user["UserId"]
    client.delete_access_entry(clusterName=cluster, principalArn=USER)
    assert find_entry(lab, USER) is None


def test_access_entry_default_usernames(lab, client, cluster):
    """A user's default username is its ARN. A role's is the ARN of its sessions, without the role's path."""
    arn = lab.role("dev", trust("ec2.amazonaws.com"), path="/team/a/")
    assert arn.endswith(":role/team/a/dev")
    entry = client.create_access_entry(clusterName=cluster, principalArn=arn)["accessEntry"]
    assert entry["principalArn"] == arn
    assert entry["username"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/{{{{SessionName}}}}"


def test_update_access_entry_keeps_omitted_members(lab, client, cluster):
    """UpdateAccessEntry changes groups or username, keeps omitted members, and clears groups with an empty list."""
    client.create_access_entry(clusterName=cluster, principalArn=USER, kubernetesGroups=["a"], username="ope")
    client.update_access_entry(clusterName=cluster, principalArn=USER, kubernetesGroups=["b", "c"])
    assert (find_entry(lab, USER).username, find_entry(lab, USER).kubernetes_groups) == ("ope", ("b", "c"))
    client.update_access_entry(clusterName=cluster, principalArn=USER, kubernetesGroups=[], username="oper")
    assert (find_entry(lab, USER).username, find_entry(lab, USER).kubernetes_groups) == ("oper", ())


def test_duplicate_access_entry_is_rejected(client, cluster, expect_error):
    """A second entry for a principal is a 409, also for the creator, whose entry EKS created."""
    client.create_access_entry(clusterName=cluster, principalArn=USER)
    expected = ("ResourceInUseException", "The specified access entry resource is already in use on this cluster.")
    assert expect_error("create_access_entry", clusterName=cluster, principalArn=USER) == expected
    creator = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
    assert expect_error("create_access_entry", clusterName=cluster, principalArn=creator) == expected


def test_access_entry_keeps_the_unique_id_of_a_recreated_role(lab, client, cluster):
    """An entry keeps the unique id of its role, so that a role created again with the same ARN does not match."""
    arn = lab.role("dev", trust("ec2.amazonaws.com"))
    client.create_access_entry(clusterName=cluster, principalArn=arn)
    original_id = find_entry(lab, arn).principal.unique_id
    lab.delete_role("dev")
    lab.role("dev", trust("ec2.amazonaws.com"))
    client.update_access_entry(clusterName=cluster, principalArn=arn, kubernetesGroups=["devs"])
    iam = lab.client("iam")
    assert find_entry(lab, arn).principal.unique_id == original_id
    assert iam.get_role(RoleName="dev")["Role"]["RoleId"] != original_id


@pytest.mark.parametrize(
    ("arn", "message_part"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/missing", "The specified principalArn is invalid: invalid principal."),
        (f"arn:aws:iam::{ACCOUNT}:role/dev", "The specified principalArn is invalid: invalid principal."),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/me", "The principalArn parameter format is not valid"),
        (ACCOUNT, "The principalArn parameter format is not valid"),
        ("arn:aws:iam::999999999999:root", "The specified principalArn is invalid: invalid principal."),
        (
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
        ),
    ],
)
def test_invalid_principals_are_rejected(lab, cluster, expect_error, arn, message_part):
    """An entry requires the full ARN of an existing user or role, not of a session or a service-linked role."""
    lab.role("dev", trust("ec2.amazonaws.com"), path="/team/")
    assert expect_error("create_access_entry", clusterName=cluster, principalArn=arn) == (
        "InvalidParameterException",
        message_part,
    )


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"kubernetesGroups": ["ok", "system:masters"]}, "The kubernetes group name system:masters is invalid"),
        ({"username": "system:node"}, "it cannot start with system:"),
        ({"username": "eks:me"}, "it cannot start with eks:"),
        ({"username": "aws:me"}, "it cannot start with aws:"),
        ({"username": "amazon:me"}, "it cannot start with amazon:"),
        ({"username": "iam:me"}, "it cannot start with iam:"),
        ({"username": "me-{{SessionName}}"}, "needs a colon before it"),
        ({"username": "{{SessionName}}:x"}, "needs a colon before it"),
    ],
)
def test_reserved_usernames_and_groups_are_rejected(lab, client, cluster, expect_error, members, message_part):
    """Reserved groups and usernames are rejected by CreateAccessEntry and UpdateAccessEntry, without a change."""
    code, message = expect_error("create_access_entry", clusterName=cluster, principalArn=USER, **members)
    assert (code, message_part in message) == ("InvalidParameterException", True), message
    client.create_access_entry(clusterName=cluster, principalArn=USER, username="team:{{SessionName}}")
    code, message = expect_error("update_access_entry", clusterName=cluster, principalArn=USER, **members)
    assert (code, message_part in message) == ("InvalidParameterException", True), message
    assert find_entry(lab, USER).username == "team:{{SessionName}}"
    assert find_entry(lab, USER).kubernetes_groups == ()


@pytest.mark.parametrize(
    ("entry_type", "username"),
    [
        ("EC2_LINUX", "system:node:{{EC2PrivateDNSName}}"),
        ("EC2_WINDOWS", "system:node:{{EC2PrivateDNSName}}"),
        ("FARGATE_LINUX", "system:node:{{SessionName}}"),
    ],
)
def test_node_access_entry_types(lab, client, cluster, node_role, expect_error, entry_type, username):
    """Node types set username and groups. They accept neither, no access policy, and no role of another account."""
    request = {"clusterName": cluster, "principalArn": node_role, "type": entry_type}
    assert expect_error("create_access_entry", **request, kubernetesGroups=["x"])[0] == "InvalidParameterException"
    assert expect_error("create_access_entry", **request, username="x")[0] == "InvalidParameterException"
    foreign = lab.role("foreign", trust("ec2.amazonaws.com"), account="222222222222")
    code, message = expect_error("create_access_entry", clusterName=cluster, principalArn=foreign, type=entry_type)
    assert (code, "must belong to the cluster's account" in message) == ("InvalidParameterException", True)
    entry = client.create_access_entry(**request)["accessEntry"]
    assert entry["username"] == username
    assert "system:nodes" in entry["kubernetesGroups"]
    code, _ = expect_error(
        "associate_access_policy",
        clusterName=cluster,
        principalArn=node_role,
        policyArn=VIEW,
        accessScope={"type": "cluster"},
    )
    assert code == "InvalidRequestException"
    assert find_entry(lab, node_role).policies == ()


def test_standard_access_entry_of_another_account(lab, client, cluster):
    """A STANDARD entry accepts a principal of another account."""
    foreign = lab.role("foreign", trust("ec2.amazonaws.com"), account="222222222222")
    assert (
        client.create_access_entry(clusterName=cluster, principalArn=foreign)["accessEntry"]["principalArn"] == foreign
    )


def test_access_entries_require_an_api_mode(lab, make_cluster, expect_error):
    """In CONFIG_MAP mode every access entry operation is rejected with EKS's message."""
    lab.user("eks-ope")
    name = make_cluster("old", mode="CONFIG_MAP")
    expected = (
        "InvalidRequestException",
        "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
    )
    target = {"clusterName": name, "principalArn": USER}
    assert expect_error("create_access_entry", **target) == expected
    assert expect_error("describe_access_entry", **target) == expected
    assert expect_error("update_access_entry", **target) == expected
    assert expect_error("delete_access_entry", **target) == expected
    assert expect_error("list_access_entries", clusterName=name) == expected
    assert expect_error("list_associated_access_policies", **target) == expected
    assert (
        expect_error("associate_access_policy", **target, policyArn=VIEW, accessScope={"type": "cluster"}) == expected
    )
    assert expect_error("disassociate_access_policy", **target, policyArn=VIEW) == expected


def test_missing_access_entry(cluster, expect_error):
    """A missing entry is a 404 whose message names list-access-entries."""
    code, message = expect_error("describe_access_entry", clusterName=cluster, principalArn=USER)
    assert code == "ResourceNotFoundException"
    assert message.endswith("You can view your available access entries with 'list-access-entries'.")


def test_access_policies_are_applied_to_the_control_plane(lab, client, cluster):
    """An associated policy is in effect when the call returns. A second association changes its scope."""
    target = {"clusterName": cluster, "principalArn": USER}
    client.create_access_entry(**target)
    client.associate_access_policy(**target, policyArn=VIEW, accessScope={"type": "cluster"})
    client.associate_access_policy(
        **target, policyArn=EDIT, accessScope={"type": "namespace", "namespaces": ["a", "b*"]}
    )
    assert find_entry(lab, USER).policies == (
        AssociatedAccessPolicy(VIEW),
        AssociatedAccessPolicy(EDIT, ("a", "b*")),
    )
    client.associate_access_policy(**target, policyArn=VIEW, accessScope={"type": "namespace", "namespaces": ["c"]})
    client.disassociate_access_policy(**target, policyArn=EDIT)
    assert find_entry(lab, USER).policies == (AssociatedAccessPolicy(VIEW, ("c",)),)
    page = client.list_associated_access_policies(**target)
    assert page["associatedAccessPolicies"][0]["accessScope"] == {"type": "namespace", "namespaces": ["c"]}


@pytest.mark.parametrize(
    ("policy", "scope", "message_part"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", {"type": "cluster"}, "policyArn parameter format is not valid"),
        (VIEW + "Typo", {"type": "cluster"}, "does not exist"),
        (VIEW, {"type": "namespace"}, "namespaces must be specified"),
        (VIEW, {"type": "cluster", "namespaces": ["a"]}, "namespaces cannot be specified"),
        (VIEW, {}, "must be cluster or namespace"),
    ],
)
def test_invalid_access_policy_associations_are_rejected(
    lab, client, cluster, expect_error, policy, scope, message_part
):
    """Unknown policies and invalid scopes are rejected, and no policy is associated."""
    target = {"clusterName": cluster, "principalArn": USER}
    client.create_access_entry(**target)
    code, message = expect_error("associate_access_policy", **target, policyArn=policy, accessScope=scope)
    assert (code, message_part in message) == ("InvalidParameterException", True), message
    assert find_entry(lab, USER).policies == ()


def test_list_access_policies(client):
    """ListAccessPolicies returns EKS's access policies in pages, each policy once."""
    pages = list(_list_policy_pages(client))
    names = [policy["name"] for page in pages for policy in page["accessPolicies"]]
    assert len(pages) > 2
    assert len(names) == len(set(names))
    assert {
        "AmazonEKSClusterAdminPolicy",
        "AmazonEKSAdminPolicy",
        "AmazonEKSAdminViewPolicy",
        "AmazonEKSEditPolicy",
        "AmazonEKSViewPolicy",
        "AmazonEKSSecretReaderPolicy",
    } <= set(names)


def _list_policy_pages(client):
    page = client.list_access_policies(maxResults=5)
    yield page
    while "nextToken" in page:
        page = client.list_access_policies(maxResults=5, nextToken=page["nextToken"])
        yield page


def test_list_access_entries_in_pages(lab, client, cluster, expect_error):
    """ListAccessEntries returns pages and filters by policy. A deletion between pages does not shift them."""
    arns = []
    for number in range(5):
        lab.user(f"user-{number}")
        arns.append(f"arn:aws:iam::{ACCOUNT}:user/user-{number}")
        client.create_access_entry(clusterName=cluster, principalArn=arns[-1])
    client.associate_access_policy(
        clusterName=cluster, principalArn=arns[3], policyArn=VIEW, accessScope={"type": "cluster"}
    )
    first = client.list_access_entries(clusterName=cluster, maxResults=3)
    client.delete_access_entry(clusterName=cluster, principalArn=arns[0])
    second = client.list_access_entries(clusterName=cluster, maxResults=3, nextToken=first["nextToken"])
    assert len(first["accessEntries"]) == 3
    assert set(first["accessEntries"] + second["accessEntries"]) == {*arns, f"arn:aws:iam::{ACCOUNT}:user/lab-admin"}
    assert "nextToken" not in second
    assert client.list_access_entries(clusterName=cluster, associatedPolicyArn=VIEW)["accessEntries"] == [arns[3]]
    assert expect_error("list_access_entries", clusterName=cluster, nextToken="%%")[0] == "InvalidParameterException"
    assert expect_error("list_access_entries", clusterName=cluster, maxResults=101)[0] == "InvalidParameterException"
