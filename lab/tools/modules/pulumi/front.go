package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// What the engine talks to.
type front struct {
	language string
	program  string // of the old host
	main     *host
	mutex    sync.Mutex
	others   map[string]*host // by root folder and virtual environment
}

// handle answers one call as a host does. Every call that a host knows has one request.
func (front *front) handle(_ any, engine grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(engine)
	var request []byte
	if err := engine.RecvMsg(&request); err != nil {
		return err
	}
	switch called := path.Base(method); {
	case called == "GeneratePackage":
		return answer(engine, request, new(pulumirpc.GeneratePackageRequest), front.generatePackage)
	case called == "Link":
		return answer(engine, request, new(pulumirpc.LinkRequest), front.link)
	case called == "GetRequiredPackages" && front.language == "python":
		return answer(engine, request, new(pulumirpc.GetRequiredPackagesRequest), front.requiredPackages)
	default:
		return front.handOn(engine, method, request)
	}
}

// answer gives the engine what one of our own functions says.
func answer[Asked, Said proto.Message](
	engine grpc.ServerStream, request []byte, asked Asked, say func(context.Context, Asked) (Said, error),
) error {
	if err := proto.Unmarshal(request, asked); err != nil {
		return err
	}
	said, err := say(engine.Context(), asked)
	if err != nil {
		return err
	}
	response, err := proto.Marshal(said)
	if err != nil {
		return err
	}
	return engine.SendMsg(&response)
}

// handOn gives the engine what the old host says.
func (front *front) handOn(engine grpc.ServerStream, method string, request []byte) error {
	host, request, err := front.adapted(path.Base(method), request)
	if err != nil {
		return err
	}
	sent, _ := metadata.FromIncomingContext(engine.Context())
	call, err := host.calls.NewStream(
		metadata.NewOutgoingContext(engine.Context(), sent), &grpc.StreamDesc{ServerStreams: true}, method,
	)
	if err != nil {
		return err
	}
	if err := call.SendMsg(&request); err != nil && err != io.EOF { // the reason comes with the answer
		return err
	}
	if err := call.CloseSend(); err != nil {
		return err
	}
	for {
		var answer []byte
		if err := call.RecvMsg(&answer); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := engine.SendMsg(&answer); err != nil {
			return err
		}
	}
}

// A request that says in `info` which program it is about.
type aboutProgram interface {
	proto.Message
	GetInfo() *pulumirpc.ProgramInfo
}

func messageOf(method string) aboutProgram {
	switch method {
	case "GetRequiredPlugins":
		return new(pulumirpc.GetRequiredPluginsRequest)
	case "InstallDependencies":
		return new(pulumirpc.InstallDependenciesRequest)
	case "Run":
		return new(pulumirpc.RunRequest)
	case "RunPlugin":
		return new(pulumirpc.RunPluginRequest)
	default:
		return nil
	}
}

// adapted is the host for a request, and the request as that host understands it: the old host looks for a plugin's
// program in a field of its own, and for the virtual environment on its command line.
func (front *front) adapted(method string, request []byte) (*host, []byte, error) {
	asked := messageOf(method)
	if asked == nil {
		return front.main, request, nil
	}
	if err := proto.Unmarshal(request, asked); err != nil {
		return nil, nil, err
	}
	host, err := front.withOptions(asked.GetInfo())
	if run, is := asked.(*pulumirpc.RunPluginRequest); is && err == nil {
		run.Program = filepath.Join(run.GetInfo().GetProgramDirectory(), run.GetInfo().GetEntryPoint())
		request, err = proto.Marshal(run)
	}
	return host, request, err
}

// withOptions is a host that has the virtual environment which a program's options name, if they do.
func (front *front) withOptions(info *pulumirpc.ProgramInfo) (*host, error) {
	named := info.GetOptions().GetFields()["virtualenv"].GetStringValue()
	if named == "" {
		return front.main, nil
	}
	front.mutex.Lock()
	defer front.mutex.Unlock()
	key := info.GetRootDirectory() + "\x00" + named
	if known := front.others[key]; known != nil {
		return known, nil
	}
	started, err := start(front.program, "-root", info.GetRootDirectory(), "-virtualenv", named)
	if err == nil && started.calls == nil {
		err = fmt.Errorf("%s did not start for %s in %s", front.program, named, info.GetRootDirectory())
	}
	if err != nil {
		return nil, err
	}
	go func() {
		io.Copy(io.Discard, started.output)
		started.process.Wait()
	}()
	front.others[key] = started
	return started, nil
}
