"""Pulumi resources as objects of the graph, shared by the sources `state` and `preview`.

`resources` reads values, `clusters` finds the cluster of each resource, `iam`, `eks` and `kubernetes` convert, and
`graph` puts it together.
"""
