"""The library from TypeScript: the example's program through the real engine, the Node.js host and the plugin."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from component_folder import PYTHONPATH, added, copied, outside

from lab.environment import process_environment
from lab.principals import client
from lab.tools.node import node_folders

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "09-typescript"
SDK = "@pulumi/eks-identity"
PERSON, BUCKET = "typescript-person", "typescript-bucket"
AWS_AUTH = ("-n", "kube-system", "get", "configmap", "aws-auth", "-o", "yaml")
CONFIG = {
    "cluster": "eks-clu",
    "principal": f"arn:aws:iam::123456789012:user/{PERSON}",
    "bucketArn": f"arn:aws:s3:::{BUCKET}",
}


@pytest.fixture(scope="module")
def environment(running_lab, tools):
    """The lab's, with Node.js."""
    # One test checks the types; the engine would check them again in each operation.
    inherited = process_environment(running_lab, tools.bin) | PYTHONPATH | {"PULUMI_NODEJS_TRANSPILE_ONLY": "true"}
    return inherited | {"PATH": os.pathsep.join([*map(str, node_folders()), inherited["PATH"]])}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The example's program in a project that was new when the package was added to it."""
    folder = tmp_path_factory.mktemp("typescript")
    project = folder / "project"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("node_modules", "sdks", "Pulumi.*"))
    package = json.loads((project / "package.json").read_text())
    del package["dependencies"][SDK]
    (project / "package.json").write_text(json.dumps(package))
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "typescript", "runtime": "nodejs"}))
    said = added(copied(folder), project, outside(folder, *node_folders()))
    assert f'import * as eksIdentity from "{SDK}"' in said
    return project


@pytest.fixture(scope="module")
def pulumi(environment, project, running_lab, kubectl):
    """Runs the engine on it; what there was to begin with is there again in the end, and nothing else."""
    iam, s3 = client(running_lab, "iam"), client(running_lab, "s3")
    iam.create_user(UserName=PERSON)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket=BUCKET, Key="greeting", Body=b"hello")

    def run(*arguments):
        command = ["pulumi", *arguments, "--stack", "test", "--non-interactive", "--color", "never"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    try:
        assert run("stack", "init").returncode == 0
        for key, value in CONFIG.items():
            assert run("config", "set", key, value).returncode == 0
        assert run("config", "set", "aws:region", "ap-northeast-1").returncode == 0
        yield run
    finally:
        destroyed = run("destroy", "--yes", "--skip-preview")
        for key in iam.list_access_keys(UserName=PERSON)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=PERSON, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=PERSON)
        s3.delete_object(Bucket=BUCKET, Key="greeting")
        s3.delete_bucket(Bucket=BUCKET)
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert not iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert PERSON not in kubectl(*AWS_AUTH).stdout


@pytest.fixture(scope="module")
def made(pulumi):
    """What `pulumi up` printed."""
    done = pulumi("up", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def kubectl(environment, running_lab, tools, tmp_path_factory):
    """kubectl on the example's cluster, as whoever the environment says."""
    kubeconfig = str(tmp_path_factory.mktemp("kubectl") / "kubeconfig")
    command = ["aws", "eks", "update-kubeconfig", "--name", "eks-clu", "--kubeconfig", kubeconfig]
    subprocess.run(command, env=environment, capture_output=True, check=True)

    def run(*arguments, principal="lab-admin"):
        command = ["kubectl", "--kubeconfig", kubeconfig, *arguments]
        own = process_environment(running_lab, tools.bin, principal)
        return subprocess.run(command, env=own, capture_output=True, text=True, check=False)

    return run


def edited(project, *replacements):
    """Changes the program; returns what it was."""
    program = project / "index.ts"
    before = program.read_text()
    after = before
    for old, new in replacements:
        assert old in after
        after = after.replace(old, new)
    program.write_text(after)
    return before


def test_package_add_links_the_sdk(project):
    """`pulumi package add` names the folder in the project, and its SDK in package.json: as the example has them."""
    named = yaml.safe_load((project / "Pulumi.yaml").read_text())["packages"]
    assert named == {"eks-identity": "../components"}
    linked, committed = (json.loads((folder / "package.json").read_text()) for folder in (project, EXAMPLE))
    assert linked == committed
    assert linked["dependencies"][SDK] == "file:sdks/eks-identity"


def test_a_preview_types_and_makes_nothing(pulumi, environment, project, kubectl):
    """The program type checks against the generated SDK, and its preview shows the plugin's own resource."""
    command = ["npm", "exec", "--", "tsc", "--project", "."]
    checked = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    previewed = pulumi("preview")
    assert previewed.returncode == 0, previewed.stdout
    assert "eks-identity:index:AwsAuthMapping" in previewed.stdout
    assert PERSON not in kubectl(*AWS_AUTH).stdout


def test_a_second_update_finds_nothing_to_do(made, pulumi):
    """What was made is what is declared."""
    again = pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert again.returncode == 0, again.stdout + again.stderr
    refreshed = pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr


def test_the_person_may_look(made, kubectl):
    """The person comes in through aws-auth, may list nodes, and may not read secrets."""
    assert kubectl("get", "nodes", principal=PERSON).returncode == 0
    assert "Forbidden" in kubectl("get", "secrets", principal=PERSON).stderr


def test_the_pod_may_read_the_bucket(made, pulumi, kubectl, environment, tmp_path):
    """A token of the service account takes on the role, which may list the bucket and not look at users."""
    (tmp_path / "token").write_text(kubectl("create", "token", "reader", "--audience", "sts.amazonaws.com").stdout)
    role = pulumi("stack", "output", "roleArn").stdout.strip()
    pod = {name: value for name, value in environment.items() if not name.startswith("AWS_SHARED")} | {
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_ROLE_ARN": role,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_REGION": "ap-northeast-1",
    }

    def aws(*arguments):
        return subprocess.run(["aws", *arguments], env=pod, capture_output=True, text=True, check=False)

    listed = aws("s3", "ls", f"s3://{BUCKET}")
    assert "greeting" in listed.stdout, listed.stderr
    assert "AccessDenied" in aws("iam", "list-users").stderr


def test_kubeconfigs_are_secret_in_the_state(made, pulumi):
    """The mapping that the plugin made itself keeps the kubeconfig secret, as an input and as an output."""
    exported = json.loads(pulumi("stack", "export").stdout)["deployment"]["resources"]
    (mapping,) = [each for each in exported if each["type"] == "eks-identity:index:AwsAuthMapping"]
    for kind in ("inputs", "outputs"):
        assert "ciphertext" in mapping[kind]["kubeconfig"]


def test_a_change_is_made_in_place(made, pulumi, project, kubectl):
    """Another group of the person changes their mapping, and nothing else is touched."""
    before = edited(
        project, ('{ arn: config.require("principal") }', '{ arn: config.require("principal"), groups: ["more"] }')
    )
    changed = pulumi("up", "--yes", "--skip-preview")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    updated = re.findall(r"^ ~ +(\S+) \S+ updated", changed.stdout, re.MULTILINE)
    assert sorted(updated) == ["eks-identity:index:AwsAuthMapping", "eks-identity:index:LockoutGuard"], changed.stdout
    assert "2 updated" in changed.stdout
    assert "- more" in kubectl(*AWS_AUTH).stdout
    (project / "index.ts").write_text(before)
    assert pulumi("up", "--yes", "--skip-preview").returncode == 0
    assert "- more" not in kubectl(*AWS_AUTH).stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('mode: "irsa"', 'mode: "irsaa"', ["mode: 'irsaa'", "fix:"]),
        (
            "oidcProviderArn: provider.arn",
            "oidcProviderArn: pulumi.interpolate`${provider.arn}x`",
            ["oidcProviderArn: 'arn:"],
        ),
    ],
)
def test_refusals_speak_the_programs_language(made, pulumi, project, old, new, words):
    """A refusal, at once or once a value is known, is its message alone, naming the input as the program does."""
    before = edited(project, (old, new))
    refused = pulumi("preview")
    (project / "index.ts").write_text(before)
    assert refused.returncode != 0
    said = refused.stdout + refused.stderr
    assert 'has a problem: WorkloadIdentity "reader": 1 problem' in said
    assert all(word in said for word in words), said
    assert "Traceback" not in said


def test_own_resources_can_be_declared(made, pulumi, project, kubectl):
    """A resource that the library serves itself is declared like a component, checked like one, and deleted again."""
    mapping = """
new AwsAuthMapping("viewer", {
    kubeconfig: cluster.kubeconfig, arn: "arn:aws:iam::123456789012:role/team/viewer", groups: ["viewers"],
});
"""
    imported = ("import { Cluster,", "import { AwsAuthMapping, Cluster,")
    before = edited(project, imported, ("export const", f"{mapping}export const"))
    added = pulumi("up", "--yes", "--skip-preview")
    assert added.returncode == 0, added.stdout + added.stderr
    assert "arn:aws:iam::123456789012:role/viewer" in kubectl(*AWS_AUTH).stdout
    twice = mapping.replace('"viewer"', '"another"', 1)
    (project / "index.ts").write_text(
        before.replace(*imported).replace("export const", f"{mapping}{twice}export const")
    )
    refused = pulumi("preview")
    assert refused.returncode != 0
    assert 'take it out of AwsAuthMapping "' in refused.stdout + refused.stderr
    (project / "index.ts").write_text(before)
    assert pulumi("up", "--yes", "--skip-preview").returncode == 0
    assert "role/viewer" not in kubectl(*AWS_AUTH).stdout
