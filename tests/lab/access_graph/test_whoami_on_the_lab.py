"""`eks-access trace whoami` on the lab: who the caller is, and what is wrong with credentials or kubeconfig."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tenacity import Retrying, stop_after_delay, wait_fixed

from eks_access.cli import commands
from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR

CLUSTER, OTHER_CLUSTER = "eks-clu", "irsa"
REQUEST = ("--verb", "list", "--resource", "pods", "--namespace", "default")
STRANGER = "whoami-stranger"


@pytest.fixture
def whoami(live_lab):
    """A function that runs the command as a principal, and returns the exit code and the trace."""

    def run(*arguments, principal=ADMINISTRATOR, **variables):
        with live_lab.environment(principal, **variables):
            done = CliRunner().invoke(commands, ["trace", "whoami", *arguments, "--json"])
        assert done.stdout.startswith("{"), (done.output, done.exception)
        return done.exit_code, json.loads(done.stdout)["trace"]

    return run


@pytest.fixture
def kubeconfig(live_lab, tmp_path):
    """The administrator's kubeconfig as a document, and a function that writes a changed one."""
    document = yaml.safe_load(Path(live_lab.clients.environment()["KUBECONFIG"]).read_text())

    def write(change):
        change(document)
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return ("--kubeconfig", str(path), "--context", CLUSTER)

    return write


def findings(traced):
    return [link["finding"]["kind"]["id"] for link in traced["links"] if "finding" in link]


def says(traced):
    return {link["name"]: link["says"] for link in traced["links"]}


def entry(document, kind, name=CLUSTER):
    """Return the cluster or user of a context."""
    context = next(each["context"] for each in document["contexts"] if each["name"] == name)
    return next(each[kind] for each in document[f"{kind}s"] if each["name"] == context[kind])


def test_administrator_has_no_broken_link(whoami):
    """The chain holds up to the API server's own review of the request."""
    code, traced = whoami("--context", CLUSTER, *REQUEST)
    assert (code, findings(traced)) == (0, [])
    assert says(traced)["API server"].endswith("allows list pods in namespace default")


@pytest.fixture(scope="module")
def stranger(live_lab):
    """The ARN of a user without a mapping, who may do everything in AWS."""
    arn = live_lab.aws("iam", "create-user", "--user-name", STRANGER)["User"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    live_lab.aws("iam", "put-user-policy", "--user-name", STRANGER, "--policy-name", "all", "--policy-document", policy)
    for cluster in (CLUSTER, OTHER_CLUSTER):
        live_lab.clients.update_kubeconfig(cluster, STRANGER)
    return arn


def test_user_without_access_entry(live_lab, whoami, stranger):
    """The entry is the only finding, not also the API server's 401. Its fix, run as printed, makes the chain hold."""
    options = ("--context", OTHER_CLUSTER, *REQUEST)
    code, traced = whoami(*options, principal=STRANGER)
    assert (code, findings(traced)) == (1, ["not-mapped"])
    assert says(traced)["API server"] == "rejects the token: 401 Unauthorized, 3 times"
    (fix,) = [link["finding"]["fix"] for link in traced["links"] if "finding" in link]
    for command in fix["commands"]:
        done = live_lab.clients.run(*command)
        assert done.worked, done.stderr
    for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(1), reraise=True):
        with attempt:
            code, traced = whoami(*options, principal=STRANGER)
            assert (code, findings(traced)) == (0, []), (stranger, traced)


def test_user_whose_mapping_only_an_administrator_reads(whoami, stranger):
    """Without access, aws-auth cannot be read: the 401 is the finding, and an administrator's trace the fix."""
    code, traced = whoami("--context", CLUSTER, *REQUEST, principal=STRANGER)
    assert (code, findings(traced)) == (1, ["token-rejected"])
    (fix,) = [link["finding"]["fix"] for link in traced["links"] if "finding" in link]
    assert f"`eks-access trace principal {stranger} --verb list --resource pods`" in fix["advice"]


def test_credentials_of_another_account(live_lab, whoami, kubeconfig):
    """The account is the fault, not a cluster that the other account does not have."""
    arn = live_lab.aws("eks", "describe-cluster", "--name", CLUSTER)["cluster"]["arn"]

    def name_cluster(document):
        for each in document["contexts"]:
            if each["name"] == CLUSTER:
                each["name"] = arn

    path = kubeconfig(name_cluster)[1]
    code, traced = whoami("--kubeconfig", path, "--context", arn, principal=OTHER_ADMINISTRATOR)
    assert (code, findings(traced)) == (1, ["other-account"])


def test_context_of_another_cluster(live_lab, whoami, kubeconfig):
    """A context with the API server of another cluster names the server that it should have, and the fix."""
    other = live_lab.aws("eks", "describe-cluster", "--name", OTHER_CLUSTER)["cluster"]

    def point_at_other(document):
        cluster = entry(document, "cluster")
        cluster["server"] = other["endpoint"]
        cluster["certificate-authority-data"] = other["certificateAuthority"]["data"]

    options = kubeconfig(point_at_other)
    code, traced = whoami(*options)
    assert (code, findings(traced)) == (1, ["other-cluster"])
    (finding,) = [link["finding"] for link in traced["links"] if "finding" in link]
    assert finding["says"] == other["endpoint"]
    assert finding["fix"]["commands"][0][-2:] == ["--name", CLUSTER]


def test_kubeconfig_with_a_role_that_cannot_be_assumed(whoami, kubeconfig):
    """The role in the arguments of the token's command is the fault."""
    role = "arn:aws:iam::123456789012:role/missing"
    options = kubeconfig(lambda document: entry(document, "user")["exec"]["args"].extend(["--role-arn", role]))
    code, traced = whoami(*options)
    assert (code, findings(traced)) == (1, ["token-role"])
    assert any("kubectl" in note for note in traced["notes"]) is False


def test_kubeconfig_with_a_role(live_lab, whoami, kubeconfig):
    """The chain is that of the role, and a note says that `aws` in the shell is another principal."""
    role = "arn:aws:iam::123456789012:role/operators"
    options = kubeconfig(lambda document: entry(document, "user")["exec"]["args"].extend(["--role-arn", role]))
    code, traced = whoami(*options)
    assert code == 0, traced
    assert says(traced)["caller identity"].startswith("arn:aws:sts::123456789012:assumed-role/operators/")
    assert traced["notes"][0].startswith("kubectl signs as arn:aws:sts::123456789012:assumed-role/operators/")


def test_missing_program_of_the_token(whoami, kubeconfig):
    """A program that is not on the PATH is the fault."""
    code, traced = whoami(*kubeconfig(lambda document: entry(document, "user")["exec"].update(command="no-such-aws")))
    assert (code, findings(traced)) == (1, ["token-command-missing"])


def test_no_credentials_and_no_kubeconfig(whoami, tmp_path):
    """Both are named; nothing behind them is called broken."""
    empty = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    code, traced = whoami(**empty, KUBECONFIG=str(tmp_path / "none"))
    assert (code, findings(traced)) == (1, ["credentials-missing", "kubeconfig-missing"])
