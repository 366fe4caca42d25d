"""Objects of `eks-pipeline operator` under the operator's own CustomResourceDefinitions, on a real API server."""

from pathlib import Path

import pytest
import tenacity
import yaml

from eks_pipeline.fleet.fleet import open_fleet
from eks_pipeline.operator_stacks import GitSource, ProgramSource, Settings, objects, write

DEFINITIONS = sorted((Path(__file__).parents[2] / "data" / "pulumi-kubernetes-operator").glob("*.yaml"))
FLEET = """
groups: { tokyo: { after: [network] } }
stacks:
  network: {}
  tokyo-1: { group: tokyo, environment: { TF_LOG: debug, PULUMI_BACKEND_URL: "s3://tokyo" } }
  tokyo-2: { group: tokyo }
"""


@pytest.fixture(scope="module")
def operator_cluster(cluster):
    """The cluster with the operator's definitions and the namespace of the stacks."""
    files = [option for file in DEFINITIONS for option in ("-f", str(file))]
    installed = cluster.run("apply", "--server-side", *files)
    assert installed.is_allowed, installed.error
    for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.2)):
        with attempt:
            assert cluster.run("get", "stacks.v1.pulumi.com,workspaces.auto.pulumi.com").is_allowed
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "pulumi"}})
    return cluster


@pytest.fixture
def documents(tmp_path):
    """The objects of a fleet with every setting of the command, as read back from their YAML."""
    (tmp_path / "Pulumi.yaml").write_text("name: clusters\nruntime: python\n")
    for name in ("network", "tokyo-1", "tokyo-2"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("secretsprovider: awskms://alias/pulumi\nconfig: {}\n")
    (tmp_path / "fleet.yaml").write_text(FLEET)
    source = GitSource("https://github.com/octo-org/clusters", "main", tmp_path.parent)
    settings = Settings(source, backend="s3://states", image="octo-org/workspace:1", resync_seconds=3600)
    fleet = open_fleet(tmp_path / "fleet.yaml")
    written = objects(fleet, settings)
    program = objects(fleet.selected(["network"]), Settings(ProgramSource("clusters")))[-1]
    written.append({**program, "metadata": {**program["metadata"], "name": "of-a-program"}})
    assert list(yaml.safe_load_all(write(written))) == written
    return written


def apply(cluster, documents, *options):
    return cluster.run("apply", "--server-side", "--validate=strict", *options, "-f", "-", stdin=write(documents))


def test_stacks_are_accepted_under_strict_validation_and_stored_unchanged(operator_cluster, documents):
    """No field is unknown, dropped or defaulted: what the API server stores is what the command wrote."""
    applied = apply(operator_cluster, documents)
    assert applied.is_allowed, applied.error
    for document in documents:
        kind, metadata = document["kind"].lower(), document["metadata"]
        where = ("-n", metadata["namespace"]) if "namespace" in metadata else ()
        stored = operator_cluster.get(kind, metadata["name"], *where)
        part = "spec" if kind == "stack" else "subjects"
        assert stored[part] == document[part]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("spec", "prerequisite"), [], "spec.prerequisite"),
        (("spec", "workspaceTemplate", "spec", "securityProfil"), "x", "spec.workspaceTemplate.spec.securityProfil"),
        (("spec", "resyncFrequencySeconds"), "hourly", "spec.resyncFrequencySeconds"),
        (("spec", "envRefs"), {"A": {"literal": {"value": "x"}}}, "spec.envRefs.A.type"),
        (("metadata", "name"), "Tokyo_1", "RFC 1123"),
    ],
)
def test_wrong_name_or_value_in_a_stack_is_rejected(operator_cluster, documents, path, value, message):
    """The definitions catch a misspelt field, so that the test above can fail."""
    stack = documents[-1]
    *parents, last = path
    target = stack
    for each in parents:
        target = target[each]
    target[last] = value
    rejected = apply(operator_cluster, [stack], "--dry-run=server", "--force-conflicts")
    assert not rejected.is_allowed
    assert message in rejected.error
