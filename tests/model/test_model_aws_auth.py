import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eks_identity.errors import InvalidInput, MalformedDocumentError
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
    """An entry as somebody else writes it: own order of keys, quotes, indents, flow lists, comments."""
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
    """A list of entries by others, in one indent, with comments before, between and after."""
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
def test_adding_and_removing_gives_the_document_back(users, mapping):
    """What others wrote is there to the letter after an entry came and went, comments and quotes included."""
    data = {"mapUsers": users, "mapRoles": NODES} if users else {"mapRoles": NODES}
    before = AwsAuth.parse(data)
    after = before.add(mapping)
    assert after.remove(mapping).data == data
    for line in users.splitlines():
        assert line in after.data["mapUsers"].splitlines()


@given(documents(), mappings)
def test_an_added_entry_reads_as_it_was_meant(users, mapping):
    """Another YAML library reads everybody else's entries as before, and ours as strings, whatever they look like."""
    text = AwsAuth.parse({"mapUsers": users}).add(mapping).data["mapUsers"]
    *others, ours = yaml.safe_load(text)
    assert others == (yaml.safe_load(users) or [])
    assert ours == {"userarn": mapping.arn, "username": mapping.username, "groups": list(mapping.groups)}


@given(documents(), mappings, st.lists(words, max_size=2, unique=True))
def test_a_change_touches_its_own_entry_alone(users, mapping, groups):
    """Other groups are written in the entry's place; every other line stays."""
    added = AwsAuth.parse({"mapUsers": users}).add(mapping)
    changed = added.change(UserMapping.of(mapping.arn, groups, mapping.username))
    *others, ours = yaml.safe_load(changed.data["mapUsers"])
    assert others == (yaml.safe_load(users) or [])
    assert ours["groups"] == groups
    assert changed.change(mapping).data == added.data


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
def test_other_ways_to_write_yaml(text):
    """Flow style, anchors, folded strings and Windows line ends keep their meaning and their comments."""
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


def test_an_arn_is_mapped_once_whatever_its_case():
    """A second entry for an ARN is refused with the place of the first."""
    document = AwsAuth.parse(
        {"mapRoles": NODES, "mapUsers": f"- userarn: arn:aws:iam::{ACCOUNT}:user/Eks-Ope\n  username: x\n"}
    )
    with pytest.raises(InvalidInput, match=r"mapUsers\[0\] of ConfigMap kube-system/aws-auth: username 'x'"):
        document.add(UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/eks-ope", ["operators"]))


def test_a_roles_path_is_removed():
    """A role with a path, as IAM Identity Center makes them, is written without it; a user keeps theirs."""
    role = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/View", ["x"])
    assert role.arn == f"arn:aws:iam::{ACCOUNT}:role/View"
    assert role.key == "mapRoles"
    assert UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/team/a", []).arn == f"arn:aws:iam::{ACCOUNT}:user/team/a"


def test_nodes_entries_are_neither_changed_nor_taken_out():
    """The entry that nodes join by is known by username and groups, and stays."""
    document = AwsAuth.parse({"mapRoles": NODES})
    node = UserMapping(f"arn:aws:iam::{ACCOUNT}:role/node", "x", ("x",))
    assert document.entries[0].is_node
    assert document.remove(node) == document
    with pytest.raises(InvalidInput, match="nodes join the cluster by this entry"):
        document.change(node)


def test_all_that_is_wrong_with_a_mapping_is_said_at_once(refused):
    """Session ARN, nodes' groups, repeated and empty groups, in one refusal."""
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b"
    problems = refused(UserMapping.of, session, ["system:nodes", "x", "x", ""], "")
    assert [problem.input for problem in problems] == ["arn", "groups[2]", "groups[3]", "groups[0]"]


@pytest.mark.parametrize("username", ["", " x", "system:node:ip-10-0-0-1", "{{SessionName}}"])
def test_usernames_that_mean_something_else_are_refused(refused, username):
    """Empty names authenticate, nodes' names are the nodes', and a user has no session name."""
    refused(UserMapping.of, f"arn:aws:iam::{ACCOUNT}:user/a", ["x"], username)


@pytest.mark.parametrize("text", ["- [", "a: b", "text", "- text", "- {a: 1, a: 2}", "- a: 2001-99-99"])
def test_what_cannot_be_read_is_not_written(text):
    """Malformed YAML, and YAML that is no list of mappings, is reported with the way to mend it."""
    with pytest.raises(MalformedDocumentError, match="nothing was written"):
        AwsAuth.parse({"mapUsers": text})


def test_flaws_of_others_entries_are_reported_and_left():
    """Numeric, boolean and missing usernames, duplicates, paths, sessions, bare accounts: each with its place."""
    users = "".join(
        f"- userarn: arn:aws:iam::{ACCOUNT}:user/{name}\n{line}"
        for name, line in (("a", "  username: 123\n"), ("b", "  username: on\n"), ("c", ""), ("A", "  username: a\n"))
    )
    roles = (
        f"- rolearn: arn:aws:iam::{ACCOUNT}:role/team/x\n  username: x\n"
        f"- rolearn: arn:aws:sts::{ACCOUNT}:assumed-role/y/z\n  username: someone\n"
    )
    document = AwsAuth.parse(
        {"mapUsers": users, "mapRoles": roles, "mapAccounts": '- 111122223333\n- "444455556666"\n'}
    )
    assert [(problem.input.partition(" ")[0], problem.rule.partition(",")[0]) for problem in document.problems()] == [
        ("mapRoles[0]", "a role's path is removed in aws-auth; with it"),
        ("mapRoles[1]", "a session is never matched"),
        ("mapUsers[0]", "a username is a string"),
        ("mapUsers[1]", "a username is a string"),
        ("mapUsers[2]", "a username is a string"),
        ("mapUsers[3]", "an ARN is mapped once"),
        ("mapAccounts[0]", "an account id is a string of twelve digits"),
    ]
    mapping = UserMapping.of(f"arn:aws:iam::{ACCOUNT}:user/ours", [])
    assert document.add(mapping).remove(mapping).data == document.data
