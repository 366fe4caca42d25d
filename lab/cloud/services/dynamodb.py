"""Enforced operations of Amazon DynamoDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from moto.dynamodb.parsing.partiql import get_query_metadata

from lab.cloud.api_call import ApiCall
from lab.cloud.context import Values
from lab.cloud.service_authorization import ResourceType, resource_types
from lab.cloud.services.backends import find_backend, tags_of
from lab.cloud.services.rules import (
    Requirement,
    Resolver,
    Service,
    any_of,
    call_variables,
    check_arn,
    members,
    names,
)

_TRANSACT_ACTIONS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_STATEMENT_ACTIONS = {
    "insert": "PartiQLInsert",
    "update": "PartiQLUpdate",
    "delete": "PartiQLDelete",
}
_EQUALITY = re.compile(r"(?P<name>#?[\w.-]+)\s*=\s*(?P<value>:\w+)")
_WRITE_STATEMENT = re.compile(
    r'\s*(?P<verb>insert\s+into|update|delete\s+from)\s+(?P<table>"[^"]+"|[\w-]+)(?=\s|$)', re.IGNORECASE
)
"""A statement that writes names one table, after its verb."""


def _table_arn(call: ApiCall, table: str) -> str:
    table_type = resource_types("dynamodb")["table"]
    if table.startswith("arn:"):
        check_arn(call, table, [table_type])
        return table
    return table_type.fill({**call_variables(call), "TableName": table})


def _batch_tables(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    for table in call.params.get("RequestItems") or {}:
        yield _table_arn(call, str(table))


def _index_or_table(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    """Yield the index that a query reads, which needs no permission on the table, or the table."""
    table = _table_arn(call, str(call.params.get("TableName") or ""))
    index = call.params.get("IndexName")
    yield f"{table}/index/{index}" if index else table


def _transaction(call: ApiCall) -> Iterable[Requirement]:
    """Yield the action on each item of a transaction."""
    for item in call.params.get("TransactItems") or ():
        for kind, part in item.items():
            yield Requirement(f"dynamodb:{_TRANSACT_ACTIONS[kind]}", _table_arn(call, str(part["TableName"])))


def _statements(call: ApiCall) -> Iterable[Requirement]:
    """Yield the action on each table of the PartiQL statements."""
    entries: list[Any] = [call.params]
    for member in ("Statements", "TransactStatements"):
        entries += call.params.get(member) or ()
    for entry in [entry for entry in entries if "Statement" in entry]:
        statement = str(entry["Statement"])
        match = _WRITE_STATEMENT.match(statement)
        tables = [match["table"]] if match else _selected_tables(call, statement)
        action = _STATEMENT_ACTIONS[match["verb"].split()[0].lower()] if match else "PartiQLSelect"
        for table in tables:
            arn = _partiql_arn(call, table)
            hash_key = _hash_key(arn)
            keys = tuple(_statement_keys(statement, entry.get("Parameters") or (), hash_key)) if hash_key else ()
            yield Requirement(f"dynamodb:{action}", arn, {"dynamodb:LeadingKeys": keys} if keys else {})


def _statement_keys(statement: str, parameters: Sequence[Mapping[str, Any]], hash_key: str) -> Iterator[str]:
    """Yield the values of the partition key in a PartiQL statement, literals and parameters."""
    name = f"[\"']?{re.escape(hash_key)}[\"']?"
    for match in re.finditer(
        rf"{name}\s*(?:=|:|\bIN\b)\s*(?P<values>[(\[][^)\]]*[)\]]|'[^']*'|\?)", statement, re.IGNORECASE
    ):
        for value in re.finditer(r"'(?P<text>[^']*)'|\?", match["values"]):
            if value["text"] is not None:
                yield value["text"]
            else:
                position = statement[: match.start("values") + value.start()].count("?")
                yield from map(str, parameters[position].values() if position < len(parameters) else ())


def _selected_tables(call: ApiCall, statement: str) -> list[str]:
    """Return the tables of a SELECT statement, read by the parser with which moto executes it."""
    try:
        metadata = get_query_metadata(statement)
        tables = [str(table) for table in metadata.get_table_names()] if metadata.is_select_query() else []
    except Exception as error:
        raise call.error("ValidationException", f"Statement wasn't well formed: {error!r}") from error
    if not tables:
        raise call.error("ValidationException", f"The lab cannot read the table of the statement {statement}")
    return tables


def _partiql_arn(call: ApiCall, name: str) -> str:
    """Return the ARN of a table (`"a"`) or of an index (`"a"."b"`)."""
    table, _, index = (part.strip('"') for part in name.partition('"."' if name.startswith('"') else "."))
    arn = _table_arn(call, table)
    return f"{arn}/index/{index}" if index else arn


def _context(call: ApiCall, requirement: Requirement) -> Values:
    """Return `dynamodb:LeadingKeys`: the values of the partition key that the call reads or writes in the table."""
    values = list(_leading_keys(call, requirement.resource))
    return {"dynamodb:LeadingKeys": tuple(dict.fromkeys(values))} if values else {}


def _hash_key(arn: str) -> str | None:
    """Return the name of the partition key of a table or of an index, or None if there is no such table."""
    backend = find_backend("dynamodb", arn)
    name, _, index = arn.partition(":table/")[2].partition("/index/")
    table = backend.tables.get(name) if backend else None
    if table is None:
        return None
    for each_index in table.all_indexes() if index else ():
        if each_index.name == index:
            return str(next(key["AttributeName"] for key in each_index.schema if key["KeyType"] == "HASH"))
    return str(table.hash_key_attr)


def _leading_keys(call: ApiCall, arn: str) -> Iterator[str]:
    name, hash_key = arn.partition(":table/")[2].partition("/index/")[0], _hash_key(arn)
    if hash_key is None:
        return
    for item in _items(call, name, arn):
        if hash_key in item:
            yield from map(str, item[hash_key].values())
    names_of, values_of = call.find("ExpressionAttributeNames") or {}, call.find("ExpressionAttributeValues") or {}
    for match in _EQUALITY.finditer(str(call.params.get("KeyConditionExpression") or "")):
        if names_of.get(match["name"], match["name"]) == hash_key:
            yield from map(str, (values_of.get(match["value"]) or {}).values())
    condition = call.find("KeyConditions") or {}
    for value in (condition.get(hash_key) or {}).get("AttributeValueList") or ():
        yield from map(str, value.values())


def _items(call: ApiCall, table: str, arn: str) -> Iterator[Mapping[str, Any]]:
    """Yield the keys and items that the call has for the table."""
    yield from (call.params[member] for member in ("Key", "Item") if member in call.params)
    requests = call.find("RequestItems") or {}
    entries = requests.get(table) or requests.get(arn) or ()
    if isinstance(entries, Mapping):
        yield from entries.get("Keys") or ()
    else:
        for entry in entries:
            yield from (part.get("Item") or part.get("Key") for part in entry.values())
    for item in call.params.get("TransactItems") or ():
        for part in item.values():
            if part["TableName"] in {table, arn}:
                yield part.get("Item") or part.get("Key")


_QUERY: dict[str, Resolver] = {"table": _index_or_table}

DYNAMODB = Service(
    name="dynamodb",
    prefix="dynamodb",
    signing_name="dynamodb",
    backend="dynamodb",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html",
    operations=names(
        "BatchExecuteStatement BatchGetItem BatchWriteItem CreateTable DeleteItem DeleteTable DescribeTable "
        "DescribeTimeToLive ExecuteStatement ExecuteTransaction GetItem ListTables ListTagsOfResource PutItem Query "
        "Scan TagResource TransactGetItems TransactWriteItems UntagResource UpdateItem UpdateTable UpdateTimeToLive"
    ),
    resources={"table": any_of(members(TableName="[TableName, ResourceArn]"), _batch_tables)},
    operation_resources={"Query": _QUERY, "Scan": _QUERY},
    # Permissions of transactions and PartiQL statements are those of each of their parts:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
    requirements={
        "BatchExecuteStatement": _statements,
        "ExecuteStatement": _statements,
        "ExecuteTransaction": _statements,
        "TransactGetItems": _transaction,
        "TransactWriteItems": _transaction,
    },
    tagging={"CreateTable": "TagResource"},
    condition_members={"dynamodb:Select": "Select"},
    context=_context,
    list_tags=tags_of("dynamodb"),
    accepts=lambda request: request.headers.get("X-Amz-Target", "").startswith("DynamoDB_20120810."),
)
