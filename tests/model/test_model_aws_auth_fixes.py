"""Problems of an aws-auth document: each one's fix, followed in the document, leaves no problem."""

from __future__ import annotations

import re

import pytest

from eks_identity.errors import InvalidInput
from eks_identity.model.aws_auth import AwsAuth, UserMapping

ACCOUNT = "111122223333"
USER = f"arn:aws:iam::{ACCOUNT}:user/ope"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nodes"
EDIT = "`kubectl -n kube-system edit configmap aws-auth`"
SECOND = USER.replace("ope", "second")
FOLLOWED = {
    "move the entries into the first": (
        f"- userarn: {USER}\n  username: ope\n---\n- userarn: {SECOND}\n  username: second\n",
        f"- userarn: {USER}\n  username: ope\n- userarn: {SECOND}\n  username: second\n",
    ),
    "correct it": (
        f"- userarn: {USER}\n  username: ope\n  groups: operators\n",
        f"- userarn: {USER}\n  username: ope\n  groups: [operators]\n",
    ),
    "write it, or remove the entry": ("- username: ope\n", f"- userarn: {USER}\n  username: ope\n"),
    "write it, or remove the entry (removed)": ("- username: ope\n", ""),
    "remove one of the two": (
        f"- userarn: {USER}\n  username: old\n- userarn: {USER}\n  username: ope\n",
        f"- userarn: {USER}\n  username: ope\n",
    ),
    "write the username, in quotes": (f"- userarn: {USER}\n", f'- userarn: {USER}\n  username: "ope"\n'),
}


@pytest.mark.parametrize("fix", FOLLOWED)
def test_aws_auth_fix_of_an_existing_entry_works(fix):
    """The problem's fix names the command that edits the ConfigMap; after the edit no problem is left."""
    wrong, right = FOLLOWED[fix]
    assert [problem.fix for problem in AwsAuth.parse({"mapUsers": wrong}).problems()] == [
        f"{fix.partition(' (')[0]}: {EDIT}"
    ]
    assert AwsAuth.parse({"mapUsers": right}).problems() == []


def test_aws_auth_fix_of_a_path_in_a_role_arn_works():
    """The fix has the ARN without its path."""
    text = "- rolearn: {}\n  username: ops\n"
    (problem,) = AwsAuth.parse({"mapRoles": text.format(ROLE.replace("role/", "role/team/"))}).problems()
    written = re.fullmatch(rf"write (\S+): {EDIT}", problem.fix)
    assert written is not None
    assert AwsAuth.parse({"mapRoles": text.format(written[1])}).problems() == []


def test_aws_auth_fix_of_repeated_entries_works(problems_of):
    """A mapping of an ARN with two entries is rejected; it is written once only one of them is left."""
    entries = [f"- userarn: {arn}\n  username: ope\n" for arn in (USER, USER.replace("ope", "Ope"))]
    mapping = UserMapping.of(USER, ["operators"])
    (problem,) = problems_of(AwsAuth.parse({"mapUsers": "".join(entries)}).change, mapping)
    assert problem.fix.startswith("keep only one of the entries: mapUsers[0] of ConfigMap kube-system/aws-auth")
    assert " and mapUsers[1] of ConfigMap kube-system/aws-auth" in problem.fix
    after = AwsAuth.parse({"mapUsers": entries[0]}).change(mapping)
    assert [entry.groups for entry in after.find(USER)] == [("operators",)]


def test_aws_auth_fix_of_a_mapping_in_place_of_a_node_entry_works(problems_of):
    """Another principal and a type with the nodes' username and groups are both accepted."""
    linux, windows = (UserMapping.of(ROLE, type=kind) for kind in ("EC2_LINUX", "EC2_WINDOWS"))
    document = AwsAuth().add(linux)
    (problem,) = problems_of(document.change, UserMapping.of(ROLE, ["operators"]))
    (entry,) = document.entries
    assert problem.fix == (f"declare another principal, or a type that gives nodes the username and groups of {entry}")
    assert [each.arn for each in document.change(UserMapping.of(USER, ["operators"])).entries] == [ROLE, USER]
    for same in (linux, windows):
        assert [each.arn for each in document.change(same).entries] == [ROLE]
    with pytest.raises(InvalidInput, match="or a type that gives nodes"):
        document.change(UserMapping.of(ROLE, type="FARGATE_LINUX"))
