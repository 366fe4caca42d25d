"""The tables of the live source: each has what aws and kubectl show, read alone or with all others."""

import pytest

from eks_access.graph.kubernetes_objects import BindingSubject
from eks_access.graph.tables import NotReadError
from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.questions.picture.model import NodeKind, chain_of
from eks_access.render.picture.html import picture_html
from eks_access.sources.live import open_live
from eks_access.sources.snapshot import open_snapshot, save_snapshot, take_snapshot

ACCOUNT = "123456789012"
APP = f"arn:aws:iam::{ACCOUNT}:role/apps/app"
ANN = f"arn:aws:iam::{ACCOUNT}:user/team/ann"
LOCAL = f"arn:aws:iam::{ACCOUNT}:policy/buckets"
TABLES = {
    "principals": (ANN, f"arn:aws:iam::{ACCOUNT}:role/none"),
    "groups": ("developers", "none"),
    "policies": (LOCAL, f"arn:aws:iam::{ACCOUNT}:policy/none"),
    "oidc_providers": (None, f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com"),
    "entries": (f"arn:aws:iam::{ACCOUNT}:role/operators", APP),
    "associations": (("default", "app"), ("default", "none")),
    "rbac_roles": (("default", "one"), ("default", "none")),
    "rbac_bindings": (("default", "one"), (None, "none")),
    "service_accounts": (("default", "app"), ("default", "none")),
    "pods": (("default", "app"), ("default", "none")),
    "nodes": ("by-hand", "none"),
}
"""Each table with the key of an existing object, and that of a missing one."""

pytestmark = pytest.mark.usefixtures("as_administrator")


@pytest.fixture(scope="module")
def graph(live_lab):
    """A graph of which everything has been read."""
    with live_lab.environment():
        graph = open_live()
        graph.read_everything()
    return graph


def test_live_graph_names_the_cluster_of_the_current_context(graph, live_lab):
    """Without arguments, the graph is of the current context's cluster, and all of it can be read."""
    described = live_lab.aws("eks", "describe-cluster", "--name", "eks-clu")["cluster"]
    cluster = graph.cluster.get()
    assert graph.source == f"cluster eks-clu in ap-northeast-1 of account {ACCOUNT}"
    assert (cluster.arn, cluster.endpoint) == (described["arn"], described["endpoint"])
    assert cluster.has_public_endpoint is described["resourcesVpcConfig"]["endpointPublicAccess"]
    assert cluster.public_access_cidrs == tuple(described["resourcesVpcConfig"]["publicAccessCidrs"])
    assert cluster.encrypts_secrets is False
    assert cluster.issuer == described["identity"]["oidc"]["issuer"]
    assert (cluster.region, cluster.account) == ("ap-northeast-1", ACCOUNT)
    assert graph.authentication_mode() == "API_AND_CONFIG_MAP"
    assert graph.not_read() == []


@pytest.mark.parametrize("table", TABLES)
def test_object_read_alone_equals_the_listed_one(graph, table):
    """Each object of a listing equals what its own requests return, in a new graph."""
    listed = getattr(graph, table).all()
    assert TABLES[table][0] is None or TABLES[table][0] in listed
    alone = getattr(open_live(), table)
    sample = list(listed)[:20] + [key for key in [TABLES[table][0]] if key]
    assert {key: alone.get(key) for key in sample} == {key: listed[key] for key in sample}


@pytest.mark.parametrize("table", TABLES)
def test_missing_object_does_not_exist(graph, table):
    """An object that does not exist is None, before and after the listing, and not a failure."""
    alone = open_live()
    assert getattr(alone, table).get(TABLES[table][1]) is None
    assert getattr(graph, table).get(TABLES[table][1]) is None
    assert [*alone.not_read(), *graph.not_read()] == []


def test_live_role_has_trust_policies_boundary_tags_and_last_use(graph, live_lab):
    """A role in the graph is the role that `aws iam get-role` shows, with its policies."""
    role = live_lab.aws("iam", "get-role", "--role-name", "app")["Role"]
    found = graph.principals.all()[APP]
    assert (found.unique_id, found.created_at.isoformat()) == (role["RoleId"], found.created_at.isoformat())
    assert found.trust_policy == role["AssumeRolePolicyDocument"]
    assert found.inline_policies["own"]["Statement"][0]["Action"] == ["s3:GetObject"]
    assert set(found.attached_policies) == {LOCAL, "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}
    assert found.boundary == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert (found.tags, found.last_used_at) == ({"team": "a"}, None)


def test_live_role_has_its_last_use_after_a_session(live_lab):
    """The last use of a role is that of its last session, in the listing and alone."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/operators"
    live_lab.aws("sts", "assume-role", "--role-arn", arn, "--role-session-name", "test")
    graph = open_live()
    alone = graph.principals.get(arn).last_used_at
    assert alone is not None
    assert graph.principals.all()[arn].last_used_at == alone


def test_live_user_and_group_have_their_policies(graph):
    """A user has its groups and its own policies, a group has its policies."""
    user, group = graph.principals.all()[ANN], graph.groups.all()["developers"]
    assert (user.groups, user.trust_policy, user.tags) == (("developers",), None, {"team": "a"})
    assert (list(user.inline_policies), user.attached_policies) == (["own"], (LOCAL,))
    assert (list(group.inline_policies), group.attached_policies) == (["own"], (LOCAL,))


def test_live_policies_are_the_default_versions_of_attached_ones_and_of_boundaries(graph):
    """The listing has the default version of local policies, and AWS's policies that are used, also as boundaries."""
    policies = graph.policies.all()
    assert policies[LOCAL]["Statement"][0]["Action"] == ["s3:Get*"]
    of_aws = {arn.rpartition("/")[2] for arn in policies if "::aws:" in arn}
    assert {"AdministratorAccess", "IAMReadOnlyAccess", "ReadOnlyAccess"} <= of_aws
    assert "SecurityAudit" not in of_aws
    assert graph.policies.get("arn:aws:iam::aws:policy/SecurityAudit")["Version"] == "2012-10-17"


def test_snapshot_of_a_live_graph_has_the_same_objects(graph, tmp_path):
    """A snapshot has all tables. Of other accounts' roles it says that they are not read, of its own that they are."""
    save_snapshot(take_snapshot(graph), tmp_path / "snapshot")
    copy = open_snapshot(tmp_path / "snapshot")
    for table in TABLES:
        assert getattr(copy, table).all() == getattr(graph, table).all()
    for part in ("cluster", "aws_auth", "has_pod_identity_agent"):
        assert getattr(copy, part).get() == getattr(graph, part).get()
    assert copy.principals.get(TABLES["principals"][1]) is None
    with pytest.raises(NotReadError, match=f"only account {ACCOUNT} is listed"):
        copy.principals.get("arn:aws:iam::210987654321:role/none")


def test_live_oidc_provider_has_url_and_audiences(graph):
    """The OIDC provider of the cluster has the issuer without its scheme, and the audiences."""
    (provider,) = graph.oidc_providers.all().values()
    assert provider.url == graph.cluster.get().issuer.removeprefix("https://")
    assert provider.audiences == ("sts.amazonaws.com",)


def test_live_access_entry_has_groups_and_policies_with_scope(graph, live_lab):
    """An access entry has its groups, its access policies with namespaces, and the time of its creation."""
    arns = live_lab.aws("eks", "list-access-entries", "--cluster-name", "eks-clu")["accessEntries"]
    assert sorted(graph.entries.all()) == sorted(arns)
    entry = graph.entries.all()[f"arn:aws:iam::{ACCOUNT}:role/operators"]
    assert entry.groups == ("operators", "viewers")
    assert [str(policy) for policy in entry.policies] == ["AmazonEKSViewPolicy (namespaces default, team-*)"]
    assert entry.created_at is not None
    assert graph.principals.get(entry.principal_arn).created_at < entry.created_at


def test_live_association_has_target_role_external_id_and_session_policy(graph):
    """A Pod Identity association has both roles, the external id that EKS sends, and its session policy."""
    association = graph.associations.all()["default", "app"]
    assert association.role_arn == APP
    assert association.target_role_arn == "arn:aws:iam::210987654321:role/target"
    assert association.external_id == f"ap-northeast-1/{ACCOUNT}/eks-clu/default/app"
    assert association.disable_session_tags
    assert association.session_policy["Statement"][0]["Action"] == ["s3:GetObject"]


def test_live_rbac_has_rules_labels_and_subjects(graph):
    """Roles have all kinds of rules, aggregated ones those of their controller; bindings have subjects as written."""
    roles = graph.rbac_roles.all()
    log, path = roles[None, "part"].rules
    assert (log.resources, log.api_groups, path.non_resource_urls) == (("pods/log",), ("",), ("/healthz/*",))
    assert roles[None, "whole"].rules == roles[None, "part"].rules
    assert (roles[None, "whole"].aggregates, roles[None, "part"].labels) == (({"in": "whole"},), {"in": "whole"})
    assert roles["default", "one"].rules[0].resource_names == ("app",)
    binding = graph.rbac_bindings.all()["default", "one"]
    assert binding.subjects == (
        BindingSubject("Group", "operators"),
        BindingSubject("ServiceAccount", "app", "default"),
    )
    assert binding.role == ("default", "one")


def test_live_pod_has_what_decides_its_aws_identity(graph, live_lab):
    """A pod has service account, node, token audiences and the variables of its containers."""
    pod = graph.pods.all()["default", "app"]
    assert (pod.service_account, pod.node, pod.host_network) == ("app", "by-hand", True)
    assert "example.com" in pod.token_audiences
    first, main = pod.containers
    assert (first.name, main.image) == ("first", "busybox")
    assert main.environment["AWS_ROLE_ARN"] == APP
    assert main.environment["AWS_ACCESS_KEY_ID"] == "set"
    created = live_lab.get("pod", "app")["metadata"]["creationTimestamp"]
    assert pod.created_at.isoformat() == created.replace("Z", "+00:00")


def test_live_nodes_have_role_and_hop_limit_of_their_instance(graph):
    """A node has role and hop limit of its EC2 instance. A Fargate node has no instance, and one may be gone."""
    nodes, role = dict(graph.nodes.all()), f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"
    by_hand, fargate, gone = (nodes.pop(name) for name in ("by-hand", "fargate-1", "gone"))
    assert (by_hand.role_arn, by_hand.metadata_hop_limit, by_hand.instance_not_read) == (role, 1, "")
    assert (fargate.is_fargate, fargate.instance_id, fargate.role_arn) == (True, "", None)
    assert (gone.role_arn, gone.metadata_hop_limit, gone.instance_not_read) == (None, None, "EC2 has no such instance")
    (of_group,) = nodes.values()
    assert (of_group.role_arn, of_group.metadata_hop_limit, of_group.is_fargate) == (role, 2, False)


def test_live_aws_auth_has_data_and_version(graph, live_lab):
    """The ConfigMap has its entries, and the version that a command must name to change it."""
    shown = live_lab.get("configmap", "aws-auth", "-n", "kube-system")
    aws_auth = graph.aws_auth.get()
    assert (aws_auth.data, aws_auth.resource_version) == (shown["data"], shown["metadata"]["resourceVersion"])
    assert [entry.arn for entry in aws_auth.document.entries] == [f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"]


def test_picture_of_a_living_cluster_has_its_chains_and_no_secret(graph):
    """A picture has the chain of a workload to its policies, and no binding that Kubernetes creates itself."""
    picture = draw_picture(graph)
    (account,) = [node.id for node in picture.nodes if node.id.endswith(" default/app") and "account" in node.kind]
    chain = chain_of(picture.edges, [account])
    kinds = {node.kind for node in picture.nodes if node.id in chain}
    assert {NodeKind.POD, NodeKind.ASSOCIATION, NodeKind.IAM_ROLE, NodeKind.IAM_POLICY, NodeKind.BINDING} <= kinds
    assert not any(node.label.startswith("system:kube-") for node in picture.nodes)
    assert "c2VjcmV0" not in picture_html(picture, graph.source, graph.not_read())
