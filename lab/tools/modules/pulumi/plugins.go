package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// Prints what each package that Python finds says of its plugin. Its version is the package's where it says none.
const askPython = `
import importlib.metadata, json, pathlib, sys
found = {}
for file in (file for folder in sys.path for file in sorted(pathlib.Path(folder or ".").glob("*/pulumi-plugin.json"))):
    plugin, package = json.loads(file.read_text()), file.parent.name
    if plugin.get("resource") and package not in found:
        version = plugin.get("version") or importlib.metadata.version(package)
        name = plugin.get("name") or package.removeprefix("pulumi_").replace("_", "-")
        found[package] = {**plugin, "name": name, "version": version}
json.dump(list(found.values()), sys.stdout)
`

// What a package says of its plugin, in pulumi-plugin.json.
type pythonPlugin struct {
	Name             string `json:"name"`
	Version          string `json:"version"`
	Server           string `json:"server"`
	Parameterization *struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Value   []byte `json:"value"`
	} `json:"parameterization"`
}

// requiredPackages lists the plugins of the packages that a Python program can import. The old host asks `pip list`
// for them, which takes longer than most previews; Python itself answers in some ten milliseconds. A folder that is a
// plugin itself needs none before its resources are declared, by a program that may have them already.
func (front *front) requiredPackages(
	ctx context.Context, asked *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	if _, err := os.Stat(filepath.Join(asked.GetInfo().GetProgramDirectory(), "PulumiPlugin.yaml")); err == nil {
		return &pulumirpc.GetRequiredPackagesResponse{}, nil
	}
	tool, err := pythonOf(asked.GetInfo())
	if err != nil {
		return nil, err
	}
	python, err := tool.Command(ctx, "-c", askPython)
	if err != nil {
		return nil, err
	}
	python.Dir = asked.GetInfo().GetProgramDirectory()
	printed, err := python.Output()
	if err != nil {
		return nil, fmt.Errorf("asking %s for the plugins of its packages: %w", python.Path, err)
	}
	var plugins []pythonPlugin
	if err := json.Unmarshal(printed, &plugins); err != nil {
		return nil, err
	}
	said := &pulumirpc.GetRequiredPackagesResponse{}
	for _, plugin := range plugins {
		needed := &pulumirpc.PackageDependency{
			Name: plugin.Name, Kind: "resource", Version: plugin.Version, Server: plugin.Server,
		}
		if given := plugin.Parameterization; given != nil {
			needed.Parameterization = &pulumirpc.PackageParameterization{
				Name: given.Name, Version: given.Version, Value: given.Value,
			}
		}
		said.Packages = append(said.Packages, needed)
	}
	return said, nil
}

// pythonOf is what runs Python for a program: its virtual environment, or that of uv or poetry, or the one on PATH.
func pythonOf(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	tools := map[string]toolchain.PythonOptions{
		"":       {Toolchain: toolchain.Auto},
		"pip":    {Toolchain: toolchain.Pip},
		"poetry": {Toolchain: toolchain.Poetry},
		"uv":     {Toolchain: toolchain.Uv},
	}
	fields := info.GetOptions().GetFields()
	options, known := tools[fields["toolchain"].GetStringValue()]
	if !known {
		return nil, fmt.Errorf("unknown toolchain %q", fields["toolchain"].GetStringValue())
	}
	options.Root = info.GetRootDirectory()
	options.ProgramDir = info.GetProgramDirectory()
	options.Virtualenv = fields["virtualenv"].GetStringValue()
	return toolchain.ResolveToolchain(options)
}
