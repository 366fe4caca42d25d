"""The components for programs of every Pulumi language: the plugin `pulumi-resource-eks-identity`.

    schema.py      what there is, read off the classes: for `pulumi package`, and for whoever generates an SDK
    wire.py        values of other languages as the components' args, and outputs back
    components.py  makes a component when a program asks for one
    resources.py   serves the resources that this library creates itself
    servicer.py    the engine's calls
    main.py        the process

Nothing of it is imported by Python programs that use the library.
"""
