"""Kubernetes types in many threads at once."""

import os
import subprocess
import sys

import pytest

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
def test_threads_may_decode_the_same_type_for_the_first_time_together(resource):
    """Importing the package has made the types ready; without that the interpreter crashes here."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", CODE, resource]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "8"), done.stderr
