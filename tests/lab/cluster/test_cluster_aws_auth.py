"""Adding a node role to aws-auth, without a cluster."""

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
OTHER = "# ours\n  - rolearn: 'arn:aws:iam::111122223333:role/ops'   # why\n    username: ops\n    groups: [operators]"


@pytest.mark.parametrize("before", [None, "", "\n", "[]"])
def test_an_empty_list_gets_the_entry(before):
    """Whatever way of writing nothing."""
    assert yaml.safe_load(aws_auth.add_node_role(before, ROLE)) == [ENTRY]


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_other_entries_stay_byte_for_byte(end):
    """Comments, quotes, indentation and order of a block sequence are kept."""
    after = aws_auth.add_node_role(OTHER + end, ROLE)
    assert after.startswith(OTHER + end)
    assert yaml.safe_load(after)[1:] == [ENTRY]


def test_a_flow_sequence_is_written_anew_with_all_its_entries():
    """JSON is YAML too, but nothing can be appended to it."""
    after = aws_auth.add_node_role('[{"rolearn": "arn:aws:iam::1:role/x", "username": "x"}]', ROLE)
    assert yaml.safe_load(after) == [{"rolearn": "arn:aws:iam::1:role/x", "username": "x"}, ENTRY]


@pytest.mark.parametrize(
    "arn", [ROLE, ROLE.upper().replace("ARN:AWS:IAM", "arn:aws:iam"), ROLE.replace("node", "Node")]
)
def test_a_role_that_is_there_is_not_added_again(arn):
    """ARNs compare without regard to case."""
    before = f"- rolearn: {arn}\n  username: mine\n"
    assert aws_auth.add_node_role(before, ROLE) == before


def test_the_path_of_the_role_is_dropped():
    """aws-auth never matches a role ARN with a path."""
    after = yaml.safe_load(aws_auth.add_node_role("", "arn:aws:iam::111122223333:role/team/x/node"))
    assert after == [ENTRY]


@pytest.mark.parametrize("text", ["- {", "mapRoles: []", "plain", "7"])
def test_what_is_no_list_is_refused_with_the_way_out(text):
    """Guessing could lock people out."""
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
def test_any_list_is_kept_and_the_entry_comes_last(roles, flow, indent):
    """For every list in block or flow style, of any indentation."""
    text = yaml.safe_dump(roles, default_flow_style=flow, allow_unicode=True)
    if not flow:
        text = "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))
    assert yaml.safe_load(aws_auth.add_node_role(text, ROLE)) == [*yaml.safe_load(text), ENTRY]
