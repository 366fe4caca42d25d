"""What stands behind Pulumi's dynamic resource `AccessGuard`: it makes nothing, and refuses at the right moment."""

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from eks_identity.dynamic_provider import (
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
from eks_identity.eks_api import EksApi
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import lockout
from eks_identity.people import handovers
from eks_identity.people.lockout import Loss, WaysIn

_NOTES = ("cluster_arn", "principals", "administrators", "break_glass", "adopted", "kubeconfig")


class AccessGuardProvider(PlainProvider):
    """Compares whom a declaration lets in with whom it let in. Properties are those of `AccessGuardArgs`."""

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Refuses a change that would lock somebody out; runs in previews, and asks AWS only where something goes."""
        note(news)
        if is_unknown([_olds, news.get("cluster_name"), news.get("credentials")]):
            return CheckResult(news, [])
        run = handovers.run_of(self)
        run.guarded |= handovers.entered(news, news["principals"])
        if not _olds or another_cluster(_olds, news):
            return refused(news, self._of_another_account(news))
        leaving = handovers.entered(news, _olds["principals"]) - handovers.entered(news, news["principals"])
        run.leaving |= leaving
        try:
            own = [*_taken_over_from_itself(_olds, news), *handovers.moved(leaving & run.adopted)]
            return refused(news, [*own, *self._refusals(_olds, news)])
        except InvalidInput as refusal:
            return refused(news, refusal.problems)
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            fix = "mend that; or name who goes in break_glass, and nobody is asked"
            rule = f"who is left must be seen before somebody is taken out:\n    {error}"
            return refused(news, [Problem("principals", rule, _olds["principals"], fix)])

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
        run = handovers.run_of(self)
        problems = handovers.forgotten(handovers.entered(_props, _props["principals"]) & (run.adopted | run.guarded))
        loss = Loss(_props["principals"], _props["administrators"], _props.get("break_glass") or [])
        problems = problems or WaysIn(_props, self.kept_credentials(_props)).refusals(loss)
        if problems:
            raise InvalidInput(problems, subject=f"access to EKS cluster {_props['cluster_name']}")

    def _refusals(self, olds: Properties, news: Properties) -> list[Problem]:
        stay = [arn for arn in news["principals"] if not is_unknown(arn)]
        gone = lockout.without(olds["principals"], stay)
        administrators = [arn for arn in news["administrators"] if not is_unknown(arn)]
        demoted = lockout.without(olds["administrators"], administrators)
        if not gone and not demoted:
            return []
        if is_unknown([news["principals"], news["administrators"], news.get("break_glass")]):
            say(f"{', '.join(gone or demoted)}: whether this takes away a last way in is known in the update only")
            return []
        loss = Loss(gone, demoted, news.get("break_glass") or [], stays_administered=bool(administrators))
        ways = WaysIn(olds if is_unknown(news.get("kubeconfig")) else news, self.credentials(news))
        return ways.refusals(loss)

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
