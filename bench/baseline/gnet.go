package baseline

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/panjf2000/gnet/v2"
)

// GnetOptions choose the reply.
type GnetOptions struct {
	Loops  int  // event loops; 0 means 1
	Split  bool // one write a frame in place of one for all
	Reject bool // the one line of a refusal
}

// Gnet answers every line it gets with a canned reply, written in the loop. It
// serves until ctx ends.
func Gnet(ctx context.Context, endpoints Endpoints, options GnetOptions) error {
	lines := cannedAnswer()
	if options.Reject {
		lines = cannedRefusal()
	}
	if !options.Split {
		lines = [][]byte{slices.Concat(lines...)}
	}
	server := &gnetServer{writes: lines, endpoints: endpoints, started: make(chan struct{})}
	var addresses []string
	if endpoints.UDS != "" {
		// gnet removes whatever lies at the path, a directory tree included.
		if _, err := os.Lstat(endpoints.UDS); err == nil {
			return fmt.Errorf("%s exists: remove it first", endpoints.UDS)
		}
		addresses = append(addresses, "unix://"+endpoints.UDS)
	}
	if endpoints.TCP != "" {
		addresses = append(addresses, "tcp://"+endpoints.TCP)
	}
	stopped := make(chan struct{})
	stay := context.AfterFunc(ctx, func() {
		defer close(stopped)
		<-server.started
		_ = server.engine.Stop(context.Background()) // looks every half second
	})
	err := gnet.Rotate(server, addresses,
		gnet.WithNumEventLoop(max(1, options.Loops)),
		gnet.WithReadBufferCap(64<<10),
		gnet.WithLogger(silent{}))
	if !stay() && err == nil {
		<-stopped
	}
	return err
}

// gnetServer is the event handler; all loops share it and write nothing to it.
type gnetServer struct {
	gnet.BuiltinEventEngine
	engine    gnet.Engine
	writes    [][]byte // what one request is answered with, write by write
	endpoints Endpoints
	started   chan struct{}
}

// OnBoot tells whoever waits that the sockets listen.
func (s *gnetServer) OnBoot(engine gnet.Engine) gnet.Action {
	s.engine = engine
	close(s.started)
	s.endpoints.announce()
	return gnet.None
}

// OnTraffic answers as many requests as there are newlines.
func (s *gnetServer) OnTraffic(conn gnet.Conn) gnet.Action {
	data, err := conn.Next(-1)
	if err != nil {
		return gnet.Close
	}
	for range bytes.Count(data, []byte{'\n'}) {
		for _, reply := range s.writes {
			if _, err := conn.Write(reply); err != nil {
				return gnet.Close
			}
		}
	}
	return gnet.None
}

// silent keeps gnet from writing to stdout.
type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
