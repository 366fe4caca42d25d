"""Decoding of Kubernetes types in many threads."""

import os
import subprocess
import sys

import pytest

CONFIG = {
    "clusters": [{"name": "any", "cluster": {"server": "https://example.test"}}],
    "contexts": [{"name": "any", "context": {"cluster": "any", "user": "any"}}],
    "users": [{"name": "any", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws"}}}],
}
CODE = """
import sys, threading
sys.setswitchinterval(1e-6)

import lab.cluster
from lightkube.core.decoders import decode_list, decode_object
from lightkube.resources import core_v1
resource = getattr(core_v1, sys.argv[1])
threads = 8
together = threading.Barrier(threads)
def decode():
    together.wait()
    decode_object(b'{"metadata": {"name": "x", "managedFields": [{}]}}', resource)
    decode_list(b'{"metadata": {}, "items": [{"metadata": {}}]}', resource)
    done.append(1)
done = []
running = [threading.Thread(target=decode) for _ in range(threads)]
for thread in running: thread.start()
for thread in running: thread.join()
print(len(done))
"""


@pytest.mark.parametrize("resource", ["Pod", "ConfigMap", "Node"])
def test_threads_decode_the_same_new_type_at_the_same_time(resource):
    """Importing the package preloads the decoders; without that the interpreter crashes here."""
    assert _run_in_threads(CODE, resource) == "8"


def test_threads_read_kubeconfigs_at_the_same_time():
    """Clusters that start in parallel decode their kubeconfigs with the same library."""
    read = CODE.replace("    decode_object(", "    KubeConfig.from_dict(CONFIG)\n    decode_object(")
    assert _run_in_threads(f"from lightkube import KubeConfig\nCONFIG = {CONFIG!r}\n{read}", "Pod") == "8"


def _run_in_threads(code: str, resource: str) -> str:
    """Run the program, check that it did not crash, and return its output."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, resource]
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()
