"""One entry of aws-auth, written through a real API server by many at once."""

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
from eks_identity.errors import ClusterRefusedError, ClusterUnreachableError, InvalidInput, MalformedDocumentError

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
    """What the ConfigMap says, read by another YAML library than the code under test has."""
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data or {}
    return yaml.safe_load(data.get(key, "")) or []


def written_by_others(client: Client, **data: str) -> None:
    client.create(ConfigMap(metadata=ObjectMeta(name="aws-auth", namespace="kube-system"), data=data))


def test_creates_the_config_map_where_there_is_none(client, api_server):
    """The first mapping of a cluster without managed nodes makes the ConfigMap."""
    AwsAuthMappingProvider().create(properties(api_server))
    (entry,) = aws_auth(client)
    assert entry == {
        "userarn": "arn:aws:iam::111122223333:user/eks-ope",
        "username": "eks-ope",
        "groups": ["operators"],
    }


def test_keeps_what_others_wrote_to_the_letter(client, api_server):
    """Create, update and delete leave the node role's text, its comment included, as EKS wrote it."""
    written_by_others(client, mapRoles=NODES, mapAccounts='- "444455556666"\n')
    provider = AwsAuthMappingProvider()
    made = provider.create(properties(api_server))
    changed = properties(api_server, groups=["viewers"])
    provider.update(made.id, made.outs, changed)
    assert [entry["groups"] for entry in aws_auth(client)] == [["viewers"]]
    provider.delete(made.id, changed)
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data
    assert data == {"mapRoles": NODES, "mapAccounts": '- "444455556666"\n'}


def test_refuses_at_check_an_arn_that_the_cluster_maps_already(client, api_server):
    """A preview says that the ARN is mapped, whatever its case, and names the place."""
    theirs = "- userarn: arn:aws:iam::111122223333:user/EKS-OPE\n  username: theirs\n  groups: [admins]\n"
    written_by_others(client, mapUsers=theirs)
    (failure,) = AwsAuthMappingProvider().check({}, properties(api_server)).failures
    assert failure.reason.startswith("arn: ")
    assert "mapUsers[0] of ConfigMap kube-system/aws-auth: username 'theirs', groups ['admins']" in failure.reason
    with pytest.raises(InvalidInput, match=r"mapUsers\[0\]"):
        AwsAuthMappingProvider().create(properties(api_server))
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": theirs}


def test_says_what_is_wrong_with_entries_of_others(client, api_server, capfd):
    """Duplicates that shadow one another are reported with both places, once, and left as they are."""
    twice = "".join(f"- userarn: arn:aws:iam::111122223333:user/{name}\n  username: x\n" for name in ("Twin", "twin"))
    written_by_others(client, mapUsers=twice)
    for name in ("eks-ope", "eks-dev"):
        assert not AwsAuthMappingProvider().check({}, properties(api_server, name)).failures
    said = capfd.readouterr().err
    assert said.count("must be the only entry of its ARN, whatever its case") == 1
    assert "mapUsers[0]" in said
    assert "mapUsers[1]" in said
    assert [entry["userarn"].rpartition("/")[2] for entry in aws_auth(client)] == ["Twin", "twin"]


def test_adopts_an_entry_when_asked(client, api_server):
    """With adopt, the entry that is there is taken over, in its place."""
    written_by_others(client, mapUsers="- userarn: arn:aws:iam::111122223333:user/eks-ope\n  username: theirs\n")
    wanted = properties(api_server, adopt=True)
    provider = AwsAuthMappingProvider()
    assert provider.check({}, wanted).failures == []
    provider.create(wanted)
    assert [(entry["username"], entry["groups"]) for entry in aws_auth(client)] == [("eks-ope", ["operators"])]


def test_never_takes_over_a_nodes_entry(client, api_server):
    """Adopting a node role's entry is refused, since it would put the nodes out."""
    written_by_others(client, mapRoles=NODES)
    node = properties(api_server, arn="arn:aws:iam::111122223333:role/node", adopt=True)
    (failure,) = AwsAuthMappingProvider().check({}, node).failures
    assert "nodes join the cluster by this entry" in failure.reason
    AwsAuthMappingProvider().delete(node["arn"], node)
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapRoles": NODES}


def test_a_refresh_sees_drift_and_an_update_mends_it(client, api_server):
    """Read says what the entry says now; the diff to what was declared is an update, not a replacement."""
    provider = AwsAuthMappingProvider()
    declared = properties(api_server)
    made = provider.create(declared)
    drifted = "- userarn: arn:aws:iam::111122223333:user/eks-ope\n  username: eks-ope\n  groups: [admins]\n"
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": drifted}}, namespace="kube-system")
    seen = provider.read(made.id, made.outs)
    assert seen.outs["groups"] == ["admins"]
    assert seen.inputs["groups"] == ["admins"]
    diff = provider.diff(made.id, seen.outs, declared)
    assert (diff.changes, diff.replaces) == (True, [])
    provider.update(made.id, seen.outs, declared)
    assert [entry["groups"] for entry in aws_auth(client)] == [["operators"]]


def test_a_refresh_sees_that_the_entry_is_gone(client, api_server):
    """An entry that somebody took out reads as no resource at all, which the engine makes again."""
    written_by_others(client, mapRoles=NODES)
    assert AwsAuthMappingProvider().read("arn:aws:iam::111122223333:user/eks-ope", properties(api_server)).id == ""


def test_delete_leaves_a_duplicate_of_somebody_elses(client, api_server):
    """Of two entries for its ARN, a mapping takes out the one that says what it wrote."""
    provider = AwsAuthMappingProvider()
    made = provider.create(properties(api_server))
    ours = client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapUsers"]
    theirs = "- userarn: arn:aws:iam::111122223333:user/eks-ope\n  username: theirs\n  groups: [admins]\n"
    client.patch(ConfigMap, "aws-auth", {"data": {"mapUsers": ours + theirs}}, namespace="kube-system")
    provider.delete(made.id, made.outs)
    assert [entry["username"] for entry in aws_auth(client)] == ["theirs"]


def test_malformed_yaml_is_not_written_over(client, api_server):
    """A list that cannot be read is reported with what to do, and stays as it is."""
    written_by_others(client, mapUsers="- userarn: [\n")
    with pytest.raises(
        MalformedDocumentError, match="mapUsers of ConfigMap kube-system/aws-auth is not read by the authenticator"
    ):
        AwsAuthMappingProvider().create(properties(api_server))
    (failure,) = AwsAuthMappingProvider().check({}, properties(api_server)).failures
    assert "nothing was written" in failure.reason
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": "- userarn: [\n"}


def test_a_broken_key_stops_no_edit_of_the_other(client, api_server):
    """The authenticator keeps reading the other key: it is edited, and the broken text stays byte for byte."""
    broken = "- userarn: [ # theirs\r\n"
    written_by_others(client, mapUsers=broken, mapRoles=NODES)
    role = properties(api_server, arn="arn:aws:iam::111122223333:role/ope", username="ope")
    provider = AwsAuthMappingProvider()
    assert provider.check({}, role).failures == []
    made = provider.create(role)
    data = client.get(ConfigMap, "aws-auth", namespace="kube-system").data
    assert (data["mapUsers"], data["mapRoles"].startswith(NODES)) == (broken, True)
    provider.delete(made.id, made.outs)
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == {"mapUsers": broken, "mapRoles": NODES}


def test_an_immutable_config_map_is_rejected_at_preview_with_a_fix_that_works(client, api_server, programs, tmp_path):
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
    found = client.get(ConfigMap, "aws-auth", namespace="kube-system")
    assert (found.immutable, found.data["mapRoles"]) == (None, NODES)


def test_a_cluster_that_does_not_answer_is_named(api_server):
    """No answer and a refusal are told apart, each with its fix."""
    stranger = json.loads(api_server)
    stranger["users"][0]["user"]["token"] = "unknown"
    with pytest.raises(ClusterRefusedError, match="fix: run this as an IAM principal"):
        AwsAuthMappingProvider().create(properties(json.dumps(stranger)))
    nowhere = json.loads(api_server)
    nowhere["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    with pytest.raises(ClusterUnreachableError, match="fix: run this from where the cluster's endpoint can be reached"):
        AwsAuthMappingProvider().create(properties(json.dumps(nowhere)))


ME = "arn:aws:iam::111122223333:user/me"
ADMINISTRATORS = "system:masters"
ROLE_WITH_PATH = "arn:aws:iam::111122223333:role/team/me"


def test_nobody_takes_their_own_way_in_away(client, kubeconfig_of):
    """Delete, an update that loses groups, and its preview are refused for the caller's own entry."""
    mine = kubeconfig_of(ME, ADMINISTRATORS)
    provider = AwsAuthMappingProvider()
    declared = properties(mine, arn=ME, username="me", groups=[ADMINISTRATORS])
    made = provider.create(declared)
    before = client.get(ConfigMap, "aws-auth", namespace="kube-system").data

    fewer = {**declared, "groups": ["viewers"]}
    (failure,) = provider.check(made.outs, fewer).failures
    assert "run this as another administrator" in failure.reason
    with pytest.raises(InvalidInput, match="must keep the caller's rights in the cluster"):
        provider.update(made.id, made.outs, fewer)
    with pytest.raises(InvalidInput, match=r"mapUsers\[0\] of ConfigMap kube-system/aws-auth: username 'me'"):
        provider.delete(made.id, made.outs)
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data == before

    more = {**declared, "groups": [ADMINISTRATORS, "more"]}
    assert provider.check(made.outs, more).failures == []
    provider.update(made.id, made.outs, more)
    provider.delete(made.id, {**more, "kubeconfig": kubeconfig_of(ME.replace("me", "other"), ADMINISTRATORS)})
    assert aws_auth(client) == []


def test_who_is_named_in_break_glass_may_lose_their_way_in(client, kubeconfig_of):
    """A preview, an update and a delete go through for the caller's own entry; another name changes nothing.

    What a delete honours is in the state, so that naming somebody is a change, and a refresh keeps it.
    """
    mine, provider = kubeconfig_of(ROLE_WITH_PATH.replace("team/", ""), ADMINISTRATORS), AwsAuthMappingProvider()
    said = properties(mine, arn=ROLE_WITH_PATH, username="me", groups=[ADMINISTRATORS])
    declared = provider.check({}, said).inputs
    made = provider.create(declared)
    fewer = {**declared, "groups": ["viewers"], "allow_lockout_of": [ME, ROLE_WITH_PATH]}
    assert provider.check(made.outs, {**fewer, "allow_lockout_of": [ME]}).failures != []
    assert provider.check(made.outs, fewer).failures == []

    named = {**declared, "allow_lockout_of": [ROLE_WITH_PATH]}
    assert provider.diff(made.id, made.outs, declared).changes is False
    assert provider.diff(made.id, made.outs, named).changes is True
    state = provider.update(made.id, made.outs, named).outs
    assert provider.diff(made.id, state, named).changes is False
    assert provider.read(made.id, state).inputs["allow_lockout_of"] == [ROLE_WITH_PATH]
    with pytest.raises(InvalidInput, match="name it in allow_lockout_of"):
        provider.delete(made.id, made.outs)
    provider.delete(made.id, state)
    assert aws_auth(client, "mapRoles") == []


def test_somebody_whom_an_access_entry_lets_in_may_take_their_mapping_out(client, kubeconfig_of, api_server):
    """Without the mapping's groups the caller is not in through aws-auth, so that people can move to access entries."""
    role = "arn:aws:iam::111122223333:role/me"
    made = AwsAuthMappingProvider().create(properties(api_server, arn=role, username="me", groups=["operators"]))
    AwsAuthMappingProvider().delete(made.id, {**made.outs, "kubeconfig": kubeconfig_of(role, ADMINISTRATORS)})
    assert aws_auth(client, "mapRoles") == []


# Each writer is a process of its own, made from one that has the library loaded.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["eks_identity.access.aws_auth_mapping", "lightkube.resources.core_v1", "pytest", "yaml"]
)


def _write(kubeconfig: str, number: int) -> str:
    provider = AwsAuthMappingProvider()
    made = provider.create(properties(kubeconfig, f"writer-{number}"))
    if number % 4 == 0:
        provider.update(made.id, made.outs, properties(kubeconfig, f"writer-{number}", groups=["changed"]))
    if number % 4 == 1:
        provider.delete(made.id, made.outs)
    return made.id


def test_racing_writers_lose_nothing(client, api_server):
    """32 processes add, change and take out entries at once; each gets what it asked for, the node keeps its own."""
    written_by_others(client, mapRoles=NODES)
    with ProcessPoolExecutor(WRITERS, mp_context=PROCESSES) as pool:
        ids = list(pool.map(_write, [api_server] * WRITERS, range(WRITERS)))
    assert len(set(ids)) == WRITERS
    found = {entry["username"]: entry["groups"] for entry in aws_auth(client)}
    assert found == {
        f"writer-{number}": ["changed"] if number % 4 == 0 else ["operators"]
        for number in range(WRITERS)
        if number % 4 != 1
    }
    assert client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapRoles"] == NODES


def test_racing_writers_without_a_config_map_make_one(client, api_server):
    """Where all of them find no ConfigMap, one creates it, and the others add to it."""
    with ProcessPoolExecutor(8, mp_context=PROCESSES) as pool:
        list(pool.map(_write, [api_server] * 8, [2, 3, 6, 7, 10, 11, 14, 15]))
    assert len(aws_auth(client)) == 8
    with pytest.raises(ApiError, match="already exists"):
        written_by_others(client)
