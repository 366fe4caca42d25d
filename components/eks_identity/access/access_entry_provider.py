"""Create, take over, read, update and delete of one access entry, behind the dynamic resource `AccessEntry`."""

from typing import Any

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime.rpc import UNKNOWN

from eks_identity.access import run_state
from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout import Change, Review
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError, Problem
from eks_identity.evaluation.access_changes import AccessChange, DeclaredAccess, DeclaredEntry
from eks_identity.model import lockout
from eks_identity.model.access_entries import EntrySpec, EntryType
from eks_identity.model.arns import Principal
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.runtime.dynamic_provider import (
    PlainProvider,
    Properties,
    another_cluster,
    changed,
    is_unknown,
    note,
    other_credentials,
    refused,
    say,
)

_IDENTITY = ("cluster_name", "region", "principal_arn")
_SETTINGS = ("username", "groups", "tags")
_NOTES = ("cluster_arn", "allow_lockout_of", "kubeconfig", "guarded")
_KEPT = (*_IDENTITY, *_NOTES, "credentials", "takes_over")


class AccessEntryProvider(PlainProvider):
    """One principal's entry in one cluster. The resource's id is `<region>/<cluster>/<principal ARN>`."""

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Refuses what EKS would, and what cannot be taken over; says what a takeover finds. Runs in previews."""
        note(news)
        if is_unknown([news.get(name) for name in (*_IDENTITY, "username", "groups", "credentials")]):
            return CheckResult({**news, "takes_over": UNKNOWN}, [])
        run, entry = run_state.run_of(self), run_state.entry_keys(news, [news["principal_arn"]])
        run.adopted |= entry
        if entry <= run.leaving:
            return refused(news, run_state.moved_entry_problems(entry))
        try:
            EntrySpec.of(news["principal_arn"], news["groups"], news["username"])
            same = bool(_olds) and not _another(_olds, news)
            if not news.get("guarded") and (not same or changed(_olds, news, "username", "groups")):
                self._reject_lockout(news, AccessChange(DeclaredAccess(), _declared(news)), self.credentials(news))
            if same:
                return CheckResult({**news, "takes_over": _olds.get("takes_over", "")}, [])
            found = self._found(news, self.credentials(news))
            _refuse_other_type(found)
        except InvalidInput as refusal:
            return refused(news, refusal.problems)
        except AwsError as error:
            rule, _, fix = str(error).partition("\n  fix: ")
            return refused(news, [Problem("principal_arn", rule, news["principal_arn"], fix or "run this again")])
        if found is not None:
            say(
                f"takes over the access entry of {found.principal_arn}, which had: {found}\n  and gets: {_wanted(news)}"
            )
        return CheckResult({**news, "takes_over": "" if found is None else str(found)}, [])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Another principal or cluster is another entry; the rest changes where it stands."""
        replaces = _another(_olds, _news)
        differs = [name for name in (*_SETTINGS, *_NOTES) if _comparable(_olds, name) != _comparable(_news, name)]
        return DiffResult(bool(replaces or differs) or other_credentials(_olds, _news), replaces)

    def create(self, props: Properties) -> CreateResult:
        """Makes the entry; or sets the one that is there, which is not away for a moment and keeps its policies."""
        api = EksApi.of(props, self.credentials(props))
        principal = props["principal_arn"]
        made = api.make(
            principal,
            type=EntryType.STANDARD.value,
            username=props["username"],
            kubernetesGroups=props["groups"],
            tags=props.get("tags") or {},
        )
        if not made:
            self._set(api, props, {})
        return CreateResult(f"{props['region']}/{props['cluster_name']}/{principal}", self._outputs(api, props))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """What the entry says now; tags that others put there are theirs."""
        found = self._found(props, self.kept_credentials(props))
        if found is None:
            return ReadResult("", {})
        tags = {key: found.tags[key] for key in props.get("tags") or {} if key in found.tags}
        inputs = {name: props[name] for name in _KEPT if props.get(name) is not None}
        inputs |= {"username": found.username, "groups": list(found.groups), "tags": tags}
        return ReadResult(id_, {**inputs, "access_entry_arn": found.arn}, inputs)

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Changes the entry where it stands, and makes it again if somebody deleted it."""
        api = EksApi.of(_news, self.credentials(_news))
        if self._found(_news, self.credentials(_news)) is None:
            return UpdateResult(self.create(_news).outs)
        self._set(api, _news, _olds)
        return UpdateResult(self._outputs(api, _news))

    def delete(self, _id: str, _props: Properties) -> None:
        """Deletes the entry, whoever made it; not where it is a last way in, unless an `LockoutGuard` sees to that.

        One that the program takes over still, under another name, stays.
        """
        run = run_state.run_of(self)
        if run_state.entry_keys(_props, [_props["principal_arn"]]) <= run.adopted:
            say(f"the access entry of {_props['principal_arn']} stays: this program declares it under another name now")
            return
        if not _props.get("guarded"):
            change = AccessChange(_declared(_props), DeclaredAccess())
            self._reject_lockout(_props, change, self.kept_credentials(_props))
        api = EksApi.of(_props, self.kept_credentials(_props))
        if api.mode() is not None:
            api.remove(_props["principal_arn"])

    @staticmethod
    def _reject_lockout(props: Properties, change: AccessChange, credentials: str) -> None:
        """Raises `InvalidInput` if the caller or the last administrator would lose access."""
        principal, allow_lockout_of = props["principal_arn"], props.get("allow_lockout_of") or []
        try:
            problems = Review(LiveCluster(props, credentials), Change(change, allow_lockout_of)).problems()
        except (ClusterError, MalformedDocumentError) as error:
            problems = [lockout.not_evaluated([principal], str(error))]
        if problems:
            raise InvalidInput(problems, subject=f"access entry of {principal} in {props['cluster_name']}")

    def _set(self, api: EksApi, props: Properties, olds: Properties) -> None:
        found = api.entry(props["principal_arn"])
        _refuse_other_type(found)
        assert found is not None
        if (found.username, sorted(found.groups)) != (props["username"], sorted(props["groups"])):
            api.change(props["principal_arn"], props["username"], props["groups"])
        tags = props.get("tags") or {}
        new = {key: value for key, value in tags.items() if found.tags.get(key) != value}
        api.tag(found.arn, new, [key for key in olds.get("tags") or {} if key not in tags and key in found.tags])

    def _outputs(self, api: EksApi, props: Properties) -> Properties:
        found = api.entry(props["principal_arn"])
        if found is None or (found.username, sorted(found.groups)) != (props["username"], sorted(props["groups"])):
            raise AwsError(
                f"access entry of {props['principal_arn']} in {props['cluster_name']} reads back as {found or 'gone'}, "
                f"not as {_wanted(props)}\n  fix: something else writes it too; find out what, and run this again"
            )
        kept = {name: props[name] for name in (*_KEPT, *_SETTINGS) if name in props}
        return {**kept, "access_entry_arn": found.arn}

    def _found(self, props: Properties, credentials: str) -> ExistingEntry | None:
        """The entry that is there; none where the cluster has none, or is none."""
        api = EksApi.of(props, credentials)
        mode = api.mode()
        return api.entry(props["principal_arn"]) if mode is not None and mode.reads_access_entries else None


def _declared(props: Properties) -> DeclaredAccess:
    return DeclaredAccess((DeclaredEntry(props["principal_arn"], props["username"], tuple(props["groups"])),))


def _another(olds: Properties, news: Properties) -> list[str]:
    return [*another_cluster(olds, news), *changed(olds, news, "principal_arn")]


def _refuse_other_type(found: ExistingEntry | None) -> None:
    if found is not None and found.type != EntryType.STANDARD:
        rule = f"an entry's type cannot be changed, and this principal has one of type {found.type}, for nodes (EKS)"
        fix = "give another principal; nodes that come in by that entry need it"
        raise InvalidInput([Problem("principal_arn", rule, Principal.parse(found.principal_arn).arn, fix)])


def _wanted(props: Properties) -> str:
    return f"username {props['username']!r}, groups {props['groups']}, tags {props.get('tags') or {}}"


def _comparable(props: Properties, name: str) -> Any:
    value = props.get(name)
    if isinstance(value, list):
        return sorted(map(str, value))
    return value or None
