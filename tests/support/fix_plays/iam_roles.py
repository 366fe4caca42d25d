"""Fixes of IAM roles: their names, tags and permissions."""

import json
from collections.abc import Callable
from typing import Any

import pulumi

from support.component_program import ACCOUNT
from support.fix_plays.play import USER, Play


def _statement(**other: Any) -> dict[str, Any]:
    allow = {"effect": "Allow", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::files/*"]}
    return {"statements": [{**allow, **other}]}


def _condition(**other: Any) -> dict[str, Any]:
    return _statement(conditions=[{"test": "StringEquals", "variable": "aws:ResourceTag/a", "values": ["b"], **other}])


def _role_policies(*policies: Any, **other: Any) -> dict[str, Any]:
    return {"policies": list(policies), **other}


def _entry(**entry: Any) -> dict[str, Any]:
    return {"policy_templates": [entry]}


def _document(version: str) -> dict[str, Any]:
    return {"inline_policies": {"read": json.dumps({"Version": version, "Statement": [_READ]})}}


DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
MANY = [f"Policy{number}" for number in range(11)]
LONG = json.dumps({**DOCUMENT, "Id": "x" * 10_300})
_READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/${aws:username}/*"}
_TWICE = {"test": "StringEquals", "variable": "aws:ResourceTag/a", "values": ["b"]}
SECRETS = [f"arn:aws:secretsmanager:ap-northeast-1:{ACCOUNT}:secret:shop-{number:06}" for number in range(200)]


def _output(value: object) -> Callable[[], pulumi.Output[object]]:
    return lambda: pulumi.Output.from_input(value)


PLAYS = [
    Play("IrsaRole", "shorten it", {"role_name": "x" * 65}, {"role_name": "x" * 64}),
    Play("IrsaRole", "remove the other characters", {"role_name": "a b"}, {"role_name": "ab"}),
    Play("IrsaRole", "shorten it, and remove", {"description": "x" * 1001}, {"description": "x" * 1000}),
    Play("IrsaRole", "write /team/", {"path": "team"}, {"path": "/team/"}),
    Play("IrsaRole", "remove one of the two", {"role_name": "a", "role_name_prefix": "a"}, {"role_name": "a"}),
    Play("IrsaRole", "choose a number from 3600 to 43200", {"max_session_duration": 1}, {"max_session_duration": 3600}),
    Play(
        "IrsaRole",
        "rename the policy",
        {"inline_policies": {"a b": json.dumps(DOCUMENT)}},
        {"inline_policies": {"ab": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        'add "Statement"',
        {"inline_policies": {"a": "{}"}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "use json.dumps",
        {"inline_policies": {"a": "{'a'}"}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "remove Principal",
        {"inline_policies": {"a": json.dumps({"Statement": [{**DOCUMENT["Statement"][0], "Principal": "*"}]})}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "write 2012-10-17",
        {"inline_policies": {"a": json.dumps({**DOCUMENT, "Version": "1"})}},
        {"inline_policies": {"a": json.dumps(DOCUMENT)}},
    ),
    Play(
        "IrsaRole",
        "move statements into managed policies of at most 6144 characters each",
        {"inline_policies": {"a": LONG}},
        _role_policies(f"arn:aws:iam::{ACCOUNT}:policy/a"),
    ),
    Play("IrsaRole", "remove the repeated policy", _role_policies("A", "A"), _role_policies("A")),
    Play(
        "IrsaRole",
        "merge policies, or use a second role",
        _role_policies(*MANY),
        _role_policies(*MANY, raised_quotas=True),
    ),
    Play("IrsaRole", "write AmazonS3ReadOnlyAccess", _role_policies("a b"), _role_policies("AmazonS3ReadOnlyAccess")),
    Play(
        "IrsaRole",
        "change arn:aws-cn to arn:aws",
        _role_policies("arn:aws-cn:iam::aws:policy/A"),
        _role_policies("arn:aws:iam::aws:policy/A"),
    ),
    Play(
        "IrsaRole",
        "pass the ARN of a managed policy",
        {"permissions_boundary": USER},
        {"permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/a"},
    ),
    Play("IrsaRole", "write Allow", _statement(effect="allow"), _statement(effect="Allow")),
    Play("IrsaRole", "write s3:GetObject", _statement(actions=["GetObject"]), _statement(actions=["s3:GetObject"])),
    Play("IrsaRole", "write arn:aws:s3:::my-bucket/*", _statement(resources=["files*:a"]), _statement()),
    Play("IrsaRole", "add an item to actions", _statement(actions=[]), _statement()),
    Play("IrsaRole", "add an item to values", _condition(values=[]), _condition()),
    Play("IrsaRole", "write StringEquals, or another", _condition(test="Equals"), _condition()),
    Play("IrsaRole", "write aws:ResourceTag/team", _condition(variable="team"), _condition()),
    Play(
        "IrsaRole",
        "name each service account, or set",
        {"subjects": [{"namespace": "a", "name": "*"}]},
        {"subjects": [{"namespace": "a", "name": "*"}], "allow_wildcards": True},
    ),
    Play(
        "IrsaRole",
        "remove 1 of them",
        {"tags": {str(number): "x" for number in range(51)}},
        {"tags": {str(number): "x" for number in range(50)}},
    ),
    Play(
        "IrsaRole",
        "remove the repeated item",
        _entry(name="vpc-cni", cluster_names=["a", "a"]),
        _entry(name="vpc-cni", cluster_names=["a"]),
    ),
    Play("IrsaRole", "rename the tag", {"tags": {"aws:x": "y"}}, {"tags": {"x": "y"}}),
    Play(
        "IrsaRole",
        "move the values of both into one condition",
        _statement(conditions=[_TWICE, {**_TWICE, "values": ["c"]}]),
        _statement(conditions=[{**_TWICE, "values": ["b", "c"]}]),
    ),
    Play("IrsaRole", 'add "Version": "2012-10-17" to the document', _document("2008-10-17"), _document("2012-10-17")),
    Play("IrsaRole", "remove this tag or Team", {"tags": {"Team": "a", "team": "b"}}, {"tags": {"Team": "a"}}),
    Play(
        "IrsaRole",
        "set hosted_zone_arns, such as",
        _entry(name="external-dns"),
        _entry(name="external-dns", hosted_zone_arns=["arn:aws:route53:::hostedzone/Z1"]),
    ),
    Play(
        "IrsaRole",
        "remove it: it has no effect",
        _entry(name="vpc-cni", bucket_arns=["arn:aws:s3:::b"]),
        _entry(name="vpc-cni"),
    ),
    Play("IrsaRole", "write the policy in statements", {"policy_templates": [{"name": "qqqqqq"}]}, _statement()),
    Play(
        "IrsaRole",
        "name the resources of both in one template",
        {"policy_templates": [{"name": "vpc-cni"}, {"name": "vpc-cni"}]},
        {"policy_templates": [{"name": "vpc-cni"}]},
    ),
    Play(
        "IrsaRole",
        "merge policies, or use a second role",
        _role_policies(*[f"Policy{number}" for number in range(21)]),
        _role_policies(*MANY[:10]),
    ),
    Play(
        "IrsaRole",
        "move statements into managed policies",
        {"policy_templates": [{"name": "external-secrets", "secret_arns": SECRETS}]},
        {
            "policy_templates": [{"name": "external-secrets", "secret_arns": SECRETS[:20]}],
            "policies": [f"arn:aws:iam::{ACCOUNT}:policy/secrets"],
        },
    ),
    Play("IrsaRole", "put it in quotes, or convert", {"role_name": _output(7)}, {"role_name": "7"}),
    Play(
        "IrsaRole",
        "put it in quotes, or convert an Output with .apply(str)",
        {"role_name": _output(7)},
        {"role_name": lambda: pulumi.Output.from_input(7).apply(str)},
    ),
    Play("IrsaRole", "set it to a string", {"role_name": _output(None)}, {"role_name": _output("cart")}),
]
