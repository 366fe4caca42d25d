"""The library in TypeScript: the example's program with the real engine, the Node.js host and the plugin."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from lab.environment import process_environment
from lab.principals import ADMINISTRATOR, client, folder_of
from lab.tools.languages import language_folders
from support.component_folder import PYTHONPATH, added, copied, outside
from support.hostile_checks import check_text
from support.workload_program import ACCOUNT, OTHER_ACCOUNT, other_account

TIMEOUT = 600
"""Seconds after which a run of the engine hangs."""

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "09-typescript"
HOSTILE_PROGRAM = Path(__file__).with_name("hostile_components.ts")
SDK = "@pulumi/eks-identity"
USER, BUCKET = "typescript-user", "typescript-bucket"
AWS_AUTH = ("-n", "kube-system", "get", "configmap", "aws-auth", "-o", "yaml")
CONFIG = {
    "cluster": "eks-clu",
    "principal": f"arn:aws:iam::{ACCOUNT}:user/{USER}",
    "bucketArn": f"arn:aws:s3:::{BUCKET}",
}
ACCESS = """
new ClusterAccess("viewers", {
    cluster: new Cluster("irsa", { name: "irsa" }).connection,
    accessPolicies: [{ policy: "AmazonEKSViewPolicy" }],
    principals: [{ arn: config.require("principal") }],
}, { providers: [aws] });
"""
WORKLOAD = """
new WorkloadIdentity("writer", {
    cluster: cluster.connection, namespace: "default", serviceAccount: "writer", mode: "irsa",
    oidcProviderArn: provider.arn,
}, { providers: [...onCluster.providers, aws] });
"""


@pytest.fixture(scope="module")
def environment(running_lab, tools):
    """The lab's environment with Node.js."""
    # One test checks the types. The engine would check them again in each operation.
    inherited = process_environment(running_lab, tools.bin) | PYTHONPATH | {"PULUMI_NODEJS_TRANSPILE_ONLY": "true"}
    return inherited | {"PATH": os.pathsep.join([*map(str, language_folders("nodejs")), inherited["PATH"]])}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The example's program in a new project with the added package."""
    folder = tmp_path_factory.mktemp("typescript")
    project = folder / "project"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("node_modules", "sdks", "Pulumi.*"))
    package = json.loads((project / "package.json").read_text())
    del package["dependencies"][SDK]
    (project / "package.json").write_text(json.dumps(package))
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "typescript", "runtime": "nodejs"}))
    output = added(copied(folder), project, outside(folder, *language_folders("nodejs")))
    assert f'import * as eksIdentity from "{SDK}"' in output
    return project


@pytest.fixture(scope="module")
def pulumi(environment, project, running_lab, kubectl):
    """The engine's command in the project. At the end every resource of the tests is removed."""
    iam, s3 = client(running_lab, "iam"), client(running_lab, "s3")
    iam.create_user(UserName=USER)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket=BUCKET, Key="greeting", Body=b"hello")

    def run(*arguments):
        command = ["pulumi", *arguments, "--stack", "test", "--non-interactive", "--color", "never"]
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )

    try:
        assert run("stack", "init").returncode == 0
        for key, value in CONFIG.items():
            assert run("config", "set", key, value).returncode == 0
        assert run("config", "set", "aws:region", "ap-northeast-1").returncode == 0
        yield run
    finally:
        destroyed = run("destroy", "--yes", "--skip-preview")
        for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=USER)
        s3.delete_object(Bucket=BUCKET, Key="greeting")
        s3.delete_bucket(Bucket=BUCKET)
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert not iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert USER not in kubectl(*AWS_AUTH).stdout


@pytest.fixture(scope="module")
def deployed(pulumi):
    """The output of `pulumi up`."""
    completed = pulumi("up", "--yes")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="module")
def kubectl(environment, running_lab, tools, tmp_path_factory):
    """The kubectl command for the example's cluster, with the principal of the environment."""
    kubeconfig = str(tmp_path_factory.mktemp("kubectl") / "kubeconfig")
    command = ["aws", "eks", "update-kubeconfig", "--name", "eks-clu", "--kubeconfig", kubeconfig]
    subprocess.run(command, env=environment, capture_output=True, check=True)

    def run(*arguments, principal="lab-admin"):
        command = ["kubectl", "--kubeconfig", kubeconfig, *arguments]
        own = process_environment(running_lab, tools.bin, principal)
        return subprocess.run(command, env=own, capture_output=True, text=True, check=False)

    return run


def edited(project, *replacements):
    """Edit the program. Return its previous text."""
    program = project / "index.ts"
    before = program.read_text()
    after = before
    for old, new in replacements:
        assert old in after
        after = after.replace(old, new)
    program.write_text(after)
    return before


def test_package_add_links_the_sdk(project):
    """`pulumi package add` adds the folder to the project and its SDK to package.json, as in the example."""
    packages = yaml.safe_load((project / "Pulumi.yaml").read_text())["packages"]
    assert packages == {"eks-identity": "../components"}
    linked, committed = (json.loads((folder / "package.json").read_text()) for folder in (project, EXAMPLE))
    assert linked == committed
    assert linked["dependencies"][SDK] == "file:sdks/eks-identity"


def test_typescript_preview_creates_nothing(pulumi, environment, project, kubectl):
    """The program passes the type check against the generated SDK, and its preview shows the plugin's own resource."""
    command = ["npm", "exec", "--", "tsc", "--project", "."]
    checked = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    preview = pulumi("preview")
    assert preview.returncode == 0, preview.stdout
    assert "eks-identity:index:AwsAuthMapping" in preview.stdout
    assert USER not in kubectl(*AWS_AUTH).stdout


def test_typescript_second_update_has_no_changes(deployed, pulumi):
    """A second update and a refresh have no changes."""
    again = pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert again.returncode == 0, again.stdout + again.stderr
    refreshed = pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr


def test_typescript_user_has_read_access(deployed, kubectl):
    """The user has access by aws-auth, may list nodes, and may not read secrets."""
    assert kubectl("get", "nodes", principal=USER).returncode == 0
    assert "Forbidden" in kubectl("get", "secrets", principal=USER).stderr


def test_typescript_pod_reads_the_bucket(deployed, pulumi, kubectl, environment, tmp_path):
    """A token of the service account assumes the role, which may list the bucket but not IAM users."""
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


def test_kubeconfigs_are_secret_in_the_state(deployed, pulumi):
    """The plugin's own mapping has a secret kubeconfig in its inputs and its outputs."""
    exported = json.loads(pulumi("stack", "export").stdout)["deployment"]["resources"]
    (mapping,) = [resource for resource in exported if resource["type"] == "eks-identity:index:AwsAuthMapping"]
    for kind in ("inputs", "outputs"):
        assert "ciphertext" in mapping[kind]["kubeconfig"]


def test_typescript_mapping_is_updated_in_place(deployed, pulumi, project, kubectl):
    """Another group of the user updates the mapping and its lockout guard, and no other resource."""
    before = edited(
        project, ('{ arn: config.require("principal") }', '{ arn: config.require("principal"), groups: ["more"] }')
    )
    changed = pulumi("up", "--yes", "--skip-preview")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    updated = re.findall(r"~ +(\S+) \S+ updated", changed.stdout)
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
def test_typescript_validation_errors_name_the_input(deployed, pulumi, project, old, new, words):
    """A validation error, of a plain value or of an Output, is one message with the program's name of the input."""
    before = edited(project, (old, new))
    failed = pulumi("preview")
    (project / "index.ts").write_text(before)
    assert failed.returncode != 0
    output = failed.stdout + failed.stderr
    assert 'has a problem: WorkloadIdentity "reader": 1 problem' in output
    assert all(word in output for word in words), output
    assert "Traceback" not in output


HOSTILE = {
    "Addon": (
        "cluster.authenticationMode: None",
        "cluster.kubeconfig: a dict",
        "addonName: {}",
        "preserve: 'true'",
        "statements[0].actions[1]: None",
        "statements[0].conditions[0].test: {'0': 97.0}",
    ),
    "Cluster": (
        "create.serviceRole: 7.0",
        "create.vpcCniOptions.enableNetworkPolicy: 'yes'",
        "nodeGroups.role_name.scalingConfig.minSize: [nan]",
    ),
    "ClusterAccess": (
        "cluster: None",
        "group: nan",
        "rbacRoles[0].bindingName: {}",
        f"rbacRoles[1].rules[0].apiGroups[0]: {'[' * 19}'x'",
        "principals[0].accountId: -inf",
        "principals[1].permissionSet: {'roleName': 'role_name'}",
        "tags.role_name: inf",
        "tags.\\x1b[31m: {}",
        "expires: 'an Output'",
    ),
    "IrsaRole": (
        "subjects[0].namespace: 'service_account'",
        "subjects[0].name: 'cart\\x1b[31m\\u202e'",
        f"roleName: '{'role_name/' * 2000}'",
        "permissionsBoundary: 'binding_name'",
        f"inlinePolicies.role_name: '{'{' * 50}'",
    ),
    "NodeIsolation": ("tags: 'more levels'",),
    "ServiceAccount": (
        "namespace: a StringAsset",
        "name: {'roleName': 1.0, 'constructor': 'x'}",
        "roleArn: {'roleArn': an Output}",
    ),
}
"""Components of `hostile_components.ts`, and inputs with their values as the messages show them."""


def test_typescript_reports_hostile_values(pulumi, project, is_soak):
    """Values that no type of the SDK allows are rejected with the program's names; a soak previews each component.

    The engine ends at the first error, and shows those that it has.
    """
    program = project / "index.ts"
    before, hostile = program.read_text(), HOSTILE_PROGRAM.read_text()
    for only in HOSTILE if is_soak else [""]:
        program.write_text(hostile.replace('only = ""', f'only = "{only}"'))
        failed = pulumi("preview")
        output = failed.stdout + failed.stderr
        program.write_text(before)
        assert failed.returncode != 0
        check_text(output)
        shown = [component for component in HOSTILE if f'has a problem: {component} "hostile": ' in output]
        assert shown == [only] if only else shown, output
        assert [line for name in shown for line in HOSTILE[name] if f"  {line}" not in output] == [], output
        assert output.count("rule: must") == output.count("fix:  ")


def with_provider(project, credentials, *components):
    """Add an aws provider with this credentials file, and components that have it. Return the program without them."""
    provider = f"""
const aws = new pulumi.ProviderResource("aws", "explicit", {{
    region: "ap-northeast-1", profile: "default", sharedCredentialsFiles: '["{credentials}"]',
}});
"""
    return edited(project, ("export const", "\n".join([provider, *components, "export const"])))


@pytest.mark.parametrize(
    ("component", "name", "rule"),
    [
        (ACCESS, 'ClusterAccess "viewers"', f"must have an aws provider of the cluster's account {ACCOUNT}"),
        (
            WORKLOAD,
            'WorkloadIdentity "writer"',
            f"must be of account {OTHER_ACCOUNT}, in which the aws provider creates the role",
        ),
    ],
    ids=["ClusterAccess", "WorkloadIdentity"],
)
def test_typescript_provider_of_another_account_is_rejected(
    deployed, pulumi, project, running_lab, component, name, rule
):
    """The preview fails with the component, both accounts and the fix."""
    before = with_provider(project, other_account(running_lab), component)
    failed = pulumi("preview")
    (project / "index.ts").write_text(before)
    assert failed.returncode != 0
    output = failed.stdout + failed.stderr
    assert f"{name}: 1 problem" in output
    assert rule in output
    assert f"fix:  pass an aws provider of account {ACCOUNT} in opts.providers" in output
    assert "Traceback" not in output


def test_typescript_provider_of_the_clusters_account_is_accepted(deployed, pulumi, project, running_lab):
    """The same components preview with a provider of the cluster's account."""
    before = with_provider(project, folder_of(running_lab, ADMINISTRATOR) / "credentials", ACCESS, WORKLOAD)
    preview = pulumi("preview")
    (project / "index.ts").write_text(before)
    assert preview.returncode == 0, preview.stdout + preview.stderr
    for created in ("aws:eks:AccessEntry", "eks-identity:index:WorkloadIdentity writer"):
        assert created in preview.stdout


def test_typescript_declares_the_plugin_s_own_resources(deployed, pulumi, project, kubectl):
    """A resource of the plugin itself is declared and validated like a component, and deleted again."""
    mapping = """
new AwsAuthMapping("viewer", {
    kubeconfig: cluster.kubeconfig, arn: "arn:aws:iam::123456789012:role/team/viewer", groups: ["viewers"],
});
"""
    imported = ("import { Cluster,", "import { AwsAuthMapping, Cluster,")
    before = edited(project, imported, ("export const", f"{mapping}export const"))
    result = pulumi("up", "--yes", "--skip-preview")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "arn:aws:iam::123456789012:role/viewer" in kubectl(*AWS_AUTH).stdout
    twice = mapping.replace('"viewer"', '"another"', 1)
    (project / "index.ts").write_text(
        before.replace(*imported).replace("export const", f"{mapping}{twice}export const")
    )
    failed = pulumi("preview")
    assert failed.returncode != 0
    assert 'remove it from AwsAuthMapping "' in failed.stdout + failed.stderr
    (project / "index.ts").write_text(before)
    assert pulumi("up", "--yes", "--skip-preview").returncode == 0
    assert "role/viewer" not in kubectl(*AWS_AUTH).stdout
