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

// Prints the plugin of each Python package that has one. Its default version is the package's.
const listPlugins = `
import importlib.metadata, json, pathlib, sys
plugins = {}
for file in (file for folder in sys.path for file in sorted(pathlib.Path(folder or ".").glob("*/pulumi-plugin.json"))):
    plugin, package = json.loads(file.read_text()), file.parent.name
    if plugin.get("resource") and package not in plugins:
        version = plugin.get("version") or importlib.metadata.version(package)
        name = plugin.get("name") or package.removeprefix("pulumi_").replace("_", "-")
        plugins[package] = {**plugin, "name": name, "version": version}
json.dump(list(plugins.values()), sys.stdout)
`

// The contents of a package's pulumi-plugin.json.
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

// requiredPackages lists the plugins of the packages that a Python program can import. The old host runs `pip list`,
// which takes longer than most previews; Python itself lists them in some ten milliseconds. A folder that is itself a
// plugin requires none: the engine loads the plugins of its resources when a program registers them.
func (front *front) requiredPackages(
	ctx context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	if _, err := os.Stat(filepath.Join(request.GetInfo().GetProgramDirectory(), "PulumiPlugin.yaml")); err == nil {
		return &pulumirpc.GetRequiredPackagesResponse{}, nil
	}
	tool, err := resolvePython(request.GetInfo())
	if err != nil {
		return nil, err
	}
	python, err := tool.Command(ctx, "-c", listPlugins)
	if err != nil {
		return nil, err
	}
	python.Dir = request.GetInfo().GetProgramDirectory()
	printed, err := python.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the plugins of the packages of %s: %w", python.Path, err)
	}
	var plugins []pythonPlugin
	if err := json.Unmarshal(printed, &plugins); err != nil {
		return nil, err
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, plugin := range plugins {
		dependency := &pulumirpc.PackageDependency{
			Name: plugin.Name, Kind: "resource", Version: plugin.Version, Server: plugin.Server,
		}
		if parameters := plugin.Parameterization; parameters != nil {
			dependency.Parameterization = &pulumirpc.PackageParameterization{
				Name: parameters.Name, Version: parameters.Version, Value: parameters.Value,
			}
		}
		response.Packages = append(response.Packages, dependency)
	}
	return response, nil
}

// resolvePython returns the toolchain of a program: its virtual environment, that of uv or poetry, or Python on PATH.
func resolvePython(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
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
