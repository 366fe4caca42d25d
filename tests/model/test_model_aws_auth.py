import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eks_identity.errors import InvalidInput, MalformedDocumentError
from eks_identity.model.access_entries import EntrySpec
from eks_identity.model.aws_auth import AwsAuth, UserMapping

ACCOUNT = "111122223333"
NODES = f"""\
# EKS wrote this
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: arn:aws:iam::{ACCOUNT}:role/node
  username: system:node:{{{{EC2PrivateDNSName}}}}
"""

words = st.text(string.ascii_lowercase, min_size=1, max_size=8)
comments = st.lists(words.map(lambda word: f"# {word}\n"), max_size=2).map("".join)


@st.composite
def items(draw):
    """An entry of another writer, with any order of keys, quotes, indents, flow lists and comments."""
    indent = draw(st.sampled_from(["", "  "]))
    arn = f"arn:aws:iam::{ACCOUNT}:user/their-{draw(words)}"
    groups = draw(st.lists(words, max_size=3))
    block = "".join(f"\n{indent}  - {group}" for group in groups)
    fields = [
        f"userarn: {draw(st.sampled_from([arn, repr(arn)]))}",
        f'username: "{draw(words)}" # {draw(words)}',
        draw(st.sampled_from([f"groups: {groups}", f"groups:{block}" if groups else "groups: []"])),
    ]
    ordered = draw(st.permutations(fields))
    return indent, draw(comments), ordered


@st.composite
def documents(draw):
    """A list of entries of other writers, with one indent and comments before, between and after."""
    drawn = draw(st.lists(items(), max_size=4))
    text = ""
    indent = drawn[0][0] if drawn else ""
    for _, comment, fields in drawn:
        lines = "\n".join(fields).split("\n")
        text += comment + f"{indent}- {lines[0]}\n" + "".join(f"{indent}  {line}\n" for line in lines[1:])
    text += draw(comments) if drawn else ""
    return text.removesuffix("\n") if draw(st.booleans()) else text


mappings = st.builds(
    lambda name, groups, username: UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/our-{name}", groups, username),
    words,
    st.lists(words | st.sampled_from(["on", "yes", "123", "a: b", "#x", "null"]), max_size=3, unique=True),
    st.sampled_from(["on", "123", "eks-ope", "a:b", "a: b", "{x", "'", '"']),
)


@given(documents(), mappings)
def test_aws_auth_document_is_unchanged_after_add_and_remove(users, mapping):
    """The entries of other writers, with comments and quotes, are exactly as before."""
    data = {"mapUsers": users, "mapRoles": NODES} if users else {"mapRoles": NODES}
    before = AwsAuth.parse(data)
    after = before.add(mapping)
    assert after.remove(mapping).data == data
    for line in users.splitlines():
        assert line in after.data["mapUsers"].splitlines()


@given(documents(), mappings)
def test_aws_auth_added_entry_is_read_as_strings(users, mapping):
    """Another YAML library reads the other entries as before, and all fields of the new entry as strings."""
    text = AwsAuth.parse({"mapUsers": users}).add(mapping).data["mapUsers"]
    *others, ours = yaml.safe_load(text)
    assert others == (yaml.safe_load(users) or [])
    assert ours == {"userarn": mapping.arn, "username": mapping.username, "groups": list(mapping.groups)}


@given(documents(), mappings, st.lists(words, max_size=2, unique=True))
def test_aws_auth_change_keeps_entries_of_other_writers(users, mapping, groups):
    """The new groups replace the entry in place; every other line stays."""
    added = AwsAuth.parse({"mapUsers": users}).add(mapping)
    changed = added.change(UserMapping.of(mapping.arn, groups, mapping.username))
    *others, ours = yaml.safe_load(changed.data["mapUsers"])
    assert others == (yaml.safe_load(users) or [])
    assert ours["groups"] == groups
    assert changed.change(mapping).data == added.data


YAML_STYLES = {
    "dash on its own line": "# top\n-\n  userarn: U/a\n  username: a\n# c\n-   # c\n  userarn: U/b\n  username: b\n",
    "anchors": "- &one\n  userarn: U/a\n  groups: &g [x]\n# c\n- <<: *one\n  userarn: U/b\n",
    "block scalars": "- userarn: U/a\n  username: |-\n    a\n\n  # c\n- userarn: U/b\n  username: >\n    b\n\n# e\n",
    "trailing lines": "- userarn: U/a\n  username: |+\n    a\n\n\n- userarn: U/b\n  username: b\n",
    "Windows": "# c\r\n- userarn: U/a\r\n  username: a # d\r\n\r\n- userarn: U/b\r\n  username: b\r\n",
    "document marks": "---\n- userarn: U/a\n  username: a\n...\n",
    "flow items": "- {userarn: U/a, username: a} # c\n- {userarn: U/b,\n   username: b}\n",
    "flow groups": "- userarn: U/a\n  groups: [x,\n    y] # z\n# e\n",
    "indent": "    - userarn: U/a\n      username: a\n# c\n    - userarn: U/b\n      username: b",
    "quotes": "- 'userarn': \"U/a\"\n  ? username\n  : a\n  more: {k: on, n: [1, 'on', 010]}\n",
    "tags": "- !!map\n  userarn: !!str U/a\n  username: !!str 1\n",
    "white space": "- userarn: U/a  \n  username: a  \n   \n",
}


@pytest.mark.parametrize("text", YAML_STYLES.values(), ids=list(YAML_STYLES))
def test_aws_auth_document_keeps_entries_of_other_writers(text):
    """In every YAML style, adding and removing an entry leaves the text of the other entries unchanged."""
    text = text.replace("U/", f"arn:aws:iam::{ACCOUNT}:user/")
    before = AwsAuth.parse({"mapUsers": text})
    ours = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", ["on"], "123")
    after = before.add(ours)
    *theirs, mine = yaml.safe_load(after.data["mapUsers"])
    assert theirs == yaml.safe_load(text)
    assert mine == {"userarn": ours.arn, "username": "123", "groups": ["on"]}
    assert after.remove(ours).data == {"mapUsers": text}
    for entry in before.entries:
        left = before.remove(UserMapping(entry.arn, entry.username, entry.groups)).data.get("mapUsers", "")
        assert [item["userarn"] for item in yaml.safe_load(left) or []] == [
            other.arn for other in before.entries if other is not entry
        ]


@pytest.mark.parametrize("text", ["", '""', "''", "``", "null", "~", "[]", "# c\n", " \n"])
def test_aws_auth_add_accepts_every_empty_list(text):
    """Every text that the authenticator reads as an empty list accepts the first entry."""
    added = AwsAuth.parse({"mapUsers": text}).add(UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", []))
    (entry,) = yaml.safe_load(added.data["mapUsers"])
    assert entry["userarn"] == f"arn:aws:iam::{ACCOUNT}:user/ours"


def test_aws_auth_add_to_flow_list_keeps_other_entries():
    """A list in flow style keeps its text, with unknown fields and unusual values."""
    theirs = f"{{userarn: 'arn:aws:iam::{ACCOUNT}:user/a', username: a, more: {{k: 'on', n: 010}}}}"
    ours = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", [])
    before = AwsAuth.parse({"mapUsers": f"# top\n[{theirs}] # end\n"})
    after = before.add(ours)
    assert after.data["mapUsers"].startswith(f"# top\n[{theirs}, ")
    assert after.data["mapUsers"].endswith("] # end\n")
    assert after.change(UserMapping.of(ours.arn, ["x"])).data["mapUsers"].startswith(f"# top\n[{theirs}, ")
    assert after.remove(ours).data == before.data


INDICATORS = r"[ ] { } ' ? : , | > - a on 123 null .nan &x *x <<: !!int !!set !!omap !!binary !mine userarn: groups:"
tokens = st.sampled_from([f"{word} " for word in INDICATORS.split()]) | st.sampled_from(
    ["\n", "- ", "  ", "# c\n", "---\n", "...\n", "|\n", ">-\n", "\t", "\r\n", "%YAML 1.2\n", "\0", "\ufeff", '"', "*x"]
)


@given(st.lists(tokens, max_size=14).map("".join))
def test_aws_auth_edits_any_text_or_raises(text):
    """For any text, an added entry leaves the other entries unchanged, or nothing is written."""
    try:
        before = AwsAuth.parse({"mapUsers": text})
        after = before.add(UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", ["on"], "123"))
    except MalformedDocumentError:
        return
    assert after.entries[:-1] == before.entries
    assert after.entries[-1].username == "123"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        f"[{{userarn: 'arn:aws:iam::{ACCOUNT}:user/a', username: a, groups: [x]}}]",
        f'# theirs\n[{{"userarn": "arn:aws:iam::{ACCOUNT}:user/a", "username": "a", "groups": ["x"]}}]\n',
        (
            f"-\n  userarn: arn:aws:iam::{ACCOUNT}:user/a\n  username: a\n  groups: &g [x]\n"
            f"- userarn: arn:aws:iam::{ACCOUNT}:user/b\n  username: b\n  groups: *g\n"
        ),
        f"---\n- userarn: arn:aws:iam::{ACCOUNT}:user/a\n  username: >-\n    a\n  groups: []\n",
        f"- userarn: arn:aws:iam::{ACCOUNT}:user/a\r\n  username: a\r\n  groups: [x]\r\n",
    ],
)
def test_aws_auth_edits_keep_yaml_styles(text):
    """Flow style, anchors, folded strings and Windows line ends keep their values and comments."""
    mapping = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", ["operators"])
    before = AwsAuth.parse({"mapUsers": text})
    after = before.add(mapping)
    assert yaml.safe_load(after.data["mapUsers"])[:-1] == yaml.safe_load(text)
    removed = after.remove(mapping).data.get("mapUsers", "")
    assert (yaml.safe_load(removed) or []) == yaml.safe_load(text)
    assert ("# theirs" in removed) == ("# theirs" in text)
    for entry in before.entries:
        theirs = UserMapping(entry.arn, entry.username, entry.groups)
        left = after.remove(theirs).data["mapUsers"]
        assert [item["userarn"] for item in yaml.safe_load(left)] == [
            other.arn for other in after.entries if other.arn != entry.arn
        ]


def test_aws_auth_add_rejects_mapped_arn_in_any_case():
    """A second entry for an ARN is rejected with the location of the first."""
    document = AwsAuth.parse(
        {"mapRoles": NODES, "mapUsers": f"- userarn: arn:aws:iam::{ACCOUNT}:user/Eks-Ope\n  username: x\n"}
    )
    with pytest.raises(InvalidInput, match=r"mapUsers\[0\] of ConfigMap kube-system/aws-auth: username 'x'"):
        document.add(UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/eks-ope", ["operators"]))


def test_aws_auth_field_names_ignore_case():
    """The authenticator decodes with Go, which reads userARN as userarn."""
    document = AwsAuth.parse({"mapUsers": f"- userARN: arn:aws:iam::{ACCOUNT}:user/a\n  Username: x\n  GROUPS: [g]\n"})
    (entry,) = document.find(f"arn:aws:iam::{ACCOUNT}:user/a")
    assert (entry.username, entry.groups) == ("x", ("g",))


def test_aws_auth_mapping_removes_path_of_role():
    """A role with a path, as IAM Identity Center creates, is written without it; a user keeps the path."""
    role = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/View", ["x"])
    assert role.arn == f"arn:aws:iam::{ACCOUNT}:role/View"
    assert role.key == "mapRoles"
    assert UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/team/a", []).arn == f"arn:aws:iam::{ACCOUNT}:user/team/a"


def test_aws_auth_entry_of_nodes_is_not_changed_or_removed():
    """An entry of nodes is recognized by username and groups."""
    document = AwsAuth.parse({"mapRoles": NODES})
    node = UserMapping(f"arn:aws:iam::{ACCOUNT}:role/node", "x", ("x",))
    assert document.entries[0].is_node
    assert document.remove(node) == document
    with pytest.raises(InvalidInput, match="nodes join by this entry"):
        document.change(node)


def test_aws_auth_mapping_reports_all_problems_at_once(problems_of):
    """A session ARN, a repeated group and an empty group are reported in one error."""
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b"
    problems = problems_of(UserMapping.of, session, ["x", "x", ""], "")
    assert [problem.input for problem in problems] == ["arn", "groups[1]", "groups[2]"]


@pytest.mark.parametrize(
    "username",
    [
        "",
        " x",
        "a\nb",
        "a\0b",
        "system:node:ip-10-0-0-1",
        "system:serviceaccount:kube-system:x",
        "system:kube-controller-manager",
        "{{SessionName}}",
        "x:{{SessionNameRaw}}",
        "{{EC2PrivateDNSName}}",
        "{{Nonsense}}",
        "{{AccountID",
    ],
)
def test_aws_auth_username_rejects_reserved_and_invalid_names(problems_of, username):
    """Empty usernames authenticate, `system:` is reserved, and a user has no session name or instance."""
    problems_of(UserMapping.of, f"arn:aws:iam::{ACCOUNT}:user/a", ["x"], username)


@pytest.mark.parametrize("username", ["{{SessionNameRaw}}", "x{{AccountID}}{{SessionName}}", "a:{{Nonsense}}"])
def test_access_entry_username_requires_colon_before_session_name(problems_of, username):
    """Callers choose their session's name, so a colon must be before it; unknown templates are rejected."""
    role = f"arn:aws:iam::{ACCOUNT}:role/a"
    problems_of(EntrySpec.of, role, [], username)
    assert EntrySpec.of(role, [], "{{AccountID}}:{{SessionNameRaw}}").username == "{{AccountID}}:{{SessionNameRaw}}"


BROKEN = [
    "- [",
    "a: b",
    "text",
    "- a: *nowhere\n",
    "- &x\n  a: *x\n",
    "!!int ",
    "12",
    "- ? {a: b}\n  : c\n",
    "- a: .inf\n",
]
BROKEN += ["-\ta: x\n\tb: y\n", "|\n  - a: x\n", "%YAML 1.2\n---\n- a: x\n", "- a: !!int x\n", "{a: b}", "- ~: x\n"]


@pytest.mark.parametrize("text", BROKEN)
def test_aws_auth_broken_key_is_reported_and_not_written(text):
    """The authenticator reads nothing of a broken key; the other key is read and edited."""
    document = AwsAuth.parse({"mapUsers": text, "mapRoles": NODES})
    assert [entry.key for entry in document.entries] == ["mapRoles"]
    (problem,) = document.problems()
    assert problem.input == "mapUsers of ConfigMap kube-system/aws-auth"
    with pytest.raises(MalformedDocumentError, match="nothing was written"):
        document.add(UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", []))
    role = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:role/ours", ["x"])
    after = document.add(role)
    assert after.data["mapUsers"] == text
    assert after.remove(role).data == document.data


IGNORED = {
    "- text": "must be a mapping with userarn",
    "- ": "must be a mapping with userarn",
    "- rolearn: U\n": "must have userarn: the authenticator ignores this entry",
    "- userarn: 12\n": "must have a string as userarn, in quotes: 12 is read as an empty one",
    "- userarn: U\n  username: a\n---\n- userarn: U\n": "must be one YAML document",
    "- userarn: U\n  username: a\n  groups: [on]\n": "must have a string as groups[0], in quotes: true is",
    "- userarn: U\n  username: a\n  groups: x\n": 'must have a list as groups: "x" sets no group',
}


@pytest.mark.parametrize(("text", "rule"), IGNORED.items(), ids=list(IGNORED))
def test_aws_auth_ignored_parts_are_reported_and_kept(text, rule):
    """An ignored entry or field is a problem with its location, and does not block other edits."""
    text = text.replace("U", f"arn:aws:iam::{ACCOUNT}:user/a")
    document = AwsAuth.parse({"mapUsers": text})
    (problem,) = document.problems()
    assert rule in problem.rule
    ours = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", [])
    after = document.add(ours)
    assert after.find(ours.arn)[0].is_same(ours)
    assert after.remove(ours).data["mapUsers"] in {text, f"{text}\n"}


NODE = f"arn:aws:iam::{ACCOUNT}:role/karpenter"


def test_aws_auth_mapping_of_nodes_gets_identity_of_type():
    """The type sets username and groups, as EKS documents them; the role's path is removed."""
    linux = UserMapping.of(NODE.replace("role/", "role/team/"), type="EC2_LINUX")
    assert linux.arn == NODE
    assert linux.entry() == {
        "groups": ["system:bootstrappers", "system:nodes"],
        "rolearn": NODE,
        "username": "system:node:{{EC2PrivateDNSName}}",
    }
    assert UserMapping.of(NODE, type="EC2_WINDOWS").groups == (*linux.groups, "eks:kube-proxy-windows")
    fargate = UserMapping.of(NODE, type="FARGATE_LINUX")
    assert (fargate.username, fargate.groups[2:]) == ("system:node:{{SessionName}}", ("system:node-proxier",))
    assert UserMapping.of(NODE, type="HYBRID_LINUX").groups == linux.groups


@pytest.mark.parametrize(
    ("arn", "kind", "groups", "field", "fix"),
    [
        (NODE, "STANDARD", ["system:nodes"], "groups", "type EC2_LINUX, and remove groups and username"),
        (NODE, "STANDARD", ["system:nodes", "eks:kube-proxy-windows"], "groups", "type EC2_WINDOWS"),
        (NODE, "EC2_LINUX", ["system:nodes"], "groups", "remove groups"),
        (NODE.replace("role", "user"), "EC2_LINUX", None, "arn", "pass the ARN of the nodes' role"),
        (NODE.replace("role", "user"), "EC2_LINUX", ["x"], "arn", "use type STANDARD"),
        (NODE.replace("role", "user"), "EC2_LINUX", ["system:nodes"], "arn", "nodes' role, and remove groups"),
        (NODE.replace("role", "user"), "STANDARD", ["system:nodes"], "groups", "remove system:nodes"),
        (NODE, "EC2", None, "type", "a ClusterAccess with type EC2"),
        (NODE, "LINUX", None, "type", "STANDARD"),
        (NODE, "HYPERPOD_LINUX", None, "type", "a ClusterAccess with type HYPERPOD_LINUX"),
    ],
)
def test_aws_auth_mapping_of_nodes_has_one_problem_for_each_mistake(problems_of, arn, kind, groups, field, fix):
    """Each mistake with a type is one problem, whose fix leads to no other problem."""
    (problem,) = problems_of(UserMapping.of, arn, groups, type=kind)
    assert problem.input == field
    assert fix in problem.fix


def test_aws_auth_entry_of_nodes_is_adopted_with_equal_or_more_groups():
    """Another username or fewer groups are rejected. Removal must be explicit."""
    linux, windows = (UserMapping.of(NODE, type=kind) for kind in ("EC2_LINUX", "EC2_WINDOWS"))
    document = AwsAuth().add(linux)
    with pytest.raises(InvalidInput, match="set adopt to True"):
        document.add(linux)
    assert document.change(linux) == document
    wider = document.change(windows)
    assert wider.effective_entry(NODE).groups == windows.groups
    for other in (linux, UserMapping.of(NODE, type="FARGATE_LINUX"), UserMapping.of(NODE, ["x"])):
        with pytest.raises(InvalidInput, match="nodes join by this entry"):
            wider.change(other)
    assert wider.change(linux, own=windows) == document
    assert document.remove(linux) == document
    assert document.remove(linux, nodes=True).data == {}


def test_aws_auth_problems_of_other_entries_are_reported_and_kept():
    """Invalid usernames, duplicates, paths, sessions and short accounts are reported with their location."""
    users = "".join(
        f"- userarn: arn:aws:iam::{ACCOUNT}:user/{name}\n{line}"
        for name, line in (("a", "  username: 123\n"), ("b", "  username: on\n"), ("c", ""), ("A", "  username: a\n"))
    )
    roles = (
        f"- rolearn: arn:aws:iam::{ACCOUNT}:role/team/x\n  username: x\n"
        f"- rolearn: arn:aws:sts::{ACCOUNT}:assumed-role/y/z\n  username: someone\n"
    )
    document = AwsAuth.parse({"mapUsers": users, "mapRoles": roles, "mapAccounts": '- 111122223333\n- "4444"\n'})
    assert [(problem.input.partition(" ")[0], problem.rule.partition(":")[0]) for problem in document.problems()] == [
        ("mapRoles[0]", "must have no path in a role's ARN"),
        ("mapRoles[1]", "must be the ARN of the role, not of a session"),
        ("mapUsers[0]", "must have a string as username, in quotes"),
        ("mapUsers[0]", "must be the only entry of its ARN, whatever its case"),
        ("mapUsers[0]", "must have a username, a non-empty string"),
        ("mapUsers[1]", "must have a string as username, in quotes"),
        ("mapUsers[1]", "must have a username, a non-empty string"),
        ("mapUsers[2]", "must have a username, a non-empty string"),
        ("mapAccounts[1]", document.problems()[-1].rule.partition(":")[0]),
    ]
    mapping = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", [])
    assert document.add(mapping).remove(mapping).data == document.data


def test_aws_auth_remove_from_broken_key_is_rejected():
    """The entry may still be in the text that cannot be parsed; the other key stays editable."""
    document = AwsAuth.parse({"mapUsers": "- userarn: ["})
    with pytest.raises(MalformedDocumentError, match="mapUsers"):
        document.remove(UserMapping.of("arn:aws:iam::111122223333:user/a", ["devs"]))
    role = UserMapping.of("arn:aws:iam::111122223333:role/a", ["devs"])
    assert document.add(role).remove(role).data == document.data
