// The Python language host that the lab compiles, for an engine that is newer than it.
//
// The last host whose source stands alone looks for a plugin's program in a field of its own, and for the runtime's
// options on its command line. The engine says both in `info` now: of a folder (a component package, a policy pack) the
// old host would run the wrong file, and make its virtual environment in the wrong place. This program starts that host
// and hands every call on, bytes as they are. Where a call says which virtual environment, a host started with it answers.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// The old host's name, beside this program.
const hostName = "pulumi-language-python-host"

func main() {
	main, err := start()
	if err == nil {
		err = serve(main)
	}
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		os.Exit(ended.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A running host.
type host struct {
	process *exec.Cmd
	output  *bufio.Reader
	calls   *grpc.ClientConn // nil where it ended without serving, as it does after -h
}

// start runs the old host with this program's arguments, after the flags given.
func start(flags ...string) (*host, error) {
	own, err := os.Executable()
	if err == nil {
		own, err = filepath.EvalSymlinks(own)
	}
	if err != nil {
		return nil, err
	}
	started := &host{process: exec.Command(filepath.Join(filepath.Dir(own), hostName), append(flags, os.Args[1:]...)...)}
	started.process.Stderr = os.Stderr
	output, err := started.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := started.process.Start(); err != nil {
		return nil, err
	}
	started.output = bufio.NewReader(output)
	line, err := started.output.ReadString('\n')
	if err != nil {
		return started, nil
	}
	started.calls, err = grpc.NewClient(
		"passthrough:///127.0.0.1:"+strings.TrimSpace(line),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	)
	return started, err
}

// serve hands calls on until the host ends, which it does with its engine.
func serve(main *host) error {
	if main.calls != nil {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		front := &front{main: main, others: map[string]*host{}}
		server := grpc.NewServer(
			grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(math.MaxInt32), grpc.UnknownServiceHandler(front.handOn),
		)
		go server.Serve(listener)
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	}
	io.Copy(os.Stdout, main.output)
	return main.process.Wait()
}

// What the engine talks to.
type front struct {
	main   *host
	mutex  sync.Mutex
	others map[string]*host // by root folder and virtual environment
}

// handOn answers one call as a host does. Every call that the old host knows has one request.
func (front *front) handOn(_ any, engine grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(engine)
	var request []byte
	if err := engine.RecvMsg(&request); err != nil {
		return err
	}
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

// adapted is the host for a request, and the request as that host understands it.
func (front *front) adapted(method string, request []byte) (*host, []byte, error) {
	switch method {
	case "RunPlugin":
		var run pulumirpc.RunPluginRequest
		if err := proto.Unmarshal(request, &run); err != nil {
			return nil, nil, err
		}
		run.Program = filepath.Join(run.GetInfo().GetProgramDirectory(), run.GetInfo().GetEntryPoint())
		request, err := proto.Marshal(&run)
		if err != nil {
			return nil, nil, err
		}
		host, err := front.withOptions(run.GetInfo())
		return host, request, err
	case "InstallDependencies":
		var install pulumirpc.InstallDependenciesRequest
		if err := proto.Unmarshal(request, &install); err != nil {
			return nil, nil, err
		}
		host, err := front.withOptions(install.GetInfo())
		return host, request, err
	default:
		return front.main, request, nil
	}
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
	started, err := start("-root", info.GetRootDirectory(), "-virtualenv", named)
	if err == nil && started.calls == nil {
		err = fmt.Errorf("%s did not start for %s in %s", hostName, named, info.GetRootDirectory())
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

// raw is the codec of messages that stay bytes.
type raw struct{}

func (raw) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (raw) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func (raw) Name() string { return "proto" }
