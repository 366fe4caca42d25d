// A language host for the engine, in front of an older host of the same language.
//
// The last releases of the Python and Node.js hosts in Go modules of their own lack two features of today's engine:
// they cannot generate and link the SDK of a package, as `pulumi package add` does, and they do not read a program's
// folder and options from `info`. This program starts such a host. It generates and links SDKs with the engine's own
// libraries, lists the plugins of a Python program, and forwards every other call unchanged.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	prefix = "pulumi-language-"
	suffix = "-host"
)

func main() {
	own, err := os.Executable()
	if err == nil {
		own, err = filepath.EvalSymlinks(own)
	}
	if err == nil {
		err = run(own)
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

// run starts the old host, the file beside this program, and serves in its place.
func run(own string) error {
	front := &front{
		language: strings.TrimPrefix(filepath.Base(own), prefix),
		program:  own + suffix,
		others:   map[string]*host{},
	}
	main, err := start(front.program)
	if err != nil {
		return err
	}
	front.main = main
	go front.endWithEngine()
	return front.serve()
}

// endWithEngine kills the hosts and their programs when the engine ends this program with SIGINT to its process group.
// A program that still runs belongs to a failed or cancelled operation; it would report the interrupt as its own error.
func (front *front) endWithEngine() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
	front.mutex.Lock()
	for _, host := range append(slices.Collect(maps.Values(front.others)), front.main) {
		syscall.Kill(-host.process.Process.Pid, syscall.SIGKILL)
	}
	os.Exit(0)
}

// A running host.
type host struct {
	process *exec.Cmd
	output  *bufio.Reader
	calls   *grpc.ClientConn // nil if it ended without serving, as it does after -h
}

// start runs a host with `flags` and then this program's own arguments.
func start(program string, flags ...string) (*host, error) {
	started := &host{process: exec.Command(program, append(flags, os.Args[1:]...)...)}
	started.process.Stderr = os.Stderr
	started.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
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

// serve handles calls until the old host ends, which it does with its engine.
func (front *front) serve() error {
	if front.main.calls != nil {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := grpc.NewServer(
			grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(math.MaxInt32), grpc.UnknownServiceHandler(front.handle),
		)
		go server.Serve(listener)
		fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	}
	io.Copy(os.Stdout, front.main.output)
	return front.main.process.Wait()
}

// raw is a codec that leaves messages as bytes.
type raw struct{}

func (raw) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (raw) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func (raw) Name() string { return "proto" }
