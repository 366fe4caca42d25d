"""Stand-in for Pulumi's aws plugin: a table with one row a type, and one engine that runs every row over boto3.

rows/       what AWS calls a type's operations and members: data
check       Pulumi's inputs → the inputs that a row accepts, or every fault in them: pure
diff        state and inputs → what changed, and whether it replaces: pure
lifecycle   a row, run: create, read, update and delete, with AWS's own error text
functions/  what programs look up without owning it
session     the provider's configuration → boto3 clients
"""
