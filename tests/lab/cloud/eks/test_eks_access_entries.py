"""Access entries and access policies through boto3, each rule by its refusal, and what the control plane is told."""

import pytest
from eks_constants import ACCOUNT, trust

from lab.interfaces import AssociatedAccessPolicy

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
EDIT = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"


@pytest.fixture
def cluster(lab, make_cluster):
    lab.user("eks-ope")
    return make_cluster()


def entry_of(lab, arn):
    identity = lab.plane("eks-clu").identity
    return next((entry for entry in identity.access_entries if entry.principal.arn == arn), None)


def test_entry_reaches_the_control_plane(lab, client, cluster):
    """An entry is in effect when CreateAccessEntry answers, with the principal's unique id; and out when deleted."""
    created = client.create_access_entry(
        clusterName=cluster, principalArn=USER, kubernetesGroups=["operators"], tags={"team": "ops"}
    )["accessEntry"]
    assert created["username"] == USER
    assert created["type"] == "STANDARD"
    assert created["accessEntryArn"].startswith(
        f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:access-entry/eks-clu/user/{ACCOUNT}/eks-ope/"
    )
    entry = entry_of(lab, USER)
    assert entry.kubernetes_groups == ("operators",)
    known = lab.client("iam").get_user(UserName="eks-ope")["User"]
    assert entry.principal.unique_id == known["UserId"]
    client.delete_access_entry(clusterName=cluster, principalArn=USER)
    assert entry_of(lab, USER) is None


def test_default_usernames(lab, client, cluster):
    """A user's username is its ARN; a role's is the ARN of its sessions, without the role's path."""
    arn = lab.role("dev", trust("ec2.amazonaws.com"), path="/team/a/")
    assert arn.endswith(":role/team/a/dev")
    entry = client.create_access_entry(clusterName=cluster, principalArn=arn)["accessEntry"]
    assert entry["principalArn"] == arn
    assert entry["username"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/{{{{SessionName}}}}"


def test_update_changes_what_is_given(lab, client, cluster):
    """UpdateAccessEntry changes groups or username, keeps what is not given, and clears groups with an empty list."""
    client.create_access_entry(clusterName=cluster, principalArn=USER, kubernetesGroups=["a"], username="ope")
    client.update_access_entry(clusterName=cluster, principalArn=USER, kubernetesGroups=["b", "c"])
    assert (entry_of(lab, USER).username, entry_of(lab, USER).kubernetes_groups) == ("ope", ("b", "c"))
    client.update_access_entry(clusterName=cluster, principalArn=USER, kubernetesGroups=[], username="oper")
    assert (entry_of(lab, USER).username, entry_of(lab, USER).kubernetes_groups) == ("oper", ())


def test_one_entry_a_principal(client, cluster, refused):
    """A second entry for a principal is a 409; for the creator, who got one, the first is already."""
    client.create_access_entry(clusterName=cluster, principalArn=USER)
    expected = ("ResourceInUseException", "The specified access entry resource is already in use on this cluster.")
    assert refused("create_access_entry", clusterName=cluster, principalArn=USER) == expected
    creator = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
    assert refused("create_access_entry", clusterName=cluster, principalArn=creator) == expected


def test_recreated_role_keeps_the_old_id(lab, client, cluster):
    """An entry keeps the unique id of the role it was made for, so a role made again under its ARN does not match."""
    arn = lab.role("dev", trust("ec2.amazonaws.com"))
    client.create_access_entry(clusterName=cluster, principalArn=arn)
    before = entry_of(lab, arn).principal.unique_id
    lab.delete_role("dev")
    lab.role("dev", trust("ec2.amazonaws.com"))
    client.update_access_entry(clusterName=cluster, principalArn=arn, kubernetesGroups=["devs"])
    looker = lab.client("iam")
    assert entry_of(lab, arn).principal.unique_id == before
    assert looker.get_role(RoleName="dev")["Role"]["RoleId"] != before


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/nobody", "The specified principalArn is invalid: invalid principal."),
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
def test_principals_that_are_refused(lab, cluster, refused, arn, words):
    """Only a user or role that is there, by its full ARN, gets an entry: sessions and service-linked roles never."""
    lab.role("dev", trust("ec2.amazonaws.com"), path="/team/")
    assert refused("create_access_entry", clusterName=cluster, principalArn=arn) == ("InvalidParameterException", words)


@pytest.mark.parametrize(
    ("members", "words"),
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
def test_names_that_are_refused(lab, client, cluster, refused, members, words):
    """Reserved groups and usernames are refused when an entry is made and when it is changed; nothing changes."""
    code, message = refused("create_access_entry", clusterName=cluster, principalArn=USER, **members)
    assert (code, words in message) == ("InvalidParameterException", True), message
    client.create_access_entry(clusterName=cluster, principalArn=USER, username="team:{{SessionName}}")
    code, message = refused("update_access_entry", clusterName=cluster, principalArn=USER, **members)
    assert (code, words in message) == ("InvalidParameterException", True), message
    assert entry_of(lab, USER).username == "team:{{SessionName}}"
    assert entry_of(lab, USER).kubernetes_groups == ()


@pytest.mark.parametrize(
    ("entry_type", "username"),
    [
        ("EC2_LINUX", "system:node:{{EC2PrivateDNSName}}"),
        ("EC2_WINDOWS", "system:node:{{EC2PrivateDNSName}}"),
        ("FARGATE_LINUX", "system:node:{{SessionName}}"),
    ],
)
def test_node_types_decide_everything(lab, client, cluster, node_role, refused, entry_type, username):
    """Types other than STANDARD set username and groups, take neither, no policy, and no other account's principal."""
    wanted = {"clusterName": cluster, "principalArn": node_role, "type": entry_type}
    assert refused("create_access_entry", **wanted, kubernetesGroups=["x"])[0] == "InvalidParameterException"
    assert refused("create_access_entry", **wanted, username="x")[0] == "InvalidParameterException"
    foreign = lab.role("foreign", trust("ec2.amazonaws.com"), account="222222222222")
    code, message = refused("create_access_entry", clusterName=cluster, principalArn=foreign, type=entry_type)
    assert (code, "must belong to the cluster's account" in message) == ("InvalidParameterException", True)
    entry = client.create_access_entry(**wanted)["accessEntry"]
    assert entry["username"] == username
    assert "system:nodes" in entry["kubernetesGroups"]
    code, _ = refused(
        "associate_access_policy",
        clusterName=cluster,
        principalArn=node_role,
        policyArn=VIEW,
        accessScope={"type": "cluster"},
    )
    assert code == "InvalidRequestException"
    assert entry_of(lab, node_role).policies == ()


def test_foreign_principals_may_be_standard(lab, client, cluster):
    """A STANDARD entry takes a principal of another account."""
    foreign = lab.role("foreign", trust("ec2.amazonaws.com"), account="222222222222")
    assert (
        client.create_access_entry(clusterName=cluster, principalArn=foreign)["accessEntry"]["principalArn"] == foreign
    )


def test_config_map_clusters_have_no_entries(lab, make_cluster, refused):
    """In CONFIG_MAP mode every access entry call is refused in EKS's words."""
    lab.user("eks-ope")
    name = make_cluster("old", mode="CONFIG_MAP")
    expected = (
        "InvalidRequestException",
        "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
    )
    one = {"clusterName": name, "principalArn": USER}
    assert refused("create_access_entry", **one) == expected
    assert refused("describe_access_entry", **one) == expected
    assert refused("update_access_entry", **one) == expected
    assert refused("delete_access_entry", **one) == expected
    assert refused("list_access_entries", clusterName=name) == expected
    assert refused("list_associated_access_policies", **one) == expected
    assert refused("associate_access_policy", **one, policyArn=VIEW, accessScope={"type": "cluster"}) == expected
    assert refused("disassociate_access_policy", **one, policyArn=VIEW) == expected


def test_missing_entry(cluster, refused):
    """An entry that is not there is a 404 that says how to list those that are."""
    code, message = refused("describe_access_entry", clusterName=cluster, principalArn=USER)
    assert code == "ResourceNotFoundException"
    assert message.endswith("You can view your available access entries with 'list-access-entries'.")


def test_policies_reach_the_control_plane(lab, client, cluster):
    """An associated policy is in effect when the call answers; associating it again changes its scope."""
    one = {"clusterName": cluster, "principalArn": USER}
    client.create_access_entry(**one)
    client.associate_access_policy(**one, policyArn=VIEW, accessScope={"type": "cluster"})
    client.associate_access_policy(**one, policyArn=EDIT, accessScope={"type": "namespace", "namespaces": ["a", "b*"]})
    assert entry_of(lab, USER).policies == (
        AssociatedAccessPolicy(VIEW),
        AssociatedAccessPolicy(EDIT, ("a", "b*")),
    )
    client.associate_access_policy(**one, policyArn=VIEW, accessScope={"type": "namespace", "namespaces": ["c"]})
    client.disassociate_access_policy(**one, policyArn=EDIT)
    assert entry_of(lab, USER).policies == (AssociatedAccessPolicy(VIEW, ("c",)),)
    listed = client.list_associated_access_policies(**one)
    assert listed["associatedAccessPolicies"][0]["accessScope"] == {"type": "namespace", "namespaces": ["c"]}


@pytest.mark.parametrize(
    ("policy", "scope", "words"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", {"type": "cluster"}, "policyArn parameter format is not valid"),
        (VIEW + "Typo", {"type": "cluster"}, "does not exist"),
        (VIEW, {"type": "namespace"}, "namespaces must be specified"),
        (VIEW, {"type": "cluster", "namespaces": ["a"]}, "namespaces cannot be specified"),
        (VIEW, {}, "must be cluster or namespace"),
    ],
)
def test_associations_that_are_refused(lab, client, cluster, refused, policy, scope, words):
    """Unknown policies and scopes that do not fit are refused, and nothing is associated."""
    one = {"clusterName": cluster, "principalArn": USER}
    client.create_access_entry(**one)
    code, message = refused("associate_access_policy", **one, policyArn=policy, accessScope=scope)
    assert (code, words in message) == ("InvalidParameterException", True), message
    assert entry_of(lab, USER).policies == ()


def test_policy_catalogue(client):
    """ListAccessPolicies names EKS's policies, page by page, each once."""
    pages = list(_pages(client))
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


def _pages(client):
    page = client.list_access_policies(maxResults=5)
    yield page
    while "nextToken" in page:
        page = client.list_access_policies(maxResults=5, nextToken=page["nextToken"])
        yield page


def test_entries_are_listed_in_pages(lab, client, cluster, refused):
    """ListAccessEntries pages through entries and filters by policy; an entry deleted meanwhile shifts nothing."""
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
    rest = client.list_access_entries(clusterName=cluster, maxResults=3, nextToken=first["nextToken"])
    assert len(first["accessEntries"]) == 3
    assert set(first["accessEntries"] + rest["accessEntries"]) == {*arns, f"arn:aws:iam::{ACCOUNT}:user/lab-admin"}
    assert "nextToken" not in rest
    assert client.list_access_entries(clusterName=cluster, associatedPolicyArn=VIEW)["accessEntries"] == [arns[3]]
    assert refused("list_access_entries", clusterName=cluster, nextToken="%%")[0] == "InvalidParameterException"
    assert refused("list_access_entries", clusterName=cluster, maxResults=101)[0] == "InvalidParameterException"
