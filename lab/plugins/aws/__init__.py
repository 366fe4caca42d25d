"""Stand-in for Pulumi's aws plugin: a resource spec for each type, and one implementation that runs them with boto3.

resource_specs/  the operations and members of AWS's API for each type: data
resource_spec    the classes of a resource spec
converters       conversions between Pulumi's and AWS's values: pure
check            a program's inputs → checked inputs with defaults, or every problem in them: pure
diff             state and inputs → the changed properties, and whether they replace the resource: pure
lifecycle        create, read, update and delete by a resource spec, with AWS's own error messages
functions/       invokes: queries of resources that the program does not own
session          the provider's configuration → boto3 clients
"""
