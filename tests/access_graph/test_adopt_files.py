"""The files of `adopt` have every text of the cluster as a literal, and the import file has the components' names."""

import ast
import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eks_access.errors import SourceError
from eks_access.graph.tables import Part
from eks_access.questions.adoption.adopt import adopt
from eks_access.questions.adoption.declarations import Form
from eks_access.questions.adoption.imports import import_file
from eks_access.render.adoption.program import literal, program
from eks_access.render.adoption.settings import settings_file
from eks_access.sources.pulumi.registrations import RejectedError, register_program
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from eks_identity.model.existing_entries import ExistingEntry
from stacks.settings import EnvironmentProfile, Settings
from support import eks_access_command
from support.access_graphs import ACCOUNT, REGION, arn
from support.adoption_graphs import ENTRY, GROUP, HOSTILE, IRSA_ROLE, PODS_ROLE, adoptable
from support.workload_chains import provider_arn

VALUES = st.recursive(
    st.text() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_literal_is_the_value_to_python(value):
    assert ast.literal_eval(literal(value)) == value


def test_literal_fits_the_line():
    value = {"principals": [{"arn": "a" * 50, "groups": ["b" * 30, "c" * 30]}] * 2, "x": "y"}
    assert max(map(len, literal(value, 4).splitlines())) <= 120


def registered(graph, tmp_path, adoption=None):
    file = tmp_path / "__main__.py"
    file.write_text(program(adoption or adopt(graph)))
    return register_program(file, graph, project="adopted", stack="dev")


@pytest.fixture(scope="module")
def imports(tmp_path_factory):
    graph = adoptable()
    return import_file(registered(graph, tmp_path_factory.mktemp("program")), graph)


def test_program_declares_hostile_texts_as_they_are(tmp_path):
    entries = [each for each in registered(adoptable(), tmp_path) if each.type == "aws:eks/accessEntry:AccessEntry"]
    assert [(each.inputs["userName"], each.inputs["kubernetesGroups"]) for each in entries] == [(HOSTILE, [GROUP, "b"])]


def test_import_file_has_the_ids_of_existing_objects(imports):
    name = "eks-clu"
    assert {(each["type"].rpartition(":")[2], each["id"]) for each in imports.resources if "id" in each} == {
        ("AccessEntry", f"{name}:{ENTRY}"),
        (
            "AccessPolicyAssociation",
            f"{name}#{ENTRY}#arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        ),
        ("ClusterRole", "pod-reader"),
        ("ClusterRoleBinding", "read-pods"),
        ("OpenIdConnectProvider", provider_arn()),
        ("PodIdentityAssociation", f"{name},a-1"),
        ("PodIdentityAssociation", f"{name},a-2"),
        ("Role", "pods"),
        ("Role", "reader"),
        ("RoleBinding", "a/in-a"),
        ("RolePolicy", "reader:own"),
        ("RolePolicyAttachment", "reader/arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"),
        ("ServiceAccount", "default/test-sa"),
    }


def test_import_file_names_parents_and_providers_of_its_own(imports):
    names = [each["name"] for each in imports.resources]
    assert len(set(names)) == len(names)
    for each in imports.resources:
        assert {each[key] for key in ("parent", "provider") if key in each} <= set(names)
        assert bool(each.get("component")) == each["type"].startswith("eks-identity:")
    (provider,) = [each for each in imports.resources if each["type"] == "pulumi:providers:kubernetes"]
    of_kubernetes = [each for each in imports.resources if each["type"].startswith("kubernetes:")]
    assert {each["provider"] for each in of_kubernetes} == {provider["name"]}
    assert "parent" not in provider
    assert provider["logicalName"] == "imported-eks-clu"


def test_import_file_lists_what_the_first_update_creates_in_the_state(imports):
    kinds = {each.split()[0].rpartition(":")[2] for each in imports.created}
    assert kinds == {"LockoutGuard", "AwsAuthMapping"}


def test_program_without_a_living_cluster_is_not_registered(tmp_path):
    graph = adoptable()
    graph = replace(graph, cluster=Part.of(replace(graph.cluster.get(), certificate_authority="")))
    with pytest.raises(SourceError, match="must have the certificate authority of cluster eks-clu"):
        registered(graph, tmp_path)


def test_registration_names_the_component_that_rejects_its_inputs(tmp_path):
    graph = adoptable()
    adoption = adopt(graph)
    broken = replace(adoption.declarations[-1], args={**adoption.declarations[-1].args, "namespace": "UPPER"})
    adoption = replace(adoption, declarations=(*adoption.declarations[:-1], broken))
    with pytest.raises(RejectedError) as error:
        registered(graph, tmp_path, adoption)
    assert error.value.subject == broken.subject
    assert "namespace must" in error.value.reason


def test_rejected_provider_takes_its_workloads_with_it():
    adoption = adopt(adoptable())
    left = adoption.without('OidcProvider "eks-clu"', "no")
    assert not {"OidcProvider", "test-sa"} & {
        text for each in left.declarations for text in (each.component, each.name)
    }
    lost = {each.object for each in left.not_adopted if each.reason == "no"}
    assert lost == {f"IAM OIDC provider {provider_arn()}", "service account default/test-sa", f"IAM role {IRSA_ROLE}"}


def test_settings_are_valid_settings_of_an_environment():
    text = settings_file(adopt(adoptable(), Form.SETTINGS), ACCOUNT, REGION)
    config = yaml.safe_load(text)["config"]
    raw = {key.removeprefix("eks-identity:"): value for key, value in config.items() if key.startswith("eks-identity:")}
    found = Settings.model_validate(EnvironmentProfile().apply_defaults(raw))
    assert found.account == ACCOUNT
    assert found.access["view"].principals[0].username == HOSTILE
    assert found.workloads["test-sa"].description == f'It\'s "{HOSTILE}"'
    assert found.clusters["eks-clu"].oidc_provider == "adopt"


@pytest.fixture
def snapshot(tmp_path):
    file = tmp_path / "snapshot.json"
    save_snapshot(take_snapshot(adoptable()), file)
    return file


@pytest.fixture
def changed(tmp_path):
    """A snapshot in which another user has the entry, and the association was created again."""
    other = arn("user/bob")
    graph = adoptable()
    associations = {key: replace(each, id=f"{each.id}-new") for key, each in graph.associations.all().items()}
    file = tmp_path / "changed.json"
    entries = {other: ExistingEntry(other, "bob", ("b",))}
    save_snapshot(take_snapshot(adoptable(entries=entries, associations=associations)), file)
    return file


@pytest.mark.parametrize("form", Form)
def test_adopt_writes_files_that_a_check_finds_equal_until_the_cluster_changes(form, snapshot, changed, tmp_path):
    folder = tmp_path / "new" / "adopted"
    options = ("--as", form, "--stack", "dev")
    done = eks_access_command.run("adopt", folder, *options, "--source", snapshot)
    assert done.returncode == 0, done.stderr
    main = {"stacks"} if form is Form.SETTINGS else {"Pulumi.yaml", "__main__.py"}
    assert {file.name for file in folder.iterdir()} == {"NOT_ADOPTED.md", "Pulumi.dev.yaml", "import.json", *main}
    assert "pulumi" in done.stdout
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    assert eks_access_command.run("adopt", folder, *options, "--source", snapshot, "--check").returncode == 0
    found = eks_access_command.run("adopt", folder, *options, "--source", changed, "--check", "--json")
    assert found.returncode == 1
    changes = {(each["object"], each["what"]) for each in json.loads(found.stdout)["adoption_check"]["changes"]}
    if form is Form.PROGRAM:
        assert ("AccessEntry access-entry-123456789012-user-bob", "the program does not declare it") in changes
    else:
        assert ("access.access-entry", "the settings do not have it") in changes
    assert any("a-1-new" in what for _, what in changes)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_check_reports_a_changed_program(snapshot, tmp_path):
    folder = tmp_path / "adopted"
    eks_access_command.run("adopt", folder, "--source", snapshot)
    file = folder / "__main__.py"
    file.write_text(file.read_text().replace('"max_session_duration": 7200', '"max_session_duration": 3600'))
    done = eks_access_command.run("adopt", folder, "--check", "--source", snapshot, "--json")
    changes = json.loads(done.stdout)["adoption_check"]["changes"]
    assert changes == [{"object": "Role test-sa", "what": "the cluster differs in maxSessionDuration"}]


def test_adopt_uses_a_role_that_its_component_rejects_by_its_arn(tmp_path):
    graph = adoptable()
    reader = graph.principals.get(IRSA_ROLE)
    tagged = {"own": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "a"}}},
    ]}}  # fmt: skip
    principals = {IRSA_ROLE: replace(reader, inline_policies=tagged), PODS_ROLE: graph.principals.get(PODS_ROLE)}
    file = tmp_path / "snapshot.json"
    save_snapshot(take_snapshot(adoptable(principals=principals)), file)
    done = eks_access_command.run("adopt", tmp_path / "adopted", "--source", file, "--json")
    assert done.returncode == 0, done.stderr
    adoption = json.loads(done.stdout)["adoption"]
    left_out = {each["object"]: each["reason"] for each in adoption["not_adopted"]}
    assert "inline_policies.own" in left_out[f"IAM role {IRSA_ROLE}"]
    (workload,) = [each for each in adoption["declarations"] if each["name"] == "test-sa"]
    assert workload["args"]["role_arn"] == IRSA_ROLE


def test_adopt_overwrites_no_file(snapshot, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes").write_text("x")
    done = eks_access_command.run("adopt", folder, "--source", snapshot)
    assert done.returncode == 2
    assert "must be new or empty" in done.stderr
    assert "--check" in done.stderr
    assert [file.name for file in folder.iterdir()] == ["notes"]


def test_check_of_another_folder_names_the_missing_file(snapshot, tmp_path):
    done = eks_access_command.run("adopt", tmp_path, "--check", "--source", snapshot)
    assert done.returncode == 2
    assert "import.json must be the import file of an adoption" in done.stderr
