"""YAML that the lab writes, read by aws-iam-authenticator."""

from __future__ import annotations

import re

import yaml
from hypothesis import given
from hypothesis import strategies as st

from eks_identity.model import go_values
from lab import yaml_text
from lab.cluster.aws_auth import add_node_role
from support.lone_authenticator import ACCOUNT, LoneAuthenticator, Principal

OPERATOR = Principal(f"arn:aws:iam::{ACCOUNT}:role/operator", "session")
NUMBERS = ("1e5", "73409e16", "0o7", "0b1", "1_000", ".5", "y", "N", "off", "~", "2001-01-01", "operators", "12:30")
"""Strings that a YAML parser of Go reads as another type if they have no quotes, and two that it does not."""

NUMBER = re.compile(r"[-+]?[0-9.][0-9_]*([eE][-+]?[0-9]+)?|0[bBoOxX][0-9a-f]+|[yYnN~]", re.ASCII)


def test_strings_of_aws_auth_are_strings_for_the_authenticator(authenticator: LoneAuthenticator):
    """Usernames and groups that look like numbers or booleans keep their text."""
    for name in NUMBERS:
        entry = {"rolearn": OPERATOR.arn, "username": name, "groups": [f"x{name}", name]}
        authenticator.write({"mapRoles": yaml_text.dump([entry])})
        assert authenticator.user(OPERATOR) == (name, (f"x{name}", name))


def test_node_role_keeps_the_quotes_of_a_flow_sequence(authenticator: LoneAuthenticator):
    """EKS's stand-in rewrites the list, and the groups of other entries stay strings."""
    groups = ", ".join(f"'{name}'" for name in NUMBERS)
    before = f"[{{rolearn: {OPERATOR.arn}, username: 'y', groups: [{groups}]}}]"
    authenticator.write({"mapRoles": add_node_role(before, f"arn:aws:iam::{ACCOUNT}:role/node")})
    assert authenticator.user(OPERATOR) == ("y", NUMBERS)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(NUMBERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_yaml_of_the_lab_is_read_back_unchanged(value):
    """PyYAML reads any value back."""
    assert yaml.safe_load(yaml_text.dump(value)) == value


@given(st.lists(st.text(max_size=8) | st.from_regex(NUMBER, fullmatch=True)))
def test_yaml_of_the_lab_has_the_same_strings_in_go(texts):
    """Go's parser reads what PyYAML reads."""
    assert go_values.load(yaml_text.dump(texts)) == texts
