package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"inferd/bench/load"
)

// memory measures what an idle connection costs the server after one request.
func (e *environment) memory(ctx context.Context, o options) ([]verdict, error) {
	conns := idleConns
	if o.short {
		conns = idleConnsShort
	}
	var perConn [2]float64
	for i, kind := range []serverKind{inferdDefault, gnetOne} {
		bytes, err := e.idleBytes(ctx, kind, conns)
		if err != nil {
			return nil, fmt.Errorf("memory of %s: %w", kind.Name, err)
		}
		perConn[i] = bytes
		progress("memory  %-12s %8.0f bytes/connection of %d", kind.Name, bytes, conns)
	}
	return []verdict{{
		Group: groupMemory, What: "memory of an idle connection (peer: raw gnet)",
		Where: fmt.Sprintf("uds, %d conns", conns), Ours: perConn[0], Peer: perConn[1],
		Unit: "bytes", Value: perConn[0], Must: 1536, Ambitious: 1024,
	}}, nil
}

func (e *environment) idleBytes(ctx context.Context, kind serverKind, n int) (float64, error) {
	s, err := e.startServer(ctx, kind, false, n, e.serverCore)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	held, bytes, err := s.holdIdle(n, 1)
	closeAll(held)
	return bytes, err
}

// holdIdle opens connections that fall silent after one request each, batch of
// them at a time, and tells what one of them takes of the server's memory. The
// caller closes them, also after an error.
func (s *server) holdIdle(n, batch int) (held []net.Conn, bytes float64, err error) {
	reader := bufio.NewReader(nil)
	var warm int // connections held when the server has warmed up
	var before int64
	for len(held) < n {
		if warm == 0 && len(held) >= n/10 {
			warm = len(held)
			if before, err = settledMemory(s.cmd.Process.Pid); err != nil {
				return held, 0, err
			}
		}
		asked := len(held)
		for range min(batch, n-asked) {
			conn, err := s.dial()
			if err != nil {
				return held, 0, fmt.Errorf("connection %d: %w", len(held)+1, err)
			}
			held = append(held, conn)
			if _, err := conn.Write([]byte(requestLine)); err != nil {
				return held, 0, fmt.Errorf("connection %d: %w", len(held), err)
			}
		}
		for _, conn := range held[asked:] {
			reader.Reset(conn)
			if err := readDone(reader); err != nil {
				return held, 0, fmt.Errorf("idle connections: %w", err)
			}
		}
	}
	after, err := settledMemory(s.cmd.Process.Pid)
	return held, float64(after-before) / float64(n-warm), err
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// settledMemory is a process's memory once it no longer changes.
func settledMemory(pid int) (int64, error) {
	var last int64
	for range 20 {
		now, err := residentBytes(pid)
		if err != nil || now == last {
			return now, err
		}
		last = now
		time.Sleep(100 * time.Millisecond)
	}
	return last, nil
}

func residentBytes(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is odd", pid)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// startup measures the time from exec to the first accepted connection.
func (e *environment) startup(ctx context.Context, o options) ([]verdict, error) {
	daemon := serverKind{Name: "inferd", args: func(int) []string {
		return []string{"--backend", "mock"}
	}}
	n := starts
	if o.short {
		n = startsShort
	}
	var ms [2]float64
	for i, kind := range []serverKind{daemon, gnetOne} {
		var times []float64
		for range n {
			s, err := e.startServer(ctx, kind, false, 1, "") // taskset takes time too
			if err != nil {
				return nil, err
			}
			s.stop()
			times = append(times, float64(s.upAfter)/float64(time.Millisecond))
		}
		ms[i] = median(times)
		progress("start   %-12s %8.1f ms to the first connection", kind.Name, ms[i])
	}
	return []verdict{{
		Group: groupStart, What: "start to listening (peer: raw gnet and sonic's tables)",
		Where: "uds, mock", Ours: ms[0], Peer: ms[1], Unit: "ms", Value: ms[0], Must: 15,
	}}, nil
}

// latencySweep offers parts of the most that the daemon answered.
func (e *environment) latencySweep(ctx context.Context, o options) ([]*load.Result, error) {
	s, err := e.startServer(ctx, inferdBurst, false, 0, e.serverCore)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	timing := []string{ // near the peak a second says little
		"--conns", "1024", "--warmup", o.warmup.String(), "--duration", (3 * o.duration).String(),
	}
	peak, err := e.generate(ctx, s, e.clientCore, timing...)
	if err != nil {
		return nil, err
	}
	var rates []string
	for _, part := range []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1} {
		rates = append(rates, strconv.FormatFloat(part*peak[0].RPS, 'f', 0, 64))
	}
	progress("latency at 10 to 100%% of %.0f/s", peak[0].RPS)
	return e.generate(ctx, s, e.clientCore,
		append(timing, "--sweep-rate", strings.Join(rates, ","))...)
}
