"""What stands behind Pulumi's dynamic resource `LockoutGuard`: it makes nothing, and refuses at the right moment."""

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from eks_identity.access import run_state
from eks_identity.access.declared_access import between, removal
from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout import Change, Review
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import lockout
from eks_identity.runtime.dynamic_provider import (
    PlainProvider,
    Properties,
    another_cluster,
    is_unknown,
    note,
    other_credentials,
    refused,
    say,
    say_once,
)

_NOTES = ("cluster_arn", "principals", "administrators", "allow_lockout_of", "adopted", "kubeconfig", "declared")


class LockoutGuardProvider(PlainProvider):
    """Compares the access that a declaration configures with the access that it configured before.

    Properties are those of `LockoutGuardArgs`, and `declared` from ClusterAccess.
    """

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Rejects a change that locks somebody out; runs in previews, and queries AWS only if something changes."""
        note(news)
        if is_unknown([_olds, news.get("cluster_name"), news.get("credentials")]):
            return CheckResult(news, [])
        run = run_state.run_of(self)
        run.guarded |= run_state.entry_keys(news, news["principals"])
        is_new = not _olds or bool(another_cluster(_olds, news))
        leaving = run_state.entry_keys(news, [] if is_new else _olds["principals"])
        leaving -= run_state.entry_keys(news, news["principals"])
        run.leaving |= leaving
        try:
            problems = self._of_another_account(news) if is_new else _taken_over_from_itself(_olds, news)
            problems += run_state.moved_entry_problems(leaving & run.adopted)
            return refused(news, problems or self._lockouts({} if is_new else _olds, news))
        except InvalidInput as refusal:
            return refused(news, refusal.problems)
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            change, _ = between({} if is_new else _olds, news)
            return refused(news, [lockout.not_evaluated(set(change.affected), str(error))])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Another cluster has another guard; the rest is written down anew."""
        replaces = another_cluster(_olds, _news)
        differs = any(_olds.get(name) != _news.get(name) for name in _NOTES)
        return DiffResult(bool(replaces) or differs or other_credentials(_olds, _news), replaces)

    def create(self, props: Properties) -> CreateResult:
        """Writes down who is let in."""
        return CreateResult(f"{props['region']}/{props['cluster_name']}", _known(props))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """There is nothing of it in AWS that could differ."""
        return ReadResult(id_, _known(props))

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        return UpdateResult(_known(_news))

    def delete(self, _id: str, _props: Properties) -> None:
        """Refuses, before its entries go, where these are a last way in; not where their cluster is gone."""
        run = run_state.run_of(self)
        problems = run_state.forgotten(run_state.entry_keys(_props, _props["principals"]) & (run.adopted | run.guarded))
        subject = f"access to EKS cluster {_props['cluster_name']}"
        if problems:
            raise InvalidInput(problems, subject=subject)
        try:
            live = LiveCluster(_props, self.kept_credentials(_props))
            problems = self._reviewed(live, removal(_props), run_state.cluster_key(_props))
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            problems = [lockout.not_evaluated(_props["principals"], str(error))]
        if problems:
            raise InvalidInput(problems, subject=subject)

    def _lockouts(self, olds: Properties, news: Properties) -> list[Problem]:
        change, undecided = between(olds, news)
        if undecided:
            say(
                f"{', '.join(undecided)}: whether this locks out the caller or the last administrator is evaluated in "
                "the update; this preview does not know all principals yet"
            )
        place = olds if olds and is_unknown(news.get("kubeconfig")) else news
        return self._reviewed(LiveCluster(place, self.credentials(news)), change, run_state.cluster_key(news))

    def _reviewed(self, live: LiveCluster, change: Change, cluster: run_state.Key) -> list[Problem]:
        """Why the change must not be made. It is noted for the evaluation of others if there is no reason."""
        run, review = run_state.run_of(self), Review(live, change)
        if not review.is_needed:
            return []
        with run.lock:
            problems = review.problems(run.changes[cluster])
            if not problems:
                run.changes[cluster].append(change.access)
        return problems

    def _of_another_account(self, news: Properties) -> list[Problem]:
        """Whether whoever guards here would ask about another cluster, when somebody is taken out."""
        try:
            EksApi.of(news, self.credentials(news)).require_account()
        except InvalidInput as refusal:
            return list(refusal.problems)
        except AwsError as error:
            say_once(f"cannot see whether this is the account of {news['cluster_name']}: {error}")
        return []


def _taken_over_from_itself(olds: Properties, news: Properties) -> list[Problem]:
    if olds.get("adopted") or not news.get("adopted"):
        return []
    rule = "an entry that is made here is not taken over here as well: what made it would delete it then"
    fix = "leave adopt out; what is to be taken over is declared on its own"
    stay = [arn for arn in news["principals"] if not is_unknown(arn) and lockout.among(arn, olds["principals"])]
    return [Problem("adopt", rule, arn, fix) for arn in stay]


def _known(props: Properties) -> Properties:
    names = ("cluster_name", "region", "credentials", *_NOTES)
    return {name: props[name] for name in names if props.get(name) is not None}
