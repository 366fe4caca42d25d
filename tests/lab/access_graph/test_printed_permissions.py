"""What `--permissions` prints, applied as printed by aws and kubectl, is enough for the command."""

import json

import pytest
from click.testing import CliRunner
from tenacity import retry, stop_after_delay, wait_fixed

from eks_access.cli import commands
from eks_access.sources.live_permissions import GROUP

READER, CLUSTER = "printed-reader", "eks-clu"
PRINCIPAL = ("trace", "principal")
SERVICE_ACCOUNT = ("trace", "serviceaccount")
ACCOUNT_NAME = "printed"


def printed(*command, kind):
    return CliRunner().invoke(commands, [*command, "--permissions", kind]).output


@pytest.fixture(scope="module")
def reader(live_lab):
    """The ARN of a user in the group of the printed binding."""
    arn = live_lab.aws("iam", "create-user", "--user-name", READER)["User"]["Arn"]
    apply(live_lab, *PRINCIPAL)
    entry = ("--cluster-name", CLUSTER, "--principal-arn", arn, "--kubernetes-groups", GROUP)
    live_lab.aws("eks", "create-access-entry", *entry)
    live_lab.clients.update_kubeconfig(CLUSTER, READER)
    return arn


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def apply(live_lab, *command):
    """Give the reader what a command prints, and nothing else."""
    put = ("--policy-name", "eks-access", "--policy-document", printed(*command, kind="aws"))
    live_lab.aws("iam", "put-user-policy", "--user-name", READER, *put)
    live_lab.kubectl("apply", "-f", "-", stdin=printed(*command, kind="kubernetes"))


def run(live_lab, *arguments):
    """Run a command as the reader, and return the exit code and the answer."""
    with live_lab.environment(READER):
        done = CliRunner().invoke(commands, [*arguments, "--context", CLUSTER, "--json"])
    assert done.stdout.startswith("{"), (done.output, done.exception)
    return done.exit_code, json.loads(done.stdout)


def verdicts(answer):
    return {link["name"]: link["verdict"] for link in answer["trace"]["links"]}


def test_printed_permissions_are_enough(live_lab, reader):
    """A user with the printed policy, in the group of the printed binding, reads the whole chain."""
    apply(live_lab, *PRINCIPAL)
    request = ("--verb", "get", "--resource", "pods", "-n", "default")
    code, answer = run(live_lab, *PRINCIPAL, reader, *request)
    assert code == 1, answer  # the reader may read RBAC, and no pods
    assert answer["not_read"] == []
    assert set(verdicts(answer).values()) == {"holds", "broken"}


def test_printed_permissions_are_enough_for_a_review(live_lab, reader):
    """The API server answers about a node, which only its node authorizer decides."""
    apply(live_lab, *PRINCIPAL)
    node = live_lab.aws("iam", "get-role", "--role-name", "eks-lab-node")["Role"]["Arn"]
    create = ("--cluster-name", CLUSTER, "--principal-arn", node, "--type", "EC2_LINUX")
    live_lab.clients.aws("eks", "create-access-entry", *create)  # the lab's nodes may have it already
    code, answer = run(live_lab, *PRINCIPAL, node, "--verb", "list", "--resource", "services")
    authorization = answer["trace"]["links"][-1]
    assert (code, authorization["verdict"]) == (0, "holds"), answer
    assert authorization["answer"]["operation"] == "SubjectAccessReview"


@pytest.fixture(scope="module")
def account(live_lab):
    """A service account with a healthy chain of IRSA, whose role's only policy depends on the network."""
    cluster = live_lab.aws("eks", "describe-cluster", "--name", CLUSTER)["cluster"]
    host = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    (provider,) = live_lab.aws("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]
    subject = {f"{host}:sub": f"system:serviceaccount:default:{ACCOUNT_NAME}", f"{host}:aud": "sts.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": {"Federated": provider["Arn"]}, "Condition": {"StringEquals": subject},
             "Action": "sts:AssumeRoleWithWebIdentity"}  # fmt: skip
    create = ("--role-name", ACCOUNT_NAME, "--assume-role-policy-document", document(trust))
    arn = live_lab.aws("iam", "create-role", *create)["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                 "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}  # fmt: skip
    put = (
        "--role-name",
        ACCOUNT_NAME,
        "--policy-name",
        "own",
        "--policy-document",
        document(statement),
    )
    live_lab.aws("iam", "put-role-policy", *put)
    live_lab.kubectl("-n", "default", "create", "serviceaccount", ACCOUNT_NAME)
    annotation = f"eks.amazonaws.com/role-arn={arn}"
    live_lab.kubectl("-n", "default", "annotate", "serviceaccount", ACCOUNT_NAME, annotation)
    return f"default/{ACCOUNT_NAME}"


def test_printed_permissions_are_enough_for_a_simulation(live_lab, reader, account):
    """IAM answers, and the answer depends on a value that only the pod's request has."""
    apply(live_lab, *SERVICE_ACCOUNT)
    options = ("--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/a")

    @retry(stop=stop_after_delay(20), wait=wait_fixed(0.3), reraise=True)
    def check():
        code, answer = run(live_lab, *SERVICE_ACCOUNT, account, *options)
        assert (code, answer["not_read"]) == (3, [])
        (permissions,) = [link for link in answer["trace"]["links"] if link["name"] == "permissions"]
        assert "SimulatePrincipalPolicy: implicitDeny, without values of aws:SourceVpc" in permissions["says"]

    check()


def test_printed_permissions_are_enough_for_an_exchange(live_lab, reader, account):
    """With `--exchange`, what is printed lets STS answer; without, tokens are not permitted."""
    apply(live_lab, *SERVICE_ACCOUNT)
    exchange = (*SERVICE_ACCOUNT, account, "--exchange")

    @retry(stop=stop_after_delay(20), wait=wait_fixed(0.3), reraise=True)
    def check(code, verdict):
        found, answer = run(live_lab, *exchange)
        assert (found, verdicts(answer)["token exchange"]) == (code, verdict), answer

    check(3, "not evaluated")
    apply(live_lab, *SERVICE_ACCOUNT, "--exchange")
    check(0, "holds")
