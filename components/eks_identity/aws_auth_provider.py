"""Create, read, update and delete of one aws-auth mapping, behind Pulumi's dynamic resource `AwsAuthMapping`.

Pulumi pickles a dynamic provider into the state. This class lives in a module of its own and holds nothing, so that
only its name is pickled: the state has no code in it, and a newer library serves older states.
"""

import sys
import traceback
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.runtime.rpc import UNKNOWN

from eks_identity.aws_auth_store import AwsAuthConfigMap
from eks_identity.errors import EksIdentityError, InvalidInput, Problem
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.aws_auth import AwsAuth, UserMapping

Properties = dict[str, Any]
"""`kubeconfig` (secret), `arn`, `username`, `groups`, `adopt`."""


class AwsAuthMappingProvider(ResourceProvider):
    """One entry of one cluster's aws-auth ConfigMap. The resource's id is the entry's ARN."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Lets our errors reach the user as they are: Pulumi's host of dynamic providers shows a traceback instead."""
        super().configure(req)
        host = sys.modules["__main__"]
        if getattr(host, "traceback", None) is traceback:
            host.traceback = _PlainErrors  # type: ignore[attr-defined]

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Refuses what breaks a rule, and what creating or changing the entry would refuse; runs in previews."""
        if _unknown([news.get(name) for name in ("arn", "username", "groups")]):
            return CheckResult(news, [])
        try:
            mapping = _mapping(news)
        except InvalidInput as refusal:
            return CheckResult(news, [_failure(problem) for problem in refusal.problems])
        inputs = {**news, "arn": mapping.arn, "username": mapping.username, "groups": list(mapping.groups)}
        new = _is_new(_olds, inputs)
        if _unknown(news["kubeconfig"]) or not (new or _changes(_olds, inputs)):
            return CheckResult(inputs, [])
        try:
            AwsAuthConfigMap(news["kubeconfig"]).rehearse(
                lambda document: _placed(document, mapping, inputs) if new else document.change(mapping)
            )
        except InvalidInput as refusal:
            return CheckResult(inputs, [_failure(problem) for problem in refusal.problems])
        except EksIdentityError as error:
            return CheckResult(inputs, [CheckFailure("kubeconfig", str(error))])
        return CheckResult(inputs, [])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Another ARN or cluster is another mapping; groups and username change where they stand."""
        replaces = [
            name
            for name, same in (("arn", _same_arn(_olds, _news)), ("kubeconfig", _same_cluster(_olds, _news)))
            if not same
        ]
        changed = _changes(_olds, _news) or _olds.get("kubeconfig") != _news.get("kubeconfig")
        return DiffResult(changes=bool(replaces) or changed, replaces=replaces)

    def create(self, props: Properties) -> CreateResult:
        """Adds the entry; with `adopt`, takes the one over that is there."""
        mapping = _mapping(props)
        AwsAuthConfigMap(props["kubeconfig"]).edit(lambda document: _placed(document, mapping, props))
        return CreateResult(mapping.arn, _outputs(props, mapping))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """What the entry says now: a refresh sees what others did to it, or that it is gone."""
        present = AwsAuthConfigMap(props["kubeconfig"]).read().find(id_)
        if not present:
            return ReadResult("", {})
        # Of several entries the authenticator takes the last one.
        entry = present[-1]
        found = {**_own(props), "arn": entry.arn, "username": entry.username or "", "groups": list(entry.groups)}
        return ReadResult(id_, dict(found), dict(found))

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Changes the entry where it stands, and puts it back if somebody took it out."""
        mapping = _mapping(_news)
        AwsAuthConfigMap(_news["kubeconfig"]).edit(lambda document: document.change(mapping))
        return UpdateResult(_outputs(_news, mapping))

    def delete(self, _id: str, _props: Properties) -> None:
        """Takes the entry out, and no other: not a node's, and not another one for the same ARN.

        Refused, with nothing written, where the caller themselves would be locked out. No preview says so: Pulumi shows
        a provider what it deletes only when it does.
        """
        mapping = UserMapping(_props["arn"], _props["username"], tuple(_props["groups"]))
        AwsAuthConfigMap(_props["kubeconfig"]).edit(lambda document: document.remove(mapping))


class _PlainErrors:
    """Stands in for the module `traceback` in that host; what is not ours is shown as before."""

    @staticmethod
    def format_exc() -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, EksIdentityError) else traceback.format_exc()


def _mapping(props: Properties) -> UserMapping:
    return UserMapping.of(props["arn"], props["groups"], props.get("username"))


def _placed(document: AwsAuth, mapping: UserMapping, props: Properties) -> AwsAuth:
    return document.change(mapping) if props.get("adopt") else document.add(mapping)


def _own(props: Properties) -> Properties:
    return {name: props[name] for name in ("kubeconfig", "adopt") if props.get(name) is not None}


def _outputs(props: Properties, mapping: UserMapping) -> Properties:
    return {**_own(props), "arn": mapping.arn, "username": mapping.username, "groups": list(mapping.groups)}


def _is_new(olds: Properties, news: Properties) -> bool:
    return not olds or not _same_arn(olds, news) or not _same_cluster(olds, news)


def _changes(olds: Properties, news: Properties) -> bool:
    return any(_comparable(olds, name) != _comparable(news, name) for name in ("username", "groups"))


def _same_arn(olds: Properties, news: Properties) -> bool:
    return str(olds.get("arn")).lower() == str(news.get("arn")).lower()


def _same_cluster(olds: Properties, news: Properties) -> bool:
    """An unknown kubeconfig counts as the same cluster: a preview must not promise a replacement that may not come."""
    before, after = olds.get("kubeconfig"), news.get("kubeconfig")
    if before == after or _unknown([before, after]) or not isinstance(before, str) or not isinstance(after, str):
        return True
    return kubeconfigs.server(before) == kubeconfigs.server(after)


def _comparable(props: Properties, name: str) -> Any:
    value = props.get(name)
    return sorted(value) if isinstance(value, list) else value


def _unknown(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_unknown, value))
    return bool(value == UNKNOWN)


def _failure(problem: Problem) -> CheckFailure:
    return CheckFailure(problem.input, str(problem))
