"""What stands behind Pulumi's dynamic resource `AccessGuard`: it makes nothing, and refuses at the right moment."""

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from eks_identity.dynamic_provider import PlainProvider, Properties, changed, is_unknown, refused, say
from eks_identity.errors import AwsError, ClusterError, InvalidInput, MalformedDocumentError, Problem
from eks_identity.model import lockout
from eks_identity.people.lockout import Loss, WaysIn


class AccessGuardProvider(PlainProvider):
    """Compares whom a declaration lets in with whom it let in. Properties are those of `AccessGuardArgs`."""

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Refuses a change that would lock somebody out; runs in previews, and asks AWS only where something goes."""
        if not _olds or is_unknown([_olds, news.get("cluster_name")]) or changed(_olds, news, "cluster_name", "region"):
            return CheckResult(news, [])
        try:
            return refused(news, [*_taken_over_from_itself(_olds, news), *self._refusals(_olds, news)])
        except InvalidInput as refusal:
            return refused(news, refusal.problems)
        except (AwsError, ClusterError, MalformedDocumentError) as error:
            fix = "mend that; or name who goes in break_glass, and nobody is asked"
            rule = f"who is left must be seen before somebody is taken out:\n    {error}"
            return refused(news, [Problem("principals", rule, _olds["principals"], fix)])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Another cluster has another guard; the rest is written down anew."""
        replaces = changed(_olds, _news, "cluster_name", "region")
        kept = ("principals", "administrators", "break_glass", "adopted", "kubeconfig")
        return DiffResult(bool(replaces) or any(_olds.get(name) != _news.get(name) for name in kept), replaces)

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
        loss = Loss(_props["principals"], _props["administrators"], _props.get("break_glass") or [])
        problems = WaysIn(_props, self.profile).refusals(loss)
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
        return WaysIn(olds if is_unknown(news.get("kubeconfig")) else news, self.profile).refusals(loss)


def _taken_over_from_itself(olds: Properties, news: Properties) -> list[Problem]:
    if olds.get("adopted") or not news.get("adopted"):
        return []
    rule = "an entry that is made here is not taken over here as well: what made it would delete it then"
    fix = "leave adopt out; what is to be taken over is declared on its own"
    stay = [arn for arn in news["principals"] if not is_unknown(arn) and lockout.among(arn, olds["principals"])]
    return [Problem("adopt", rule, arn, fix) for arn in stay]


def _known(props: Properties) -> Properties:
    names = ("cluster_name", "region", "principals", "administrators", "break_glass", "adopted", "kubeconfig")
    return {name: props[name] for name in names if props.get(name) is not None}
