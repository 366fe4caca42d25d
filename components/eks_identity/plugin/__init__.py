"""The plugin `pulumi-resource-eks-identity`: it serves the components to programs of every Pulumi language.

    schema.py      the package schema, read from the classes, for `pulumi package` and for generated SDKs
    reference.py   the reference in the documentation, written from the schema
    names.py       names of inputs and outputs in texts
    wording.py     fixes without code of Python
    messages.py    errors and warnings in the names of other languages
    exports.py     the classes that the plugin serves
    wire.py        values of other languages as args of components, and outputs as values of other languages
    components.py  constructs components
    resources.py   serves the resources that the library creates itself
    servicer.py    gRPC methods that the engine calls
    main.py        the plugin's process

Python programs that use the library do not import it.
"""
