"""Tables of the access graph: when objects are read, and the failures of those that cannot be read."""

import pytest

from eks_access.graph.tables import NotRead, NotReadError, Table


@pytest.fixture
def reads():
    return []


def table(reads, **options):
    """Return a table of one object in the listing, and one more that is read by itself."""

    def every():
        reads.append("all")
        return {"listed": 1}

    def one(key):
        reads.append(key)
        if key == "denied":
            raise NotReadError("denied", "AccessDenied: iam:GetRole")
        return {"listed": 1, "other": 2}.get(key)

    return Table(every, one, **options)


def test_object_is_read_alone_and_once(reads):
    """Before a listing, an object is read by itself, and only once; afterwards from the listing."""
    objects = table(reads)
    assert [objects.get(key) for key in ("listed", "listed", "none")] == [1, 1, None]
    assert objects.all() == {"listed": 1}
    assert (objects.get("listed"), objects.get("other")) == (1, None)
    assert reads == ["listed", "none", "all"]


GAPS = NotRead("IAM role", "only account 111111111111 is listed")


def test_object_that_the_listing_lacks_is_read_alone_where_it_has_gaps(reads):
    """With gaps, an object that the listing lacks is read by itself; listed ones are not."""
    objects = table(reads, gaps=GAPS)
    objects.all()
    assert [objects.get(key) for key in ("listed", "other", "none")] == [1, 2, None]
    assert reads == ["all", "other", "none"]


def test_listing_of_an_account_has_no_gaps_in_that_account(reads):
    """An ARN of the listed account that the listing lacks does not exist; one of another account is read by itself."""
    objects = table(reads, gaps=GAPS, account="111111111111")
    objects.all()
    own, other, of_aws = (f"arn:aws:iam::{account}:policy/p" for account in ("111111111111", "222222222222", "aws"))
    assert [objects.get(arn) for arn in (own, other, of_aws)] == [None, None, None]
    assert reads == ["all", other, of_aws]
    lacking = Table(dict, gaps=GAPS, account="111111111111")
    assert lacking.get(own) is None
    with pytest.raises(NotReadError, match=f"IAM role {other}: only account 111111111111 is listed"):
        lacking.get(other)


def test_failure_of_one_object_stays_in_the_table(reads):
    """An object that cannot be read raises each time, is read once, and is a failure of the table."""
    objects = table(reads, gaps=GAPS)
    objects.all()
    for _ in range(2):
        with pytest.raises(NotReadError, match="denied: AccessDenied: iam:GetRole"):
            objects.get("denied")
    assert reads == ["all", "denied"]
    assert [str(failure) for failure in objects.failures()] == ["denied: AccessDenied: iam:GetRole"]


def test_partial_table_tells_apart_why_it_lacks_an_object():
    """An object may not exist after an update, have unknown contents, or belong to another stack."""
    unknown, unkeyed = NotRead("access entry", "groups of x"), NotRead("access entry", "principal of y")
    objects = Table.partial({"a": 1}, "access entry", "not in the preview", {"gone": None, "new": unknown}, [unkeyed])
    assert (objects.get("a"), objects.get("gone")) == (1, None)
    for key, message in {"new": "access entry: groups of x", "b": "access entry b: not in the preview"}.items():
        with pytest.raises(NotReadError, match=message):
            objects.get(key)
    assert len(list(objects.failures())) == 2


def test_listing_of_a_partial_table_reports_what_it_lacks():
    """A listing is not whole if contents or a key are unknown; an object that will not exist is no failure."""
    unknown, unkeyed = NotRead("access entry", "groups of x"), NotRead("access entry", "principal of y")
    objects = Table.partial({}, "access entry", "not in the preview", {"gone": None, "new": unknown}, [unkeyed])
    assert list(objects.failures()) == []
    objects.all()
    assert list(objects.failures()) == [unknown, unkeyed]


def test_many_objects_are_read_by_one_listing(reads):
    """After some objects that are read alone, all others are read at once."""
    objects = table(reads)
    for index in range(50):
        objects.get(f"none-{index}")
    assert reads == [*(f"none-{index}" for index in range(10)), "all"]


def test_denied_prefetch_is_no_failure_while_objects_can_be_read_alone(reads):
    """If only the listing is denied, objects are read alone; it fails once a question needs the listing."""

    def every():
        raise NotReadError("roles", "AccessDenied: iam:GetAccountAuthorizationDetails")

    objects = Table(every, lambda key: reads.append(key) or key)
    objects.prefetch()
    assert [objects.get(index) for index in range(20)] == list(range(20))
    assert (reads, list(objects.failures())) == (list(range(20)), [])
    with pytest.raises(NotReadError):
        objects.all()
    assert [failure.part for failure in objects.failures()] == ["roles"]


def test_keys_are_listed_without_the_objects(reads):
    """Where the source can list keys alone, no object is read for them; elsewhere they are those of all objects."""
    assert list(table(reads, keys=lambda: ["listed"]).keys()) == ["listed"]
    assert reads == []
    assert list(table(reads).keys()) == ["listed"]
    assert reads == ["all"]
