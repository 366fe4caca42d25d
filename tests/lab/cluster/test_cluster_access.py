"""Who gets in and what they may do: real tokens, the real authenticator, kubectl."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.interfaces import AccessEntry, AssociatedAccessPolicy, AuthenticationMode

VIEWERS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "viewers"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "viewers"}],
}
CONFIG_MAP, BOTH, API = AuthenticationMode


def policy(name, *namespaces):
    return AssociatedAccessPolicy(f"arn:aws:eks::aws:cluster-access-policy/{name}", namespaces)


def entry(person, *policies, username="somebody", groups=()):
    principal = getattr(person, "principal", person)
    return AccessEntry(principal, username, groups, policies=policies)


@pytest.fixture(scope="module")
def cluster(cluster):
    cluster.apply(VIEWERS)
    return cluster


@pytest.fixture(scope="module")
def alice(aws):
    return aws.user("alice")


@pytest.fixture(scope="module")
def bob(aws):
    return aws.user("bob")


@pytest.fixture(scope="module")
def creator(aws):
    return aws.user("creator")


@pytest.fixture(autouse=True)
def nobody_yet(cluster):
    """Each test begins with no entries and no aws-auth."""
    cluster.run("-n", "kube-system", "delete", "configmap", "aws-auth", "--ignore-not-found")
    cluster.admit()


def whoami(answer):
    assert answer.allowed, answer.error
    user = yaml.safe_load(answer.output)["status"]["userInfo"]
    return user["username"], [group for group in user["groups"] if group != "system:authenticated"]


WHOAMI = ("auth", "whoami", "-o", "yaml")


def test_kubectl_gets_in_with_the_kubeconfig_that_aws_writes(cluster, creator, cloud, tmp_path):
    """`aws eks get-token` as kubectl's exec plugin, with nothing set but AWS's own variables."""
    cluster.admit(creator=creator.principal, mode=CONFIG_MAP)
    authority = tmp_path / "ca.crt"
    authority.write_text(cluster.control_plane.certificate_authority)
    arguments = ["--region", cloud.region, "eks", "get-token", "--cluster-name", cluster.name, "--output", "json"]
    exec_plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": shutil.which("aws", path=str(Path(sys.executable).parent)),
        "args": arguments,
        "interactiveMode": "Never",
    }
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": cluster.control_plane.endpoint, "certificate-authority": str(authority)},
            }
        ],
        "users": [{"name": "u", "user": {"exec": exec_plugin}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig))
    done = subprocess.run(
        [cluster.kubectl, f"--kubeconfig={file}", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"],
        env=creator.environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "kubernetes-admin"), done.stderr


def test_the_creator_of_a_config_map_cluster_administers_it(cluster, creator, alice):
    """Without a line in aws-auth; everybody else is unknown."""
    cluster.admit(creator=creator.principal, mode=CONFIG_MAP)
    assert whoami(cluster.as_(creator, *WHOAMI)) == ("kubernetes-admin", ["system:masters"])
    assert cluster.as_(creator, "get", "nodes").allowed
    assert cluster.as_(alice, "get", "nodes").unauthorized


def test_a_user_in_aws_auth_has_its_username_and_groups(cluster, alice, bob):
    """RBAC decides on the groups that aws-auth gives."""
    users = [{"userarn": alice.principal.arn, "username": "alice", "groups": ["viewers"]}]
    cluster.write_aws_auth(mapUsers=users)
    assert whoami(cluster.once_known(alice, *WHOAMI)) == ("alice", ["viewers"])
    assert cluster.as_(alice, "get", "pods").allowed
    assert cluster.as_(alice, "delete", "pod", "x").forbidden
    assert cluster.as_(alice, "get", "secrets").forbidden
    assert cluster.as_(bob, "get", "pods").unauthorized


def test_an_access_entry_wins_over_aws_auth(cluster, alice):
    """The entry's username and groups count, those of aws-auth are not added."""
    cluster.write_aws_auth(mapUsers=[{"userarn": alice.principal.arn, "username": "old", "groups": ["viewers"]}])
    assert whoami(cluster.once_known(alice, *WHOAMI)) == ("old", ["viewers"])
    cluster.admit(entry(alice, username="new", groups=("readers",)))
    assert whoami(cluster.as_(alice, *WHOAMI)) == ("new", ["readers"])


def test_an_access_entry_that_is_deleted_lets_nobody_in(cluster, alice):
    """At once, for a new token."""
    cluster.admit(entry(alice, groups=("viewers",)))
    assert cluster.as_(alice, "get", "pods").allowed
    cluster.admit()
    assert cluster.as_(alice, "get", "pods").unauthorized


def test_a_role_made_again_under_its_old_arn_is_a_stranger(cluster, aws):
    """An access entry is for the unique id, not for the ARN."""
    old = aws.role("phoenix")
    cluster.admit(entry(old, groups=("viewers",)))
    assert cluster.as_(aws.in_role(old), "get", "pods").allowed
    aws.client("iam").delete_role(RoleName="phoenix")
    new = aws.role("phoenix")
    assert (new.arn, new.unique_id) != (old.arn, old.unique_id)
    assert cluster.as_(aws.in_role(new), "get", "pods").unauthorized
    cluster.admit(entry(new, groups=("viewers",)))
    assert cluster.as_(aws.in_role(new), "get", "pods").allowed


def test_a_path_stays_in_an_entry_and_goes_in_aws_auth(cluster, aws):
    """The same role, the two opposite rules."""
    role = aws.role("ops", path="/team/x/")
    person = aws.in_role(role)
    cluster.admit(entry(role, username="by-entry"))
    assert whoami(cluster.as_(person, *WHOAMI)) == ("by-entry", [])
    cluster.admit()
    without = role.arn.replace("/team/x", "")
    cluster.write_aws_auth(mapRoles=[{"rolearn": without, "username": "by-map", "groups": []}])
    assert whoami(cluster.once_known(person, *WHOAMI)) == ("by-map", [])
    cluster.write_aws_auth(
        mapRoles=[{"rolearn": role.arn, "username": "by-map", "groups": []}],
        mapUsers=[{"userarn": aws.user("witness-of-path").principal.arn, "username": "w", "groups": []}],
    )
    assert cluster.as_(person, *WHOAMI).unauthorized


def test_the_session_name_is_filled_in(cluster, aws):
    """Templates are the authenticator's own; `@` becomes `-`."""
    role = aws.role("sessions")
    cluster.admit(entry(role, username="{{AccountID}}:{{SessionName}}"))
    person = aws.in_role(role, "carol@example.com")
    assert whoami(cluster.as_(person, *WHOAMI))[0] == f"{aws.cloud.account}:carol-example.com"


def test_config_map_mode_reads_no_access_entries(cluster, alice):
    """Even where the settings hold some."""
    cluster.admit(entry(alice), mode=CONFIG_MAP)
    assert cluster.as_(alice, "get", "pods").unauthorized


def test_api_mode_reads_no_aws_auth(start, alice, bob):
    """The change is one-way, so it gets a cluster of its own."""
    cluster = start("modes")
    cluster.write_aws_auth(mapUsers=[{"userarn": bob.principal.arn, "username": "bob", "groups": ["viewers"]}])
    cluster.admit(entry(alice, username="alice"))
    assert whoami(cluster.once_known(bob, *WHOAMI)) == ("bob", ["viewers"])
    cluster.admit(entry(alice, username="alice"), mode=API)
    assert cluster.as_(bob, *WHOAMI).unauthorized
    assert whoami(cluster.as_(alice, *WHOAMI)) == ("alice", [])
    cluster.admit(entry(bob, username="bob-by-entry"), mode=API)
    assert whoami(cluster.as_(bob, *WHOAMI)) == ("bob-by-entry", [])
    assert cluster.as_(alice, *WHOAMI).unauthorized
    cluster.control_plane.stop()


def test_malformed_aws_auth_locks_out_its_people_but_not_the_creator(cluster, creator, alice):
    """As the authenticator has it: what cannot be read maps nobody."""
    cluster.admit(creator=creator.principal, mode=CONFIG_MAP)
    users = [{"userarn": alice.principal.arn, "username": "alice", "groups": ["viewers"]}]
    cluster.write_aws_auth(mapUsers=users)
    assert cluster.once_known(alice, "get", "pods").allowed
    cluster.write_aws_auth(mapUsers="- userarn: [")
    assert cluster.as_(alice, "get", "pods").unauthorized
    assert cluster.as_(creator, "get", "nodes").allowed


def test_an_inactive_key_gets_nobody_in(cluster, aws):
    """STS refuses the token's signature."""
    person = aws.user("dave")
    cluster.admit(entry(person, groups=("viewers",)))
    assert cluster.as_(person, "get", "pods").allowed
    key = person.aws.credentials["aws_access_key_id"]
    aws.client("iam").update_access_key(UserName="dave", AccessKeyId=key, Status="Inactive")
    assert cluster.as_(person, "get", "pods").unauthorized


def test_a_policy_holds_in_its_namespaces_only(cluster, alice):
    """AmazonEKSViewPolicy on `default`: no other namespace, not all of them, no secrets, no writing."""
    cluster.admit(entry(alice, policy("AmazonEKSViewPolicy", "default")))
    assert cluster.as_(alice, "get", "pods").allowed
    assert cluster.as_(alice, "-n", "kube-system", "get", "pods").forbidden
    assert cluster.as_(alice, "get", "pods", "--all-namespaces").forbidden
    assert cluster.as_(alice, "get", "secrets").forbidden
    assert cluster.as_(alice, "get", "nodes").forbidden
    assert cluster.as_(alice, "create", "configmap", "x").forbidden


def test_policies_of_the_whole_cluster(cluster, alice):
    """View, edit and administration differ as AWS documents, and `kubectl auth can-i` knows it too."""
    asked = {"list pods -A": (), "list secrets -A": (), "create deployments": (), "create clusterroles": ()}
    expected = {
        "AmazonEKSViewPolicy": (True, False, False, False),
        "AmazonEKSEditPolicy": (True, True, True, False),
        "AmazonEKSAdminViewPolicy": (True, True, False, False),
        "AmazonEKSClusterAdminPolicy": (True, True, True, True),
    }
    seen = {}
    for name in expected:
        cluster.admit(entry(alice, policy(name)))
        seen[name] = tuple(cluster.as_(alice, "auth", "can-i", *what.split()).allowed for what in asked)
    assert seen == expected


def test_a_cluster_administrator_by_policy_may_bind_any_role(cluster, alice):
    """Kubernetes' guard against escalation asks the same authorizers."""
    cluster.admit(entry(alice, policy("AmazonEKSClusterAdminPolicy")))
    create = ("create", "clusterrolebinding", "mine", "--clusterrole=cluster-admin", "--user=x", "--dry-run=server")
    assert cluster.as_(alice, *create).allowed
    cluster.admit(entry(alice, policy("AmazonEKSAdminPolicy")))
    assert cluster.as_(alice, *create).forbidden


def test_policies_and_rbac_add_up(cluster, alice):
    """Groups of the entry through RBAC, and its policy besides."""
    cluster.admit(entry(alice, policy("AmazonEKSSecretReaderPolicy", "default"), groups=("viewers",)))
    assert cluster.as_(alice, "get", "pods,secrets").allowed
    assert cluster.as_(alice, "-n", "kube-system", "get", "pods").allowed
    assert cluster.as_(alice, "-n", "kube-system", "get", "secrets").forbidden


def test_a_policy_that_is_taken_away_is_gone_at_once(cluster, alice):
    """Even for the same token: decisions are not remembered."""
    token = alice.token(cluster.name)
    cluster.admit(entry(alice, policy("AmazonEKSViewPolicy")))
    assert cluster.run("get", "pods", token=token).allowed
    cluster.admit(entry(alice))
    assert cluster.run("get", "pods", token=token).forbidden


def test_a_username_that_equals_another_ones_gives_nothing(cluster, alice, bob):
    """Policies belong to the principal, not to the name that its entry chose."""
    cluster.admit(entry(alice, policy("AmazonEKSClusterAdminPolicy"), username="same"), entry(bob, username="same"))
    assert cluster.as_(alice, "get", "nodes").allowed
    assert cluster.as_(bob, "get", "nodes").forbidden


def test_nobody_can_impersonate_an_access_policy(cluster, alice, bob):
    """Not with every attribute of its holder copied, by one who may impersonate anything."""
    cluster.admit(entry(alice, policy("AmazonEKSClusterAdminPolicy"), username="alice"), entry(bob, username="bob"))
    administrator = cluster.as_(alice, "auth", "whoami", "-o", "yaml")
    user = yaml.safe_load(administrator.output)["status"]["userInfo"]
    assert cluster.as_(alice, "get", "nodes").allowed
    extras = [f"--as-user-extra={key}={value}" for key, values in user["extra"].items() for value in values]
    disguise = ("--as=alice", f"--as-uid={user['uid']}", *extras)
    assert cluster.run("get", "nodes", *disguise).forbidden
    assert cluster.as_(bob, "get", "nodes", *disguise).forbidden
