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

// The server that the engine calls.
type front struct {
	language string
	program  string // of the old host
	main     *host
	mutex    sync.Mutex
	others   map[string]*host // by root folder and virtual environment
}

// handle serves one call. Every call to a language host has one request.
func (front *front) handle(_ any, engine grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(engine)
	var request []byte
	if err := engine.RecvMsg(&request); err != nil {
		return err
	}
	switch called := path.Base(method); {
	case called == "GeneratePackage":
		return respond(engine, request, new(pulumirpc.GeneratePackageRequest), front.generatePackage)
	case called == "Link":
		return respond(engine, request, new(pulumirpc.LinkRequest), front.link)
	case called == "GetRequiredPackages" && front.language == "python":
		return respond(engine, request, new(pulumirpc.GetRequiredPackagesRequest), front.requiredPackages)
	default:
		return front.forward(engine, method, request)
	}
}

// respond sends the engine the result of one of our own functions.
func respond[Request, Response proto.Message](
	engine grpc.ServerStream, data []byte, request Request, serve func(context.Context, Request) (Response, error),
) error {
	if err := proto.Unmarshal(data, request); err != nil {
		return err
	}
	result, err := serve(engine.Context(), request)
	if err != nil {
		return err
	}
	response, err := proto.Marshal(result)
	if err != nil {
		return err
	}
	return engine.SendMsg(&response)
}

// forward sends the engine the response of the old host.
func (front *front) forward(engine grpc.ServerStream, method string, request []byte) error {
	host, request, err := front.adapt(path.Base(method), request)
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
	if err := call.SendMsg(&request); err != nil && err != io.EOF { // the response has the reason
		return err
	}
	if err := call.CloseSend(); err != nil {
		return err
	}
	for {
		var response []byte
		if err := call.RecvMsg(&response); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := engine.SendMsg(&response); err != nil {
			return err
		}
	}
}

// A request with the program in `info`.
type programRequest interface {
	proto.Message
	GetInfo() *pulumirpc.ProgramInfo
}

func newProgramRequest(method string) programRequest {
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

// adapt returns the host for a request, and the request in the form of that host: the old host reads a plugin's program
// from another field, and the virtual environment from its command line.
func (front *front) adapt(method string, request []byte) (*host, []byte, error) {
	message := newProgramRequest(method)
	if message == nil {
		return front.main, request, nil
	}
	if err := proto.Unmarshal(request, message); err != nil {
		return nil, nil, err
	}
	host, err := front.hostFor(message.GetInfo())
	if run, is := message.(*pulumirpc.RunPluginRequest); is && err == nil {
		run.Program = filepath.Join(run.GetInfo().GetProgramDirectory(), run.GetInfo().GetEntryPoint())
		request, err = proto.Marshal(run)
	}
	return host, request, err
}

// hostFor returns a host with the virtual environment of the program's options, or the main host if they have none.
func (front *front) hostFor(info *pulumirpc.ProgramInfo) (*host, error) {
	virtualenv := info.GetOptions().GetFields()["virtualenv"].GetStringValue()
	if virtualenv == "" {
		return front.main, nil
	}
	front.mutex.Lock()
	defer front.mutex.Unlock()
	key := info.GetRootDirectory() + "\x00" + virtualenv
	if host := front.others[key]; host != nil {
		return host, nil
	}
	started, err := start(front.program, "-root", info.GetRootDirectory(), "-virtualenv", virtualenv)
	if err == nil && started.calls == nil {
		err = fmt.Errorf("%s did not start for %s in %s", front.program, virtualenv, info.GetRootDirectory())
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
