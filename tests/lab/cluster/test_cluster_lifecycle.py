"""Clusters as processes: several at once, apart from each other, shut to strangers, and gone without a trace."""

import os
import signal
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx2
import psutil
import pytest
import yaml

from lab.cluster import Runtime
from lab.cluster.authenticator import HEALTH_PORT
from lab.errors import StartError
from lab.interfaces import AccessEntry, AuthenticationMode, ClusterIdentity, ClusterKey

PROGRAMS = {"etcd", "kube-apiserver", "kube-controller-manager", "aws-iam-authenticator"}
ANOTHER_ADDRESS = "127.0.0.2"
"""A listener on all interfaces would answer here, and one on 127.0.0.1 does not."""


def processes(folder):
    """The programs that run for clusters in `folder`."""
    return [process for process in psutil.process_iter() if runs_in(process, folder)]


def runs_in(process, folder):
    try:
        ours = process.name()[:15] in {name[:15] for name in PROGRAMS}
        return ours and process.cwd().startswith(str(folder))
    except (psutil.Error, FileNotFoundError):  # it has ended in the meantime
        return False


@pytest.fixture(scope="module")
def pair(start):
    with ThreadPoolExecutor() as pool:
        return list(pool.map(start, ["one", "two"]))


def test_clusters_start_side_by_side_and_share_nothing(pair):
    """Each has its own endpoint, issuer, keys and authority."""
    one, two = (cluster.control_plane for cluster in pair)
    for name in ("endpoint", "issuer", "certificate_authority", "folder"):
        assert getattr(one, name) != getattr(two, name)
    assert one.jwks()["keys"] != two.jwks()["keys"]
    assert one.issuer.startswith("https://oidc.eks.ap-northeast-1.amazonaws.com/id/")


def test_a_token_for_one_cluster_is_worthless_in_another(pair, aws):
    """Although the same person may enter both."""
    one, two = pair
    person = aws.user("traveller")
    for cluster in pair:
        cluster.admit(AccessEntry(person.principal, "traveller"))
    assert one.run("auth", "whoami", token=person.token("one")).allowed
    assert two.run("auth", "whoami", token=person.token("two")).allowed
    assert two.run("auth", "whoami", token=person.token("one")).unauthorized


def test_an_administrators_certificate_is_worthless_in_another_cluster(pair):
    """Each cluster has an authority of its own."""
    one, two = (cluster.control_plane for cluster in pair)
    own = yaml.safe_load(one.kubeconfig.read_text())
    own["clusters"][0]["cluster"] = yaml.safe_load(two.kubeconfig.read_text())["clusters"][0]["cluster"]
    crossed = pair[0].folder / "crossed"
    crossed.write_text(yaml.safe_dump(own))
    done = subprocess.run(
        [pair[0].kubectl, f"--kubeconfig={crossed}", "get", "pods"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "logged in" in done.stderr or "Unauthorized" in done.stderr or "credentials" in done.stderr


def test_strangers_see_the_health_and_nothing_else(pair):
    """Anonymous callers get what EKS gives them."""
    control_plane = pair[0].control_plane
    trust = ssl.create_default_context(cadata=control_plane.certificate_authority)
    with httpx2.Client(base_url=control_plane.endpoint, verify=trust, trust_env=False) as http:
        paths = ("/livez", "/readyz", "/api", "/version", "/openid/v1/jwks", "/api/v1/secrets")
        assert [http.get(path).status_code for path in paths] == [200, 200, 401, 401, 401, 401]


def test_everything_listens_on_loopback_only(pair):
    """Etcd on no port at all, and the authenticator's health check not either."""
    folder = pair[0].control_plane.folder
    listening = {
        process.name(): {each.laddr for each in process.net_connections() if each.status == psutil.CONN_LISTEN}
        for process in processes(folder)
    }
    assert {address.ip for addresses in listening.values() for address in addresses} == {"127.0.0.1"}
    assert listening["etcd"] == set()
    assert len(listening) == len(PROGRAMS)
    with socket.socket() as stranger, pytest.raises(ConnectionRefusedError):
        stranger.connect((ANOTHER_ADDRESS, HEALTH_PORT))


def test_the_folder_is_closed_to_others(pair):
    """Keys and sockets lie in it."""
    assert pair[0].control_plane.folder.stat().st_mode & 0o077 == 0


def test_node_roles_are_mapped_by_many_at_once_and_nothing_is_lost(pair):
    """Each writer reads, changes and writes on condition; another one's entry and its comment stay."""
    cluster = pair[0]
    theirs = "# ours\n- rolearn: arn:aws:iam::123456789012:role/ops  # why\n  username: ops\n  groups: [a]\n"
    cluster.write_aws_auth(mapRoles=theirs, mapUsers="[]")
    arns = [f"arn:aws:iam::123456789012:role/node-{number}" for number in range(8)]
    with ThreadPoolExecutor(len(arns)) as pool:
        list(pool.map(cluster.control_plane.map_node_role, arns * 2))
    data = cluster.get("configmap", "aws-auth", "-n", "kube-system")["data"]
    assert data["mapRoles"].startswith(theirs)
    roles = [role["rolearn"].rpartition("/")[2] for role in yaml.safe_load(data["mapRoles"])]
    assert roles[0] == "ops"
    assert sorted(roles[1:]) == [f"node-{number}" for number in range(8)]
    assert data["mapUsers"] == "[]"


def test_the_first_node_role_makes_the_map(pair):
    """Where there is no aws-auth yet."""
    pair[1].control_plane.map_node_role("arn:aws:iam::123456789012:role/path/node")
    data = pair[1].get("configmap", "aws-auth", "-n", "kube-system")["data"]
    assert [role["rolearn"] for role in yaml.safe_load(data["mapRoles"])] == ["arn:aws:iam::123456789012:role/node"]


def test_user_facing_roles_and_namespaces_work(pair):
    """The controllers have filled view, edit and admin, and a deleted namespace goes away."""
    cluster = pair[0]
    assert cluster.run("auth", "can-i", "list", "pods", "--as=x", "--as-group=y").status == 1
    assert cluster.get("clusterrole", "view")["rules"]
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    assert cluster.run("delete", "namespace", "short", "--timeout=30s").allowed


def test_stop_leaves_nothing_and_other_clusters_alone(start, pair):
    """No process, no folder; a second stop is harmless, and the name can be used again."""
    for _ in range(2):
        cluster = start("short-lived")
        control_plane = cluster.control_plane
        running = processes(control_plane.folder)
        assert len(running) == len(PROGRAMS)
        control_plane.stop()
        control_plane.stop()
        assert not any(process.is_running() for process in running)
        assert not control_plane.folder.exists()
    assert pair[0].run("get", "--raw", "/readyz").allowed


def test_a_cluster_that_cannot_start_says_why_and_leaves_nothing(cloud, authority, programs, tmp_path):
    """The error has the program's last words; what had started already is stopped."""
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho this machine has no room >&2\nexit 3\n")
    broken.chmod(0o700)
    parts = []
    runtime = Runtime(
        tmp_path / "clusters",
        authority,
        replace(programs, kube_apiserver=str(broken)),
        cloud.access,
        cloud.instance_roles,
        progress=lambda part, _seconds: parts.append(part),
    )
    key = ClusterKey(cloud.account, cloud.region, "broken")
    with pytest.raises(StartError, match=r"(?s)kube-apiserver ended with exit status 3.*no room.*fix: ") as caught:
        runtime.start(key, ClusterIdentity(AuthenticationMode.API))
    runtime.stop_all()
    assert Path(caught.value.fix.split()[1].rstrip(";")).read_text().startswith("this machine has no room")
    assert not processes(tmp_path)
    assert "broken: etcd" in parts


def test_a_killed_lab_leaves_no_process(programs, tmp_path):
    """Not even where it had no time to say goodbye: the kernel ends what it started."""
    code = f"""
import signal, sys
from pathlib import Path
from lab.cluster import Runtime
from lab.interfaces import *
from lab.pki import CertificateAuthority
folder = Path(sys.argv[1])
authority = CertificateAuthority(folder / "authority")
access = CloudAccess("http://127.0.0.1:9", str(authority.file), "ap-northeast-1")
runtime = Runtime(folder, authority, {programs!r}, access, None)
runtime.start(ClusterKey("123456789012", "ap-northeast-1", "x"), ClusterIdentity(AuthenticationMode.API))
print("up", flush=True)
signal.pause()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as lab:
        assert lab.stdout.readline() == "up\n"
        running = processes(tmp_path)
        assert len(running) == len(PROGRAMS)
        lab.send_signal(signal.SIGKILL)
    gone, alive = psutil.wait_procs(running, timeout=20)
    assert (len(gone), alive) == (len(PROGRAMS), [])
