// Pulumi's own generator of Node.js SDKs as a program: a package's schema in, files out.
//
// `pulumi package gen-sdk` has the language host do it, and the host that the lab can compile is older than that.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// The version of Pulumi's pkg module in go.mod.
const version = "v3.230.0"

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("pulumi-sdk-nodejs %s: needs the schema's file and the folder to write to", version))
	}
	fail(generate(os.Args[1], os.Args[2]))
}

func generate(file, folder string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	pkg, wrong, err := schema.BindSpec(spec, nil, schema.ValidationOptions{})
	if err != nil {
		return err
	}
	if wrong.HasErrors() {
		return wrong
	}
	pkg.SupportPack = true // as `pulumi package add` does
	files, err := nodejs.GeneratePackage("pulumi", pkg, nil, nil, true, nil)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
