"""The examples, played on the lab as their READMEs say: a sample in `make test`, all in `make conformance`."""

import os
import shutil

import pytest

from lab.tools.languages import language_folders
from support.component_folder import COMPONENTS, copied, outside
from support.lab_chains.score import sample

REPOSITORY = COMPONENTS.parent
CLAIMS = {
    "01-read-only-user": "An IAM user can read pods and nodes and nothing else.",
    "02-pod-reads-a-bucket": "Pods of one service account can read one bucket, and no other pods can.",
    "03-pod-identity": "A workload switches from IRSA to Pod Identity, and its pods can read the bucket all the time.",
    "04-add-ons": "Add-ons and charts get scoped policy templates.",
    "05-one-role-many-clusters": "Pods of two clusters assume one role that trusts both issuers.",
    "06-cross-account-role": "Pods read a bucket of another account by a target role; nothing stays in either account.",
    "07-migrate-from-aws-auth": "A cluster moves from aws-auth to access entries, and no principal loses access.",
    "08-existing-eksctl-cluster": "What eksctl created is used and stays.",
    "09-typescript": "The package is added to a TypeScript project, and the program is deployed.",
    "10-team-namespace": "Developers and pods of a team have the declared access and no more.",
    "11-why-unauthorized": "The trace of an IAM user names the broken link, and its fix gives the user access again.",
    "12-why-access-denied": "The trace of a pod names the broken link, and its fix gives the pod access again.",
    "13-adopt-a-cluster": "A cluster set up by hand is adopted; the program is the written one, and access is equal.",
    "14-pipelines": "Jobs assume the role that trusts them, and update exactly what was reviewed.",
    "15-yaml": "The program is deployed from YAML: the user can read pods, and the pod can read the bucket.",
}
"""The claim of each example. Of all of them: the commands print what the README shows, and destroy leaves nothing."""
SAMPLE = 6
"""Examples that `make test` plays, chosen by its seed."""


@pytest.fixture
def outside_the_lab(tmp_path, running_lab):
    """Return the options of `play` for the TypeScript example.

    Its shell is outside the lab, since pip and npm query registries. Pulumi and npm write into a copy of the folders.
    """
    language_folders("nodejs")  # with this user's HOME, where Go has its caches
    copied(tmp_path)
    example = "examples/09-typescript"
    shutil.copytree(REPOSITORY / example, tmp_path / example, ignore=shutil.ignore_patterns("node_modules", "sdks"))
    shell = outside(tmp_path)
    shell |= {"EKS_LAB": running_lab.name, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), shell["PYTHONPATH"]])}
    return {"shell": shell, "folder": tmp_path}


@pytest.fixture
def yaml_host():
    """Return no options of `play` for the YAML example, once its host exists: the lab's shell cannot download it."""
    language_folders("yaml")
    return {}


OPTIONS = {"09-typescript": "outside_the_lab", "15-yaml": "yaml_host"}
"""The fixtures with options of `play`."""


def pytest_generate_tests(metafunc):
    if "example" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--conformance")
        metafunc.parametrize("example", sample(list(CLAIMS), everything=everything, count=SAMPLE))


def test_example(play, example, request):
    """Each command of an example's README prints what the README shows; once destroyed, nothing of it is left."""
    play(example, **(request.getfixturevalue(OPTIONS[example]) if example in OPTIONS else {}))


def test_every_example_has_its_claim():
    """Each folder of examples/ is in the list above."""
    assert sorted(CLAIMS) == sorted(readme.parent.name for readme in REPOSITORY.glob("examples/*/README.md"))
