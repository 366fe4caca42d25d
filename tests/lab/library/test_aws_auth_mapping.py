"""AwsAuthMapping's provider on an API server: entries, conflicts, lockout checks and concurrent writers."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import Client
from lightkube.core.exceptions import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from eks_identity.access.aws_auth_mapping import AwsAuthMappingProvider
from eks_identity.clients import kubernetes_retries
from eks_identity.errors import ClusterDeniedError, ClusterUnreachableError, InvalidInput, MalformedDocumentError

WRITERS = 32

NODES = """\
# written by EKS
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: arn:aws:iam::111122223333:role/node
  username: system:node:{{EC2PrivateDNSName}}
"""


def properties(kubeconfig: str, name: str = "eks-ope", **other: Any) -> dict[str, Any]:
    arn = f"arn:aws:iam::111122223333:user/{name}"
    return {"kubeconfig": kubeconfig, "arn": arn, "username": name, "groups": ["operators"], "adopt": False, **other}


def aws_auth(client: Client, key: str = "mapUsers") -> list[dict[str, Any]]:
    """Return the entries of the ConfigMap, parsed with another YAML library than the code under test."""
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data or {}
    return yaml.safe_load(data.get(key, "")) or []


def write_as_other(client: Client, **data: str) -> None:
    client.create(ConfigMap(metadata=ObjectMeta(name="aws-auth", namespace="kube-system"), data=data))


def test_aws_auth_mapping_creates_a_missing_config_map(client, api_server):
    """The first mapping of a cluster without managed nodes creates ConfigMap aws-auth."""
    AwsAuthMappingProvider().create(properties(api_server))
    (entry,) = aws_auth(client)
    assert entry == {
        "userarn": "arn:aws:iam::111122223333:user/eks-ope",
        "username": "eks-ope",
        "groups": ["operators"],
    }


def test_aws_auth_mapping_keeps_entries_of_other_writers(client, api_server):
    """Create, update and delete keep the text of the node role's entry exactly, its comment included."""
    write_as_other(client, mapRoles=NODES, mapAccounts='- "444455556666"\n')
    provider = AwsAuthMappingProvider()
    created = provider.create(properties(api_server))
    changed = properties(api_server, groups=["viewers"])
    provider.update(created.id, created.outs, changed)
    assert [entry["groups"] for entry in aws_auth(client)] == [["viewers"]]
    provider.delete(created.id, changed)
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data
    assert data == {"mapRoles": NODES, "mapAccounts": '- "444455556666"\n'}


def test_aws_auth_mapping_rejects_a_mapped_arn_at_check(client, api_server):
    """An ARN that is already mapped, in any case, is rejected with the existing entry."""
    theirs = "- userarn: arn:aws:iam::111122223333:user/EKS-OPE\n  username: theirs\n  groups: [admins]\n"
    write_as_other(client, mapUsers=theirs)
    (failure,) = AwsAuthMappingProvider().check({}, properties(api_server)).failures
    assert failure.reason.startswith("arn: ")
    assert "mapUsers[0] of ConfigMap kube-system/aws-auth: username 'theirs', groups ['admins']" in failure.reason
    with pytest.raises(InvalidInput, match=r"mapUsers\[0\]"):
        AwsAuthMappingProvider().create(properties(api_server))
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": theirs}


def test_aws_auth_mapping_reports_duplicates_of_other_writers(client, api_server, capfd):
    """Duplicate entries of other writers are reported once with both positions, and kept."""
    twice = "".join(f"- userarn: arn:aws:iam::111122223333:user/{name}\n  username: x\n" for name in ("Twin", "twin"))
    write_as_other(client, mapUsers=twice)
    for name in ("eks-ope", "eks-dev"):
        assert not AwsAuthMappingProvider().check({}, properties(api_server, name)).failures
    output = capfd.readouterr().err
    assert output.count("must be the only entry of its ARN, whatever its case") == 1
    assert "mapUsers[0]" in output
    assert "mapUsers[1]" in output
    assert [entry["userarn"].rpartition("/")[2] for entry in aws_auth(client)] == ["Twin", "twin"]


def test_aws_auth_mapping_adopts_an_existing_entry(client, api_server):
    """With adopt, the existing entry is changed in place."""
    write_as_other(client, mapUsers="- userarn: arn:aws:iam::111122223333:user/eks-ope\n  username: theirs\n")
    adopting = properties(api_server, adopt=True)
    provider = AwsAuthMappingProvider()
    assert provider.check({}, adopting).failures == []
    provider.create(adopting)
    assert [(entry["username"], entry["groups"]) for entry in aws_auth(client)] == [("eks-ope", ["operators"])]


def test_aws_auth_mapping_rejects_the_adoption_of_a_node_entry(client, api_server):
    """Adopting the entry of a node role as a user would remove the nodes from the cluster, so it is rejected."""
    write_as_other(client, mapRoles=NODES)
    node = properties(api_server, arn="arn:aws:iam::111122223333:role/node", adopt=True)
    (failure,) = AwsAuthMappingProvider().check({}, node).failures
    assert "nodes join by this entry" in failure.reason
    AwsAuthMappingProvider().delete(node["arn"], node)
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapRoles": NODES}


def test_aws_auth_mapping_refresh_finds_drift(client, api_server):
    """Read returns the current entry, and the diff to the declared one is an update, not a replacement."""
    provider = AwsAuthMappingProvider()
    declared = properties(api_server)
    created = provider.create(declared)
    drifted = "- userarn: arn:aws:iam::111122223333:user/eks-ope\n  username: eks-ope\n  groups: [admins]\n"
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": drifted}}, namespace="kube-system")
    current = provider.read(created.id, created.outs)
    assert current.outs["groups"] == ["admins"]
    assert current.inputs["groups"] == ["admins"]
    diff = provider.diff(created.id, current.outs, declared)
    assert (diff.changes, diff.replaces) == (True, [])
    provider.update(created.id, current.outs, declared)
    assert [entry["groups"] for entry in aws_auth(client)] == [["operators"]]


def test_aws_auth_mapping_refresh_finds_a_removed_entry(client, api_server):
    """Read returns no resource for a removed entry, so that the engine creates it again."""
    write_as_other(client, mapRoles=NODES)
    assert AwsAuthMappingProvider().read("arn:aws:iam::111122223333:user/eks-ope", properties(api_server)).id == ""


def test_aws_auth_mapping_delete_keeps_a_duplicate_of_another_writer(client, api_server):
    """Of two entries of its ARN, a mapping deletes the one that it wrote."""
    provider = AwsAuthMappingProvider()
    created = provider.create(properties(api_server))
    ours = client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapUsers"]
    theirs = "- userarn: arn:aws:iam::111122223333:user/eks-ope\n  username: theirs\n  groups: [admins]\n"
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": ours + theirs}}, namespace="kube-system")
    provider.delete(created.id, created.outs)
    assert [entry["username"] for entry in aws_auth(client)] == ["theirs"]


def test_aws_auth_mapping_keeps_malformed_yaml(client, api_server):
    """A list that cannot be parsed is reported with a fix, and is not changed."""
    write_as_other(client, mapUsers="- userarn: [\n")
    with pytest.raises(
        MalformedDocumentError, match="mapUsers of ConfigMap kube-system/aws-auth cannot be parsed by the authenticator"
    ):
        AwsAuthMappingProvider().create(properties(api_server))
    (failure,) = AwsAuthMappingProvider().check({}, properties(api_server)).failures
    assert "nothing was written" in failure.reason
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": "- userarn: [\n"}


def test_aws_auth_mapping_edits_beside_a_malformed_key(client, api_server):
    """The authenticator reads the other key, so it can be edited; the malformed text is kept exactly."""
    broken = "- userarn: [ # theirs\r\n"
    write_as_other(client, mapUsers=broken, mapRoles=NODES)
    role = properties(api_server, arn="arn:aws:iam::111122223333:role/ope", username="ope")
    provider = AwsAuthMappingProvider()
    assert provider.check({}, role).failures == []
    created = provider.create(role)
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data
    assert (data["mapUsers"], data["mapRoles"].startswith(NODES)) == (broken, True)
    provider.delete(created.id, created.outs)
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": broken, "mapRoles": NODES}


def test_immutable_config_map_is_rejected_at_preview_with_a_fix(client, api_server, programs, tmp_path):
    """The check fails before anything is written; after the command of its fix, the same mapping is created."""
    metadata = ObjectMeta(name="aws-auth", namespace="kube-system")
    client.create(ConfigMap(metadata=metadata, data={"mapRoles": NODES}, immutable=True))
    provider = AwsAuthMappingProvider()
    (failure,) = provider.check({}, properties(api_server)).failures
    assert "immutable" in failure.reason
    with pytest.raises(InvalidInput, match="immutable"):
        provider.create(properties(api_server))
    command = failure.reason.split("`")[1]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(api_server)
    path = f"{Path(programs.kubectl).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}
    subprocess.run(["sh", "-c", command], env=environment, check=True)
    assert provider.check({}, properties(api_server)).failures == []
    provider.create(properties(api_server))
    config_map = client.get(ConfigMap, "aws-auth", namespace="kube-system")
    assert (config_map.immutable, config_map.data["mapRoles"]) == (None, NODES)


def test_unauthorized_and_unreachable_clusters_have_different_errors(api_server, monkeypatch):
    """A denied and an unreachable API server have different errors, each with its fix."""
    monkeypatch.setattr(kubernetes_retries, "OUTAGE_SECONDS", 0)
    unauthorized = json.loads(api_server)
    unauthorized["users"][0]["user"]["token"] = "unknown"
    with pytest.raises(
        ClusterDeniedError, match="fix: renew the AWS credentials if they expired, or run this as an IAM principal"
    ):
        AwsAuthMappingProvider().create(properties(json.dumps(unauthorized)))
    unreachable = json.loads(api_server)
    unreachable["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    with pytest.raises(ClusterUnreachableError, match="fix: run this where the cluster's endpoint can be reached"):
        AwsAuthMappingProvider().create(properties(json.dumps(unreachable)))


ME = "arn:aws:iam::111122223333:user/me"
ADMINISTRATORS = "system:masters"
ROLE_WITH_PATH = "arn:aws:iam::111122223333:role/team/me"


def test_aws_auth_mapping_rejects_a_lockout_of_the_caller(client, kubeconfig_of):
    """Delete, an update with fewer groups, and its preview are rejected for the caller's own entry."""
    mine = kubeconfig_of(ME, ADMINISTRATORS)
    provider = AwsAuthMappingProvider()
    declared = properties(mine, arn=ME, username="me", groups=[ADMINISTRATORS])
    created = provider.create(declared)
    before = client.get(ConfigMap, "aws-auth", namespace="kube-system").data

    fewer = {**declared, "groups": ["viewers"]}
    (failure,) = provider.check(created.outs, fewer).failures
    assert "run this as another administrator" in failure.reason
    with pytest.raises(InvalidInput, match="must keep the caller's rights in the cluster"):
        provider.update(created.id, created.outs, fewer)
    with pytest.raises(InvalidInput, match=r"mapUsers\[0\] of ConfigMap kube-system/aws-auth: username 'me'"):
        provider.delete(created.id, created.outs)
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == before

    more = {**declared, "groups": [ADMINISTRATORS, "more"]}
    assert provider.check(created.outs, more).failures == []
    provider.update(created.id, created.outs, more)
    provider.delete(created.id, {**more, "kubeconfig": kubeconfig_of(ME.replace("me", "other"), ADMINISTRATORS)})
    assert aws_auth(client) == []


def test_aws_auth_mapping_allow_lockout_of_permits_a_lockout(client, kubeconfig_of):
    """Preview, update and delete of the caller's own entry are accepted if allow_lockout_of lists the caller.

    A delete reads allow_lockout_of from the state, so that a change of the list is a diff, and a refresh keeps it.
    """
    mine, provider = kubeconfig_of(ROLE_WITH_PATH.replace("team/", ""), ADMINISTRATORS), AwsAuthMappingProvider()
    inputs = properties(mine, arn=ROLE_WITH_PATH, username="me", groups=[ADMINISTRATORS])
    declared = provider.check({}, inputs).inputs
    created = provider.create(declared)
    fewer = {**declared, "groups": ["viewers"], "allow_lockout_of": [ME, ROLE_WITH_PATH]}
    assert provider.check(created.outs, {**fewer, "allow_lockout_of": [ME]}).failures != []
    assert provider.check(created.outs, fewer).failures == []

    listed = {**declared, "allow_lockout_of": [ROLE_WITH_PATH]}
    assert provider.diff(created.id, created.outs, declared).changes is False
    assert provider.diff(created.id, created.outs, listed).changes is True
    state = provider.update(created.id, created.outs, listed).outs
    assert provider.diff(created.id, state, listed).changes is False
    assert provider.read(created.id, state).inputs["allow_lockout_of"] == [ROLE_WITH_PATH]
    with pytest.raises(InvalidInput, match="add it to allow_lockout_of"):
        provider.delete(created.id, created.outs)
    provider.delete(created.id, state)
    assert aws_auth(client, "mapRoles") == []


def test_aws_auth_mapping_of_a_caller_with_an_access_entry_can_be_deleted(client, kubeconfig_of, api_server):
    """A caller without the mapping's groups has access by an entry, so that principals can move to access entries."""
    role = "arn:aws:iam::111122223333:role/me"
    created = AwsAuthMappingProvider().create(properties(api_server, arn=role, username="me", groups=["operators"]))
    AwsAuthMappingProvider().delete(created.id, {**created.outs, "kubeconfig": kubeconfig_of(role, ADMINISTRATORS)})
    assert aws_auth(client, "mapRoles") == []


# Each writer is a separate process, forked from one that has the library loaded.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["eks_identity.access.aws_auth_mapping", "lightkube.resources.core_v1", "pytest", "yaml"]
)


def _write(kubeconfig: str, number: int) -> str:
    provider = AwsAuthMappingProvider()
    created = provider.create(properties(kubeconfig, f"writer-{number}"))
    if number % 4 == 0:
        provider.update(created.id, created.outs, properties(kubeconfig, f"writer-{number}", groups=["changed"]))
    if number % 4 == 1:
        provider.delete(created.id, created.outs)
    return created.id


def test_aws_auth_mapping_concurrent_writers_lose_no_entry(client, api_server):
    """32 processes add, change and remove entries at once; all edits are applied, and the node entry is kept."""
    write_as_other(client, mapRoles=NODES)
    with ProcessPoolExecutor(WRITERS, mp_context=PROCESSES) as pool:
        ids = list(pool.map(_write, [api_server] * WRITERS, range(WRITERS)))
    assert len(set(ids)) == WRITERS
    groups = {entry["username"]: entry["groups"] for entry in aws_auth(client)}
    assert groups == {
        f"writer-{number}": ["changed"] if number % 4 == 0 else ["operators"]
        for number in range(WRITERS)
        if number % 4 != 1
    }
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapRoles"] == NODES


def test_aws_auth_mapping_concurrent_writers_create_one_config_map(client, api_server):
    """Without a ConfigMap one writer creates it, and the others add to it."""
    with ProcessPoolExecutor(8, mp_context=PROCESSES) as pool:
        list(pool.map(_write, [api_server] * 8, [2, 3, 6, 7, 10, 11, 14, 15]))
    assert len(aws_auth(client)) == 8
    with pytest.raises(ApiError, match="already exists"):
        write_as_other(client)
