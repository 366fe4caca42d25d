"""The library parses aws-auth as aws-iam-authenticator does, and its edits change no other principal's mapping.

Each run has its own seed, which pytest's header shows. `EKS_IDENTITY_CONFORMANCE_SEED` repeats a run, and
`EKS_IDENTITY_CONFORMANCE_CASES` sets the number of documents: `make conformance` reads many. docs/conformance.md has
what such a run found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from string import Template

from eks_identity.errors import InvalidInput, MalformedDocumentError
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from support.aws_auth_documents import Documents, accounts
from support.lone_authenticator import ACCOUNT, Principal, User

CASES = int(os.environ.get("EKS_IDENTITY_CONFORMANCE_CASES", "300"))
SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])

GUEST = Principal("arn:aws:iam::444455556666:user/guest")
PEOPLE = (
    Principal(f"arn:aws:iam::{ACCOUNT}:user/alice"),
    Principal(f"arn:aws:iam::{ACCOUNT}:user/team/x/Bob"),
    Principal(f"arn:aws:iam::{ACCOUNT}:root"),
)
OPS = (
    Principal(f"arn:aws:iam::{ACCOUNT}:role/ops", "session"),
    Principal(f"arn:aws:iam::{ACCOUNT}:role/Team-X", "i@example.com"),
)
PRINCIPALS = (*PEOPLE, *OPS, Principal(f"arn:aws:sts::{ACCOUNT}:federated-user/carol"), GUEST)


def ours(document: AwsAuth, principal: Principal) -> User:
    """Username and groups of `principal` as the library reads `document`."""
    entry = document.effective_entry(principal.arn)
    if entry is None:
        return (principal.arn, ()) if principal.account in document.accounts else None
    return rendered(entry.username or "", principal), tuple(rendered(group, principal) for group in entry.groups)


def rendered(text: str, principal: Principal) -> str:
    """`text` with what the authenticator puts in place of its templates."""
    values = {"AccountID": principal.account, "SessionName": principal.session.replace("@", "-")}
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


A = "- userarn: $alice\n  username: a\n  groups: [devs]\n"
B = "- userarn: $bob\n  username: b\n"
BY_HAND = {
    "YAML 1.2 directive": "%YAML 1.2\n---\n" + A,
    "YAML 1.1 directive": "%YAML 1.1 # c\n---\n" + A,
    "a tab in a directive": "%YAML\t1.1\n---\n" + A,
    "an unknown directive": "%MINE x\n---\n" + A,
    "a tab behind a value": A.replace("$alice\n", "$alice\t\n") + B,
    "a tab before a value": A.replace("username: a", "username:\ta"),
    "a tab within a value": A.replace("username: a", "username: a\tb"),
    "a tab as indentation": A + "\t" + B,
    "a tab behind the dash": "-\tuserarn: $alice\n" + B,
    "a key twice in an entry": A + "  username: b\n",
    "a key twice in two cases": A + "  Username: b\n  GROUPS: [x]\n",
    "an empty value after another": A + "  username:\n  groups:\n",
    "null items": A + "-\n- null\n- ~\n" + B,
    "items that are no mappings": A + "- x\n- [1]\n- 5\n" + B,
    "a second document": A + "---\n- userarn: $bob\n",
    "an ended document": A + "...\n- userarn: $bob\n",
    "a broken second document": A + "---\n[\n",
    "numbers and booleans in groups": A.replace("[devs]", "[1234, on, 1.5, ~, yes]"),
    "a number as a username": A.replace("username: a", "username: 123"),
    "a boolean as a username": A.replace("username: a", "username: on"),
    "an octal as a username": A.replace("username: a", "username: 0123"),
    "an infinite number in an unknown field": A + "  note: .inf\n" + B,
    "no number at all": A.replace("username: a", "username: 1e999"),
    "broken": A + "- userarn: [\n",
    "Windows": (A + B).replace("\n", "\r\n"),
    "old Macintosh": (A + B).replace("\n", "\r"),
    "byte order mark": "\ufeff" + A,
    "anchors": "- &one\n  userarn: $alice\n  groups: &g [x]\n- userarn: $bob\n  groups: *g\n",
    "merge keys": "- &one\n  userarn: $alice\n  username: a\n  groups: [x]\n- <<: *one\n  userarn: $bob\n",
    "a merge key behind the others": "- &one {username: a}\n- userarn: $bob\n  username: b\n  <<: *one\n",
    "a merge of several": "- &x {username: x}\n- &y {username: y, groups: [y]}\n- <<: [*x, *y]\n  userarn: $alice\n",
    "an anchor in itself": "- &x [*x]\n" + A,
    "an unknown anchor": A + "- *missing\n",
    "block scalars": "- userarn: $alice\n  username: |-\n    a\n  groups:\n  - >-\n    x\n    y\n" + B,
    "a literal with its line break": "- userarn: $alice\n  username: |\n    a\n" + B,
    "tags": "- !!map\n  userarn: !!str $alice\n  username: !!str 123\n  groups: !!seq [!!str on, !mine 1, ! 2]\n",
    "binary": "- userarn: $alice\n  username: !!binary YWxpY2U=\n",
    "a wrong tag": A + "- userarn: $bob\n  username: !!int b\n",
    "field names in other case": "- UserARN: $alice\n  USERNAME: a\n  Groups: [x]\n",
    "a long s in a field name": "- userarn: $alice\n  u\u017fername: a\n",
    "unknown fields": A + "  note: {a: [b]}\n  userid: 5\n",
    "groups as a string": A.replace("[devs]", "devs"),
    "groups as a mapping": A.replace("[devs]", "{a: b}"),
    "no groups": "- userarn: $alice\n  username: a\n",
    "empty values": "- userarn: $alice\n  username:\n  groups:\n",
    "rolearn among the users": "- rolearn: $alice\n  username: a\n" + B,
    "a role among the users": "- userarn: $ops\n  username: a:{{SessionName}}\n",
    "duplicates by case": A + "- userarn: $ALICE\n  username: other\n",
    "duplicates": A + "- userarn: $alice\n  username: other\n",
    "flow style": '[{"userarn": "$alice", "username": "a", "groups": ["x"]}, {userarn: $bob}]',
    "a mapping in place of the list": "{userarn: $alice}",
    "a JSON mapping": ' {"userarn": "$alice"}',
    "a string": "text",
    "quoted nothing": '""',
    "null": "null",
    "a null key": A + "- ~: x\n  userarn: $bob\n",
    "a list as a key": A + "- ? [a]\n  : x\n",
    "explicit keys": "- ? userarn\n  : $alice\n  ? username\n  : a\n",
    "blanks around the ARN": "- userarn: ' $alice '\n" + B,
    "dashes of their own": "-\n  userarn: $alice\n-   # c\n  userarn: $bob\n",
    "lists as deep as others": "- - userarn: $alice\n- userarn: $bob\n",
    "escapes": '- userarn: $alice\n  username: "a\\x41\\u00e9\\N"\n',
    "an unknown escape": A + '- userarn: $bob\n  username: "\\/"\n',
    "next line and line separator": "- userarn: $alice\x85  username: a\u2028- userarn: $bob\n",
    "control characters": A + "# \x07\n",
    "a comment alone": "# text\n",
    "comments": "# c\n" + A.replace("a\n", "a # c\n") + "# d\n",
    "a value over several lines": "- userarn: $alice\n  username: a\n    b\n    c\n",
}


def filled(text: str) -> str:
    alice, bob, *_ = (principal.arn for principal in PRINCIPALS)
    return Template(text).substitute(alice=alice, ALICE=alice.upper(), bob=bob, ops=f"arn:aws:iam::{ACCOUNT}:role/ops")


def documents(random: Random, count: int) -> Iterator[dict[str, str]]:
    """Yield documents from bug reports, and generated ones with the three keys."""
    users = Documents(random, "userarn", [one.arn for one in PRINCIPALS if not one.is_role])
    roles = Documents(random, "rolearn", [one.arn for one in PRINCIPALS if one.is_role])
    yield from ({"mapUsers": filled(text)} for text in BY_HAND.values())
    for number in range(count):
        entries = {"mapRoles": roles.text()} if number % 3 == 0 else {"mapUsers": users.text()}
        yield entries | {"mapAccounts": accounts(random, GUEST.account)} if number % 4 == 0 else entries


def concerned(data: dict[str, str], random: Random) -> list[Principal]:
    """Return the principals that the texts can map, and one more."""
    texts = "".join(data.values()).lower()
    named = [one for one in PRINCIPALS if one.arn.lower() in texts or one.account in data.get("mapAccounts", "")]
    return list(dict.fromkeys([*named, random.choice(PRINCIPALS)]))


def edited(document: AwsAuth, mapping: UserMapping, edit: str) -> AwsAuth | None:
    """Return `document` after an edit, or None if the library rejects the edit."""
    try:
        after: AwsAuth = getattr(document, edit)(mapping)
    except MalformedDocumentError:
        assert mapping.key in document.broken, document.data
        return None
    except InvalidInput:
        assert document.find(mapping.arn), document.data
        return None
    return after if after != document else None


def test_aws_auth_documents_are_parsed_as_by_the_authenticator(authenticator, capsys):
    """The authenticator gives the username and groups that the library parses; an edit changes only its principal."""
    random = Random(SEED)  # noqa: S311 - documents, no secrets
    counts = dict.fromkeys(("documents", "with mappings", "edited"), 0)
    for data in documents(random, CASES):
        counts["documents"] += 1
        document = AwsAuth.parse(data)
        authenticator.write(data)
        principals = concerned(data, random)
        before = {one: authenticator.user(one) for one in principals}
        assert {one: ours(document, one) for one in principals} == before, data
        counts["with mappings"] += any(before.values())

        principal = random.choice(OPS if "mapRoles" in data else PEOPLE)
        groups = random.sample(["on", "x", "123", "team: a", "#x"], random.randint(0, 2))
        mapping = UserMapping.of(principal.arn, groups, random.choice(["on", "123", "our-name", "a: b", "'"]))
        edit = random.choice(["add", "change", "remove"])
        if (after := edited(document, mapping, edit)) is None:
            continue
        counts["edited"] += 1
        authenticator.write({key: after.data.get(key, "") for key in data})
        identities = {one: authenticator.user(one) for one in {*principals, principal}}
        expected = ours(after, principal) if edit == "remove" else (mapping.username, mapping.groups)
        assert identities == {**before, principal: expected}, (edit, mapping, data, after.data)
        assert edit != "remove" or len(after.find(principal.arn)) == len(document.find(principal.arn)) - 1, data
    with capsys.disabled():
        print(f"\naws-auth conformance, seed {SEED}: {counts}")  # noqa: T201 - what `make conformance` shows
    assert min(counts.values()) > 0
