"""What `--permissions` prints, applied as printed by aws and kubectl, is enough for the command."""

import json

from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.sources.live_permissions import GROUP

READER, CLUSTER = "printed-reader", "eks-clu"
TRACE = ("trace", "principal")


def printed(kind):
    return CliRunner().invoke(commands, [*TRACE, "--permissions", kind]).output


def test_printed_permissions_are_enough(live_lab):
    """A user with the printed policy, in the group of the printed binding, reads the whole chain."""
    arn = live_lab.aws("iam", "create-user", "--user-name", READER)["User"]["Arn"]
    document = ("--policy-name", "eks-access", "--policy-document", printed("aws"))
    live_lab.aws("iam", "put-user-policy", "--user-name", READER, *document)
    live_lab.kubectl("apply", "-f", "-", stdin=printed("kubernetes"))
    entry = ("--cluster-name", CLUSTER, "--principal-arn", arn, "--kubernetes-groups", GROUP)
    live_lab.aws("eks", "create-access-entry", *entry)
    live_lab.clients.update_kubeconfig(CLUSTER, READER)
    request = ("--verb", "get", "--resource", "pods", "-n", "default")
    with live_lab.environment(READER):
        done = CliRunner().invoke(commands, [*TRACE, arn, *request, "--context", CLUSTER, "--json"])
    assert done.exit_code == 1, (done.output, done.exception)  # the reader may read RBAC, and no pods
    answer = json.loads(done.stdout)
    assert answer["not_read"] == []
    assert {link["verdict"] for link in answer["trace"]["links"]} == {"holds", "broken"}
