package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/pkg/v3/codegen/cgstrings"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/nodejs/npm"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// generatePackage writes the SDK of a package with this schema.
func (front *front) generatePackage(
	_ context.Context, request *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.GetSchema()), &spec); err != nil {
		return nil, err
	}
	client, err := schema.NewLoaderClient(request.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	loader := schema.NewCachedLoader(client)
	pkg, diagnostics, err := schema.BindSpec(spec, loader, schema.ValidationOptions{AllowDanglingReferences: true})
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(diagnostics)}
	if diagnostics.HasErrors() {
		return response, nil
	}
	var files map[string][]byte
	switch front.language {
	case "python":
		files, err = python.GeneratePackage(prefix+front.language, pkg, request.GetExtraFiles(), loader)
	case "nodejs":
		files, err = nodejs.GeneratePackage(
			prefix+front.language, pkg, request.GetExtraFiles(), request.GetLocalDependencies(), request.GetLocal(), loader,
		)
	default:
		err = fmt.Errorf("no SDK is generated for %s", front.language)
	}
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		file := filepath.Join(request.GetDirectory(), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// link makes generated SDKs dependencies of a program, and returns how the program imports them.
func (front *front) link(ctx context.Context, request *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	client, err := schema.NewLoaderClient(request.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var packages []linkedPackage
	for _, dependency := range request.GetPackages() {
		pkg, err := load(ctx, client, dependency.GetPackage())
		if err != nil {
			return nil, err
		}
		packages = append(packages, linkedPackage{pkg, dependency.GetPath()})
	}
	instructions := ""
	switch front.language {
	case "python":
		instructions, err = linkPython(ctx, request.GetInfo(), packages)
	case "nodejs":
		instructions, err = linkNodejs(ctx, request.GetInfo(), packages)
	default:
		err = fmt.Errorf("no SDK is linked for %s", front.language)
	}
	return &pulumirpc.LinkResponse{ImportInstructions: instructions}, err
}

// A package and the path of its SDK in the program.
type linkedPackage struct {
	*schema.Package
	path string
}

func load(
	ctx context.Context, loader schema.ReferenceLoader, dependency *pulumirpc.PackageDependency,
) (*schema.Package, error) {
	descriptor := &schema.PackageDescriptor{Name: dependency.GetName(), DownloadURL: dependency.GetServer()}
	if version, err := semver.Parse(dependency.GetVersion()); err == nil {
		descriptor.Version = &version
	}
	if parameters := dependency.GetParameterization(); parameters != nil {
		version, err := semver.Parse(parameters.GetVersion())
		if err != nil {
			return nil, err
		}
		descriptor.Parameterization = &schema.ParameterizationDescriptor{
			Name: parameters.GetName(), Version: version, Value: parameters.GetValue(),
		}
	}
	reference, err := schema.LoadPackageReferenceV2(ctx, loader, descriptor)
	if err != nil {
		return nil, err
	}
	return reference.Definition()
}

func linkPython(ctx context.Context, info *pulumirpc.ProgramInfo, packages []linkedPackage) (string, error) {
	tool, err := resolvePython(info)
	if err != nil {
		return "", err
	}
	instructions, paths := "You can import the SDK in your Python code with:\n\n", map[string]string{}
	for _, each := range packages {
		if err := each.ImportLanguages(map[string]schema.Language{"python": python.Importer}); err != nil {
			return "", err
		}
		name := python.PyPack(each.Namespace, each.Name)
		if own, is := each.Language["python"].(python.PackageInfo); is && own.PackageName != "" {
			name = own.PackageName
		}
		paths[name] = each.path
		instructions += fmt.Sprintf("  import %s as %s\n", name, strings.ReplaceAll(each.Name, "-", "_"))
	}
	return instructions, tool.LinkPackages(ctx, paths)
}

func linkNodejs(ctx context.Context, info *pulumirpc.ProgramInfo, packages []linkedPackage) (string, error) {
	option := info.GetOptions().GetFields()["packagemanager"].GetStringValue()
	manager, err := npm.ResolvePackageManager(npm.PackageManagerType(option), info.GetProgramDirectory())
	if err != nil {
		return "", err
	}
	instructions := "You can import the SDK in your TypeScript code with:\n\n"
	for _, each := range packages {
		if err := each.ImportLanguages(map[string]schema.Language{"nodejs": nodejs.Importer}); err != nil {
			return "", err
		}
		name := "@pulumi/" + each.Name
		if each.Namespace != "" {
			name = "@" + each.Namespace + "/" + each.Name
		}
		if own, is := each.Language["nodejs"].(nodejs.NodePackageInfo); is && own.PackageName != "" {
			name = own.PackageName
		}
		if err := manager.Link(ctx, info.GetProgramDirectory(), name, each.path); err != nil {
			return "", err
		}
		instructions += fmt.Sprintf("  import * as %s from %q;\n", cgstrings.Camel(each.Name), name)
	}
	return instructions, nil
}
