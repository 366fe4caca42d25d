"""Create, read, update and delete of one aws-auth mapping, behind Pulumi's dynamic resource `AwsAuthMapping`."""

from typing import Any

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from eks_identity.access import run_state
from eks_identity.access.aws_auth_config_map import AwsAuthConfigMap, Check
from eks_identity.access.aws_auth_lockout import MappingLockout
from eks_identity.errors import EksIdentityError, InvalidInput
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.access_entries import EntryType
from eks_identity.model.arns import Principal, same_arn
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from eks_identity.runtime.dynamic_provider import PlainProvider, Properties, is_unknown, refused, say, say_once


class AwsAuthMappingProvider(PlainProvider):
    """One entry of one cluster's aws-auth ConfigMap. The resource's id is the entry's ARN, unless that is secret.

    Properties: `kubeconfig` and `credentials` (secret), `arn`, `username`, `groups`, `type`, `adopt`,
    `allow_lockout_of`.
    """

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Rejects what breaks a rule, and what creating or changing the entry would reject; runs in previews.

        Problems of other entries, such as those that the authenticator ignores, are reported and left alone.
        """
        if is_unknown([news.get(name) for name in ("arn", "username", "groups")]):
            return CheckResult(news, [])
        try:
            mapping = _mapping(news)
        except InvalidInput as refusal:
            return refused(news, refusal.problems)
        inputs = {**news, "arn": mapping.arn, "username": mapping.username, "groups": list(mapping.groups)}
        if (declared := run_state.aws_auth_key(inputs)) is not None:
            run_state.run_of(self).aws_auth_keys.add(declared)
        new = _is_new(_olds, inputs)
        if is_unknown(news["kubeconfig"]) or not (new or _changes(_olds, inputs)):
            return CheckResult(inputs, [])
        try:
            after = AwsAuthConfigMap(news["kubeconfig"]).rehearse(
                lambda document: (
                    _placed(document, mapping, inputs) if new else document.change(mapping, _mapped(_olds))
                ),
                self._check(inputs, self.credentials(inputs)),
            )
        except InvalidInput as refusal:
            return refused(inputs, refusal.problems)
        except EksIdentityError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        for problem in after.problems():
            say_once(f"aws-auth of {kubeconfigs.server(news['kubeconfig'])}: {problem}")
        return CheckResult(inputs, [])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Another ARN or cluster is another mapping; groups and username change where they stand."""
        replaces = [
            name
            for name, same in (("arn", _same_arn(_olds, _news)), ("kubeconfig", _same_cluster(_olds, _news)))
            if not same
        ]
        changed = _changes(_olds, _news) or _olds.get("kubeconfig") != _news.get("kubeconfig")
        changed = changed or _comparable(_olds, "allow_lockout_of") != _comparable(_news, "allow_lockout_of")
        return DiffResult(changes=bool(replaces) or changed, replaces=replaces)

    def create(self, props: Properties) -> CreateResult:
        """Adds the entry; with `adopt`, takes the one over that is there."""
        mapping = _mapping(props)
        # Where Pulumi deletes first, what it was to delete is there still.
        here = {**props, "adopt": props.get("adopt") or run_state.aws_auth_key(props) in run_state.run_of(self).held}
        AwsAuthConfigMap(props["kubeconfig"]).edit(
            lambda document: _placed(document, mapping, here), self._check(props, self.credentials(props))
        )
        return CreateResult(mapping.arn, _outputs(props, mapping))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """What the entry says now: a refresh sees what others did to it, or that it is gone."""
        document = AwsAuthConfigMap(props["kubeconfig"]).read()
        present = document.find(props["arn"])
        if not present:
            document.require_readable(_mapped(props).key)
            return ReadResult("", {})
        # Of several entries the authenticator takes the last one.
        entry = present[-1]
        found = {**_own(props), "arn": entry.arn, "username": entry.username or "", "groups": list(entry.groups)}
        return ReadResult(id_, dict(found), dict(found))

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Changes the entry where it stands, and puts it back if somebody took it out."""
        mapping = _mapping(_news)
        AwsAuthConfigMap(_news["kubeconfig"]).edit(
            lambda document: document.change(mapping, _mapped(_olds)), self._check(_news, self.credentials(_news))
        )
        return UpdateResult(_outputs(_news, mapping))

    def delete(self, _id: str, _props: Properties) -> None:
        """Removes the entry, and no other one for the same ARN. An entry that nodes join by is removed only where
        `allow_lockout_of` names its role, since nodes could no longer authenticate; else it stays, with a warning.

        One that the program still declares, under another name, stays.
        Rejected, with nothing written, if the caller or the last administrator would lose access. No preview says so:
        Pulumi shows a provider what it deletes only when it does.
        """
        run, declared = run_state.run_of(self), run_state.aws_auth_key(_props)
        if declared is not None and declared in run.aws_auth_keys:
            run.held.add(declared)
            say(f"{_props['arn']} stays in aws-auth: this program declares it under another name now")
            return
        mapping = _mapped(_props)
        nodes = any(same_arn(Principal.parse(arn).aws_auth_arn, mapping.arn) for arn in _may_go(_props))
        place = kubeconfigs.eks_cluster(_props["kubeconfig"]) or {}
        after = AwsAuthConfigMap(_props["kubeconfig"]).edit(
            lambda document: document.remove(mapping, nodes=nodes),
            self._check(_props, self.kept_credentials({**place, **_props})),
        )
        for entry in after.find(mapping.arn):
            if entry.is_node:
                say(
                    f"{entry} stays: nodes join the cluster by it; when no node uses {mapping.arn} any more, remove it "
                    "with `kubectl -n kube-system edit configmap aws-auth`"
                )

    @staticmethod
    def _check(props: Properties, credentials: str) -> Check:
        """What rejects an edit that locks out the caller, or everybody."""
        return MappingLockout(props["kubeconfig"], credentials, _may_go(props)).check


def _mapping(props: Properties) -> UserMapping:
    kind = props.get("type", EntryType.STANDARD)
    if kind == EntryType.STANDARD:
        return UserMapping.of(props["arn"], props["groups"], props.get("username"))
    # The type gives username and groups, which the inputs have from there already.
    return UserMapping.of(props["arn"], type=kind)


def _mapped(props: Properties) -> UserMapping:
    """The mapping of a state, which was checked once."""
    return UserMapping(props["arn"], props["username"], tuple(props["groups"]))


def _placed(document: AwsAuth, mapping: UserMapping, props: Properties) -> AwsAuth:
    return document.change(mapping) if props.get("adopt") else document.add(mapping)


def _may_go(props: Properties) -> list[str]:
    return [arn for arn in props.get("allow_lockout_of") or [] if not is_unknown(arn)]


def _own(props: Properties) -> Properties:
    return {
        name: props[name]
        for name in ("kubeconfig", "credentials", "type", "adopt", "allow_lockout_of")
        if props.get(name) is not None
    }


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
    if before == after or is_unknown([before, after]) or not isinstance(before, str) or not isinstance(after, str):
        return True
    return kubeconfigs.server(before) == kubeconfigs.server(after)


def _comparable(props: Properties, name: str) -> Any:
    value = props.get(name)
    return (sorted(value) or None) if isinstance(value, list) else value
