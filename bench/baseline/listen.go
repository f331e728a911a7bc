package baseline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Endpoints are where a server listens: one or both.
type Endpoints struct {
	UDS string // path of a Unix socket
	TCP string // address
	// Ready, if set, gets a line once all sockets listen.
	Ready io.Writer
}

func (e *Endpoints) announce() {
	if e.Ready != nil {
		_, _ = fmt.Fprintln(e.Ready, "ready")
	}
}

// serve accepts connections and runs handle for each in a goroutine of its own,
// until ctx ends; then it closes them all and waits.
func serve(ctx context.Context, endpoints Endpoints, handle func(net.Conn)) error {
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	for _, at := range [][2]string{{"unix", endpoints.UDS}, {"tcp", endpoints.TCP}} {
		if at[1] == "" {
			continue
		}
		l, err := net.Listen(at[0], at[1])
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
	}
	if len(listeners) == 0 {
		return errors.New("no endpoint: give a Unix path, a TCP address or both")
	}
	endpoints.announce()

	var conns sync.Map // net.Conn -> struct{}: what is open
	var wg sync.WaitGroup
	for _, l := range listeners {
		wg.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conns.Store(conn, struct{}{})
				wg.Go(func() {
					handle(conn)
					_ = conn.Close()
					conns.Delete(conn)
				})
				if ctx.Err() != nil { // stored too late for the sweep below
					_ = conn.Close()
				}
			}
		})
	}
	<-ctx.Done()
	for _, l := range listeners {
		_ = l.Close()
	}
	conns.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close()
		return true
	})
	wg.Wait()
	return nil
}
