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
	_ context.Context, asked *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(asked.GetSchema()), &spec); err != nil {
		return nil, err
	}
	client, err := schema.NewLoaderClient(asked.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	loader := schema.NewCachedLoader(client)
	pkg, found, err := schema.BindSpec(spec, loader, schema.ValidationOptions{AllowDanglingReferences: true})
	if err != nil {
		return nil, err
	}
	said := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(found)}
	if found.HasErrors() {
		return said, nil
	}
	var files map[string][]byte
	switch front.language {
	case "python":
		files, err = python.GeneratePackage(prefix+front.language, pkg, asked.GetExtraFiles(), loader)
	case "nodejs":
		files, err = nodejs.GeneratePackage(
			prefix+front.language, pkg, asked.GetExtraFiles(), asked.GetLocalDependencies(), asked.GetLocal(), loader,
		)
	default:
		err = fmt.Errorf("no SDK is generated for %s", front.language)
	}
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		file := filepath.Join(asked.GetDirectory(), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return nil, err
		}
	}
	return said, nil
}

// link makes generated SDKs dependencies of a program, and says how the program imports them.
func (front *front) link(ctx context.Context, asked *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	client, err := schema.NewLoaderClient(asked.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var packages []linked
	for _, dependency := range asked.GetPackages() {
		pkg, err := load(ctx, client, dependency.GetPackage())
		if err != nil {
			return nil, err
		}
		packages = append(packages, linked{pkg, dependency.GetPath()})
	}
	said := ""
	switch front.language {
	case "python":
		said, err = linkPython(ctx, asked.GetInfo(), packages)
	case "nodejs":
		said, err = linkNodejs(ctx, asked.GetInfo(), packages)
	default:
		err = fmt.Errorf("no SDK is linked for %s", front.language)
	}
	return &pulumirpc.LinkResponse{ImportInstructions: said}, err
}

// A package, and where its SDK is in the program.
type linked struct {
	*schema.Package
	path string
}

func load(
	ctx context.Context, loader schema.ReferenceLoader, named *pulumirpc.PackageDependency,
) (*schema.Package, error) {
	described := &schema.PackageDescriptor{Name: named.GetName(), DownloadURL: named.GetServer()}
	if version, err := semver.Parse(named.GetVersion()); err == nil {
		described.Version = &version
	}
	if given := named.GetParameterization(); given != nil {
		version, err := semver.Parse(given.GetVersion())
		if err != nil {
			return nil, err
		}
		described.Parameterization = &schema.ParameterizationDescriptor{
			Name: given.GetName(), Version: version, Value: given.GetValue(),
		}
	}
	reference, err := schema.LoadPackageReferenceV2(ctx, loader, described)
	if err != nil {
		return nil, err
	}
	return reference.Definition()
}

func linkPython(ctx context.Context, info *pulumirpc.ProgramInfo, packages []linked) (string, error) {
	tool, err := pythonOf(info)
	if err != nil {
		return "", err
	}
	said, paths := "You can import the SDK in your Python code with:\n\n", map[string]string{}
	for _, each := range packages {
		if err := each.ImportLanguages(map[string]schema.Language{"python": python.Importer}); err != nil {
			return "", err
		}
		name := python.PyPack(each.Namespace, each.Name)
		if own, is := each.Language["python"].(python.PackageInfo); is && own.PackageName != "" {
			name = own.PackageName
		}
		paths[name] = each.path
		said += fmt.Sprintf("  import %s as %s\n", name, strings.ReplaceAll(each.Name, "-", "_"))
	}
	return said, tool.LinkPackages(ctx, paths)
}

func linkNodejs(ctx context.Context, info *pulumirpc.ProgramInfo, packages []linked) (string, error) {
	option := info.GetOptions().GetFields()["packagemanager"].GetStringValue()
	manager, err := npm.ResolvePackageManager(npm.PackageManagerType(option), info.GetProgramDirectory())
	if err != nil {
		return "", err
	}
	said := "You can import the SDK in your TypeScript code with:\n\n"
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
		said += fmt.Sprintf("  import * as %s from %q;\n", cgstrings.Camel(each.Name), name)
	}
	return said, nil
}
