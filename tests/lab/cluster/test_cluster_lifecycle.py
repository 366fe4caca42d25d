"""Clusters as processes: parallel start, isolation of clusters, anonymous access, and cleanup."""

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
"""A listener on all interfaces accepts connections to this address; one on 127.0.0.1 does not."""


def processes(folder):
    """Return the processes of all clusters in `folder`."""
    return [process for process in psutil.process_iter() if runs_in(process, folder)]


def runs_in(process, folder):
    try:
        is_program = process.name()[:15] in {name[:15] for name in PROGRAMS}
        return is_program and process.cwd().startswith(str(folder))
    except (psutil.Error, FileNotFoundError):  # the process has ended in the meantime
        return False


@pytest.fixture(scope="module")
def pair(start):
    with ThreadPoolExecutor() as pool:
        return list(pool.map(start, ["one", "two"]))


def test_clusters_start_in_parallel_and_share_nothing(pair):
    """Each cluster has its own endpoint, issuer, keys and certificate authority."""
    one, two = (cluster.control_plane for cluster in pair)
    for name in ("endpoint", "issuer", "certificate_authority", "folder"):
        assert getattr(one, name) != getattr(two, name)
    assert one.jwks()["keys"] != two.jwks()["keys"]
    assert one.issuer.startswith("https://oidc.eks.ap-northeast-1.amazonaws.com/id/")


def test_token_of_one_cluster_is_unauthorized_in_another(pair, aws):
    """The principal has access to both clusters."""
    one, two = pair
    caller = aws.user("traveller")
    for cluster in pair:
        cluster.apply_identity(AccessEntry(caller.principal, "traveller"))
    assert one.run("auth", "whoami", token=caller.token("one")).is_allowed
    assert two.run("auth", "whoami", token=caller.token("two")).is_allowed
    assert two.run("auth", "whoami", token=caller.token("one")).is_unauthorized


def test_admin_certificate_is_not_valid_in_another_cluster(pair):
    """Each cluster has its own certificate authority."""
    one, two = (cluster.control_plane for cluster in pair)
    kubeconfig = yaml.safe_load(one.kubeconfig.read_text())
    kubeconfig["clusters"][0]["cluster"] = yaml.safe_load(two.kubeconfig.read_text())["clusters"][0]["cluster"]
    crossed = pair[0].folder / "crossed"
    crossed.write_text(yaml.safe_dump(kubeconfig))
    completed = subprocess.run(
        [pair[0].kubectl, f"--kubeconfig={crossed}", "get", "pods"], capture_output=True, text=True, check=False
    )
    assert completed.returncode != 0
    assert "logged in" in completed.stderr or "Unauthorized" in completed.stderr or "credentials" in completed.stderr


def test_anonymous_access_is_limited_to_health_paths(pair):
    """Anonymous callers have the same access as on EKS."""
    control_plane = pair[0].control_plane
    trust = ssl.create_default_context(cadata=control_plane.certificate_authority)
    with httpx2.Client(base_url=control_plane.endpoint, verify=trust, trust_env=False) as http:
        paths = ("/livez", "/readyz", "/api", "/version", "/openid/v1/jwks", "/api/v1/secrets")
        assert [http.get(path).status_code for path in paths] == [200, 200, 401, 401, 401, 401]


def test_programs_listen_on_loopback_only(pair):
    """etcd listens on no port, and the authenticator's health check is not reachable."""
    folder = pair[0].control_plane.folder
    listening = {
        process.name(): {
            socket_info.laddr for socket_info in process.net_connections() if socket_info.status == psutil.CONN_LISTEN
        }
        for process in processes(folder)
    }
    assert {address.ip for addresses in listening.values() for address in addresses} == {"127.0.0.1"}
    assert listening["etcd"] == set()
    assert len(listening) == len(PROGRAMS)
    with socket.socket() as connection, pytest.raises(ConnectionRefusedError):
        connection.connect((ANOTHER_ADDRESS, HEALTH_PORT))


def test_cluster_folder_is_private(pair):
    """The folder contains keys and sockets."""
    assert pair[0].control_plane.folder.stat().st_mode & 0o077 == 0


def test_concurrent_node_role_mappings_keep_all_entries(pair):
    """Each writer retries on conflict; another writer's entry and its comment stay unchanged."""
    cluster = pair[0]
    other_entry = "# ours\n- rolearn: arn:aws:iam::123456789012:role/ops  # why\n  username: ops\n  groups: [a]\n"
    cluster.write_aws_auth(mapRoles=other_entry, mapUsers="[]")
    arns = [f"arn:aws:iam::123456789012:role/node-{number}" for number in range(8)]
    with ThreadPoolExecutor(len(arns)) as pool:
        list(pool.map(cluster.control_plane.map_node_role, arns * 2))
    data = cluster.get("configmap", "aws-auth", "-n", "kube-system")["data"]
    assert data["mapRoles"].startswith(other_entry)
    roles = [role["rolearn"].rpartition("/")[2] for role in yaml.safe_load(data["mapRoles"])]
    assert roles[0] == "ops"
    assert sorted(roles[1:]) == [f"node-{number}" for number in range(8)]
    assert data["mapUsers"] == "[]"


def test_first_node_role_mapping_creates_aws_auth(pair):
    """The cluster has no ConfigMap aws-auth before."""
    pair[1].control_plane.map_node_role("arn:aws:iam::123456789012:role/path/node")
    data = pair[1].get("configmap", "aws-auth", "-n", "kube-system")["data"]
    assert [role["rolearn"] for role in yaml.safe_load(data["mapRoles"])] == ["arn:aws:iam::123456789012:role/node"]


def test_controllers_aggregate_roles_and_delete_namespaces(pair):
    """The ClusterRoles view, edit and admin have rules, and a deleted namespace disappears."""
    cluster = pair[0]
    assert cluster.run("auth", "can-i", "list", "pods", "--as=x", "--as-group=y").status == 1
    assert cluster.get("clusterrole", "view")["rules"]
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    assert cluster.run("delete", "namespace", "short", "--timeout=30s").is_allowed


def test_stop_removes_processes_and_folder_of_one_cluster(start, pair):
    """A second stop does nothing, and the cluster name can be used again.

    DescribeCluster of a cluster that is being deleted still reads its certificate authority.
    """
    for _ in range(2):
        cluster = start("short-lived")
        control_plane = cluster.control_plane
        certificate_authority = control_plane.certificate_authority
        running = processes(control_plane.folder)
        assert len(running) == len(PROGRAMS)
        control_plane.stop()
        control_plane.stop()
        assert not any(process.is_running() for process in running)
        assert not control_plane.folder.exists()
        assert control_plane.certificate_authority == certificate_authority
    assert pair[0].run("get", "--raw", "/readyz").is_allowed


def test_failed_cluster_start_reports_log_and_stops_all_programs(cloud, authority, programs, tmp_path):
    """The error has the last lines of the program's log."""
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho this machine has no room >&2\nexit 3\n")
    broken.chmod(0o700)
    progress = []
    runtime = Runtime(
        tmp_path / "clusters",
        authority,
        replace(programs, kube_apiserver=str(broken)),
        cloud.access,
        cloud.instance_roles,
        progress=lambda part, _seconds: progress.append(part),
    )
    key = ClusterKey(cloud.account, cloud.region, "broken")
    with pytest.raises(StartError, match=r"(?s)kube-apiserver ended with exit status 3.*no room.*fix: ") as raised:
        runtime.start(key, ClusterIdentity(AuthenticationMode.API))
    runtime.stop_all()
    assert Path(raised.value.fix.split()[1].rstrip(";")).read_text().startswith("this machine has no room")
    assert not processes(tmp_path)
    assert "broken: etcd" in progress


def test_killed_lab_leaves_no_cluster_process(programs, tmp_path):
    """The kernel ends the programs of a lab that was killed."""
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
