package instance

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// The names of sockets in FileDescriptorName= of a systemd socket unit.
const (
	ActivatedInfer   = "infer"
	ActivatedInferV2 = "infer-v2"
	ActivatedEmbed   = "embed"
	ActivatedAdmin   = "admin"
)

// Activated takes over the listening sockets that a service manager passed to
// this process, by name; there can be several of one name, say a Unix and a TCP
// socket. It is empty when the process was started in another way. The
// variables that announce the sockets are removed, so that no child process
// takes them for its own; a second call finds nothing.
//
// The files of activated sockets belong to the service manager: closing the
// listeners leaves them.
func Activated() (map[string][]net.Listener, error) {
	found, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("socket activation: %w", err)
	}
	byName := make(map[string][]net.Listener, len(found))
	for given, list := range found {
		name := activatedName(given)
		if name == "" {
			return nil, fmt.Errorf("socket activation: unknown name %q in FileDescriptorName=: "+
				"use %s, %s, %s or %s", given,
				ActivatedInfer, ActivatedInferV2, ActivatedEmbed, ActivatedAdmin)
		}
		for _, ln := range list {
			if err := checkListening(ln); err != nil {
				return nil, fmt.Errorf("socket activation: %s: %w", given, err)
			}
			if u, ok := ln.(*net.UnixListener); ok {
				u.SetUnlinkOnClose(false)
			}
		}
		byName[name] = append(byName[name], list...)
	}
	return byName, nil
}

// checkListening refuses a socket that nobody can connect to: a datagram socket, or one
// that was not told to listen.
func checkListening(ln net.Listener) error {
	socket, ok := ln.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var listens int
	var asked error
	err = raw.Control(func(fd uintptr) {
		listens, asked = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	})
	switch {
	case err != nil:
		return err
	case asked == nil && listens == 0:
		return errors.New("the passed socket does not listen for connections")
	}
	return nil
}

// activatedName maps what a service manager calls a socket to one of the names
// above, "" if it is none. Without FileDescriptorName= systemd gives the unit's
// name; without any name there is one obvious use.
func activatedName(given string) string {
	name := strings.TrimPrefix(strings.TrimSuffix(given, ".socket"), "inferd-")
	switch {
	case name == "inferd", strings.HasPrefix(name, "LISTEN_FD_"):
		return ActivatedInfer
	case name == ActivatedInfer, name == ActivatedInferV2, name == ActivatedEmbed,
		name == ActivatedAdmin:
		return name
	}
	return ""
}
