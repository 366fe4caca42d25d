"""EKS's mapping of a node role in aws-auth, without a cluster."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lab.cluster import aws_auth
from lab.errors import StartError

ROLE = "arn:aws:iam::111122223333:role/node"
ENTRY = {
    "rolearn": ROLE,
    "username": "system:node:{{EC2PrivateDNSName}}",
    "groups": ["system:bootstrappers", "system:nodes"],
}
OTHER_ENTRIES = (
    "# ours\n  - rolearn: 'arn:aws:iam::111122223333:role/ops'   # why\n    username: ops\n    groups: [operators]"
)


@pytest.mark.parametrize("before", [None, "", "\n", "[]"])
def test_node_role_is_added_to_empty_map_roles(before):
    """Every form of an empty list is accepted."""
    assert yaml.safe_load(aws_auth.add_node_role(before, ROLE)) == [ENTRY]


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_node_role_keeps_text_of_other_entries(end):
    """Comments, quotes, indentation and order of a block sequence stay unchanged."""
    after = aws_auth.add_node_role(OTHER_ENTRIES + end, ROLE)
    assert after.startswith(OTHER_ENTRIES + end)
    assert yaml.safe_load(after)[1:] == [ENTRY]


def test_node_role_in_flow_sequence_keeps_all_entries():
    """Nothing can be appended to a JSON list, so it is rewritten."""
    after = aws_auth.add_node_role('[{"rolearn": "arn:aws:iam::1:role/x", "username": "x"}]', ROLE)
    assert yaml.safe_load(after) == [{"rolearn": "arn:aws:iam::1:role/x", "username": "x"}, ENTRY]


@pytest.mark.parametrize(
    "arn", [ROLE, ROLE.upper().replace("ARN:AWS:IAM", "arn:aws:iam"), ROLE.replace("node", "Node")]
)
def test_existing_node_role_is_not_added_again(arn):
    """ARNs are compared case-insensitively."""
    before = f"- rolearn: {arn}\n  username: mine\n"
    assert aws_auth.add_node_role(before, ROLE) == before


def test_node_role_is_mapped_without_path():
    """aws-auth never matches a role ARN with a path."""
    after = yaml.safe_load(aws_auth.add_node_role("", "arn:aws:iam::111122223333:role/team/x/node"))
    assert after == [ENTRY]


@pytest.mark.parametrize("text", ["- {", "mapRoles: []", "plain", "7"])
def test_map_roles_must_be_a_list(text):
    """The error has the kubectl command that fixes the ConfigMap."""
    with pytest.raises(StartError, match="kubectl -n kube-system edit configmap aws-auth"):
        aws_auth.add_node_role(text, ROLE)


entries = st.lists(
    st.fixed_dictionaries(
        {
            "rolearn": st.from_regex(r"arn:aws:iam::\d{12}:role/ops-[a-z]{1,9}", fullmatch=True),
            "username": st.text(max_size=20),
            "groups": st.lists(st.text(max_size=12), max_size=3),
        }
    ),
    max_size=4,
)


@given(entries, st.booleans(), st.integers(0, 4))
def test_node_role_is_appended_to_any_list(roles, flow, indent):
    """Entries stay unchanged in block and flow style, with any indentation."""
    text = yaml.safe_dump(roles, default_flow_style=flow, allow_unicode=True)
    if not flow:
        text = "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))
    assert yaml.safe_load(aws_auth.add_node_role(text, ROLE)) == [*yaml.safe_load(text), ENTRY]
