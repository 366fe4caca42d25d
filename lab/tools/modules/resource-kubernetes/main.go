// Pulumi's official provider plugin for Kubernetes, compiled from its Go module.
//
// The vendor's own main package embeds files that its release generates, so it does not compile from the module.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

// The vendor's file cmd/pulumi-resource-kubernetes/schema.json in the same Go module. The compilation overlays it here:
// see `embedded` in lab/tools/programs.py. The vendor's release adds the version and a mapping for converters of
// Terraform programs, which no operation on a stack reads.
//
//go:embed schema.json
var schema []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, nil)
}
