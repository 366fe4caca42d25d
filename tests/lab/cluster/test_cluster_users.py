"""Cluster access end to end: real IAM tokens, the real authenticator, RBAC and access policies, with kubectl."""

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


def entry(caller, *policies, username="user", groups=()):
    principal = getattr(caller, "principal", caller)
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
def reset_access(cluster):
    """Remove all access entries and aws-auth before each test."""
    cluster.run("-n", "kube-system", "delete", "configmap", "aws-auth", "--ignore-not-found")
    cluster.apply_identity()


def whoami(result):
    assert result.is_allowed, result.error
    user = yaml.safe_load(result.output)["status"]["userInfo"]
    return user["username"], [group for group in user["groups"] if group != "system:authenticated"]


WHOAMI = ("auth", "whoami", "-o", "yaml")


def test_kubectl_authenticates_with_aws_eks_get_token(cluster, creator, cloud, tmp_path):
    """`aws eks get-token` works as exec credential plugin of kubectl, with only AWS's own variables set."""
    arguments = ["--region", cloud.region, "eks", "get-token", "--cluster-name", cluster.name, "--output", "json"]
    aws = shutil.which("aws", path=str(Path(sys.executable).parent))
    completed = whoami_by_exec_plugin(cluster, creator, tmp_path, aws, arguments)
    assert (completed.returncode, completed.stdout) == (0, "kubernetes-admin"), completed.stderr


def test_kubectl_authenticates_with_aws_iam_authenticator(cluster, creator, programs, tmp_path):
    """So does `aws-iam-authenticator token`, which `eksctl utils write-kubeconfig` writes into kubeconfigs."""
    arguments = ["token", "-i", cluster.name]
    completed = whoami_by_exec_plugin(cluster, creator, tmp_path, programs.aws_iam_authenticator, arguments)
    assert (completed.returncode, completed.stdout) == (0, "kubernetes-admin"), completed.stderr


def whoami_by_exec_plugin(cluster, creator, tmp_path, command, arguments):
    """Run `kubectl auth whoami` as the cluster's creator with this exec credential plugin."""
    cluster.apply_identity(creator=creator.principal, mode=CONFIG_MAP)
    authority = tmp_path / "ca.crt"
    authority.write_text(cluster.control_plane.certificate_authority)
    exec_plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": command,
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
    return subprocess.run(
        [cluster.kubectl, f"--kubeconfig={file}", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"],
        env=creator.environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )


def test_creator_of_config_map_cluster_is_administrator(cluster, creator, alice):
    """The creator needs no entry in aws-auth; other users are unauthorized."""
    cluster.apply_identity(creator=creator.principal, mode=CONFIG_MAP)
    assert whoami(cluster.run_as(creator, *WHOAMI)) == ("kubernetes-admin", ["system:masters"])
    assert cluster.run_as(creator, "get", "nodes").is_allowed
    assert cluster.run_as(alice, "get", "nodes").is_unauthorized


def test_aws_auth_mapping_gives_username_and_groups(cluster, alice, bob):
    """RBAC authorizes by the groups of the aws-auth mapping."""
    users = [{"userarn": alice.principal.arn, "username": "alice", "groups": ["viewers"]}]
    cluster.write_aws_auth(mapUsers=users)
    assert whoami(cluster.run_as_mapped(alice, *WHOAMI)) == ("alice", ["viewers"])
    assert cluster.run_as(alice, "get", "pods").is_allowed
    assert cluster.run_as(alice, "delete", "pod", "x").is_forbidden
    assert cluster.run_as(alice, "get", "secrets").is_forbidden
    assert cluster.run_as(bob, "get", "pods").is_unauthorized


def test_access_entry_wins_over_aws_auth_mapping(cluster, alice):
    """Username and groups come from the access entry; those of aws-auth are not added."""
    cluster.write_aws_auth(mapUsers=[{"userarn": alice.principal.arn, "username": "old", "groups": ["viewers"]}])
    assert whoami(cluster.run_as_mapped(alice, *WHOAMI)) == ("old", ["viewers"])
    cluster.apply_identity(entry(alice, username="new", groups=("readers",)))
    assert whoami(cluster.run_as(alice, *WHOAMI)) == ("new", ["readers"])


def test_deleted_access_entry_removes_access(cluster, alice):
    """A new token is unauthorized at once."""
    cluster.apply_identity(entry(alice, groups=("viewers",)))
    assert cluster.run_as(alice, "get", "pods").is_allowed
    cluster.apply_identity()
    assert cluster.run_as(alice, "get", "pods").is_unauthorized


def test_access_entry_does_not_match_recreated_role(cluster, aws):
    """An access entry belongs to the unique id of the role, not to its ARN."""
    old = aws.role("phoenix")
    cluster.apply_identity(entry(old, groups=("viewers",)))
    assert cluster.run_as(aws.assume_role(old), "get", "pods").is_allowed
    aws.client("iam").delete_role(RoleName="phoenix")
    new = aws.role("phoenix")
    assert (new.arn, new.unique_id) != (old.arn, old.unique_id)
    assert cluster.run_as(aws.assume_role(new), "get", "pods").is_unauthorized
    cluster.apply_identity(entry(new, groups=("viewers",)))
    assert cluster.run_as(aws.assume_role(new), "get", "pods").is_allowed


def test_role_path_is_kept_in_access_entry_and_dropped_in_aws_auth(cluster, aws):
    """The same role needs its path in an access entry, and no path in aws-auth."""
    role = aws.role("ops", path="/team/x/")
    caller = aws.assume_role(role)
    cluster.apply_identity(entry(role, username="by-entry"))
    assert whoami(cluster.run_as(caller, *WHOAMI)) == ("by-entry", [])
    cluster.apply_identity()
    arn_without_path = role.arn.replace("/team/x", "")
    cluster.write_aws_auth(mapRoles=[{"rolearn": arn_without_path, "username": "by-map", "groups": []}])
    assert whoami(cluster.run_as_mapped(caller, *WHOAMI)) == ("by-map", [])
    cluster.write_aws_auth(
        mapRoles=[{"rolearn": role.arn, "username": "by-map", "groups": []}],
        mapUsers=[{"userarn": aws.user("second-user").principal.arn, "username": "w", "groups": []}],
    )
    assert cluster.run_as(caller, *WHOAMI).is_unauthorized


def test_username_template_contains_session_name(cluster, aws):
    """The authenticator fills in the templates, and replaces `@` by `-`."""
    role = aws.role("sessions")
    cluster.apply_identity(entry(role, username="{{AccountID}}:{{SessionName}}"))
    caller = aws.assume_role(role, "carol@example.com")
    assert whoami(cluster.run_as(caller, *WHOAMI))[0] == f"{aws.cloud.account}:carol-example.com"


def test_config_map_mode_ignores_access_entries(cluster, alice):
    """Access entries have no effect, even if the identity contains some."""
    cluster.apply_identity(entry(alice), mode=CONFIG_MAP)
    assert cluster.run_as(alice, "get", "pods").is_unauthorized


def test_api_mode_ignores_aws_auth(start, alice, bob):
    """The change of mode is one-way, so the test has a cluster of its own."""
    cluster = start("modes")
    cluster.write_aws_auth(mapUsers=[{"userarn": bob.principal.arn, "username": "bob", "groups": ["viewers"]}])
    cluster.apply_identity(entry(alice, username="alice"))
    assert whoami(cluster.run_as_mapped(bob, *WHOAMI)) == ("bob", ["viewers"])
    cluster.apply_identity(entry(alice, username="alice"), mode=API)
    assert cluster.run_as(bob, *WHOAMI).is_unauthorized
    assert whoami(cluster.run_as(alice, *WHOAMI)) == ("alice", [])
    cluster.apply_identity(entry(bob, username="bob-by-entry"), mode=API)
    assert whoami(cluster.run_as(bob, *WHOAMI)) == ("bob-by-entry", [])
    assert cluster.run_as(alice, *WHOAMI).is_unauthorized
    cluster.control_plane.stop()


def test_malformed_aws_auth_removes_its_mappings_but_not_the_creator(cluster, creator, alice):
    """The authenticator maps no principal of an aws-auth that it cannot parse."""
    cluster.apply_identity(creator=creator.principal, mode=CONFIG_MAP)
    users = [{"userarn": alice.principal.arn, "username": "alice", "groups": ["viewers"]}]
    cluster.write_aws_auth(mapUsers=users)
    assert cluster.run_as_mapped(alice, "get", "pods").is_allowed
    cluster.write_aws_auth(mapUsers="- userarn: [")
    assert cluster.run_as(alice, "get", "pods").is_unauthorized
    assert cluster.run_as(creator, "get", "nodes").is_allowed


def test_inactive_access_key_is_unauthorized(cluster, aws):
    """STS rejects the signature of the token."""
    caller = aws.user("dave")
    cluster.apply_identity(entry(caller, groups=("viewers",)))
    assert cluster.run_as(caller, "get", "pods").is_allowed
    key = caller.aws.credentials["aws_access_key_id"]
    aws.client("iam").update_access_key(UserName="dave", AccessKeyId=key, Status="Inactive")
    assert cluster.run_as(caller, "get", "pods").is_unauthorized


def test_access_policy_applies_to_its_namespaces_only(cluster, alice):
    """AmazonEKSViewPolicy on `default` allows no other namespace, not all namespaces, no secrets and no writes."""
    cluster.apply_identity(entry(alice, policy("AmazonEKSViewPolicy", "default")))
    assert cluster.run_as(alice, "get", "pods").is_allowed
    assert cluster.run_as(alice, "-n", "kube-system", "get", "pods").is_forbidden
    assert cluster.run_as(alice, "get", "pods", "--all-namespaces").is_forbidden
    assert cluster.run_as(alice, "get", "secrets").is_forbidden
    assert cluster.run_as(alice, "get", "nodes").is_forbidden
    assert cluster.run_as(alice, "create", "configmap", "x").is_forbidden


def test_cluster_scoped_access_policies(cluster, alice):
    """View, edit and admin policies differ as AWS documents, and `kubectl auth can-i` shows it."""
    checks = {"list pods -A": (), "list secrets -A": (), "create deployments": (), "create clusterroles": ()}
    expected = {
        "AmazonEKSViewPolicy": (True, False, False, False),
        "AmazonEKSEditPolicy": (True, True, True, False),
        "AmazonEKSAdminViewPolicy": (True, True, False, False),
        "AmazonEKSClusterAdminPolicy": (True, True, True, True),
    }
    results = {}
    for name in expected:
        cluster.apply_identity(entry(alice, policy(name)))
        results[name] = tuple(cluster.run_as(alice, "auth", "can-i", *check.split()).is_allowed for check in checks)
    assert results == expected


def test_cluster_admin_policy_can_bind_any_role(cluster, alice):
    """Kubernetes' privilege escalation check uses the same authorizers."""
    cluster.apply_identity(entry(alice, policy("AmazonEKSClusterAdminPolicy")))
    create_binding = (
        "create",
        "clusterrolebinding",
        "mine",
        "--clusterrole=cluster-admin",
        "--user=x",
        "--dry-run=server",
    )
    assert cluster.run_as(alice, *create_binding).is_allowed
    cluster.apply_identity(entry(alice, policy("AmazonEKSAdminPolicy")))
    assert cluster.run_as(alice, *create_binding).is_forbidden


def test_access_policies_and_rbac_add_up(cluster, alice):
    """The groups of an access entry grant access by RBAC, in addition to its access policy."""
    cluster.apply_identity(entry(alice, policy("AmazonEKSSecretReaderPolicy", "default"), groups=("viewers",)))
    assert cluster.run_as(alice, "get", "pods,secrets").is_allowed
    assert cluster.run_as(alice, "-n", "kube-system", "get", "pods").is_allowed
    assert cluster.run_as(alice, "-n", "kube-system", "get", "secrets").is_forbidden


def test_removal_of_access_policy_takes_effect_at_once(cluster, alice):
    """The same token is denied, because decisions are not cached."""
    token = alice.token(cluster.name)
    cluster.apply_identity(entry(alice, policy("AmazonEKSViewPolicy")))
    assert cluster.run("get", "pods", token=token).is_allowed
    cluster.apply_identity(entry(alice))
    assert cluster.run("get", "pods", token=token).is_forbidden


def test_equal_username_grants_no_access_policy(cluster, alice, bob):
    """Access policies belong to the principal, not to the username of its access entry."""
    cluster.apply_identity(
        entry(alice, policy("AmazonEKSClusterAdminPolicy"), username="same"), entry(bob, username="same")
    )
    assert cluster.run_as(alice, "get", "nodes").is_allowed
    assert cluster.run_as(bob, "get", "nodes").is_forbidden


def test_impersonation_grants_no_access_policy(cluster, alice, bob):
    """A user with all impersonation rights is denied, even with every attribute of the policy's holder."""
    cluster.apply_identity(
        entry(alice, policy("AmazonEKSClusterAdminPolicy"), username="alice"), entry(bob, username="bob")
    )
    administrator = cluster.run_as(alice, "auth", "whoami", "-o", "yaml")
    user = yaml.safe_load(administrator.output)["status"]["userInfo"]
    assert cluster.run_as(alice, "get", "nodes").is_allowed
    extras = [f"--as-user-extra={key}={value}" for key, values in user["extra"].items() for value in values]
    impersonation = ("--as=alice", f"--as-uid={user['uid']}", *extras)
    assert cluster.run("get", "nodes", *impersonation).is_forbidden
    assert cluster.run_as(bob, "get", "nodes", *impersonation).is_forbidden
