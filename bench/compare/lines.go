package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// longest is the protocol's longest line, without its newline.
const longest = 64 << 20

// longLine is a request of size bytes, half of them in escapes, the slow kind.
func longLine(size int) []byte {
	head, tail := `{"id":"long","messages":[{"role":"user","content":"`, `"}]}`
	line := make([]byte, 0, size+1)
	line = append(line, head...)
	unit := []byte("plain \\n\\n\\n")
	for room := size - len(head) - len(tail); room > 0; room = size - len(tail) - len(line) {
		if room < len(unit) {
			line = append(line, bytes.Repeat([]byte{'x'}, room)...)
			continue
		}
		line = append(line, unit...)
	}
	return append(append(line, tail...), '\n')
}

// askLong sends one long line on a connection and waits for its answer.
func askLong(conn net.Conn, line []byte, reader *bufio.Reader) error {
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(line)
		sent <- err
	}()
	reader.Reset(conn)
	err := readDone(reader)
	if err == nil {
		err = <-sent
	}
	return err
}

// lines measures what a long line costs a mebibyte at several lengths, which
// should not grow, and what small requests next to it notice.
func (e *environment) lines(ctx context.Context, o options) ([]verdict, error) {
	s, err := e.startServer(ctx, inferdBurst, false, 0, "")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	conn, err := s.dial()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(nil)
	var perMiB []float64
	sizes := []int{1 << 20, 8 << 20, longest}
	for _, size := range sizes {
		line := longLine(size)
		var times []float64
		for range 5 {
			begun := time.Now()
			if err := askLong(conn, line, reader); err != nil {
				return nil, err
			}
			times = append(times, time.Since(begun).Seconds()*1e3/float64(size>>20))
		}
		perMiB = append(perMiB, median(times))
	}
	progress("lines   %.2f, %.2f and %.2f ms a MiB at 1, 8 and 64 MiB",
		perMiB[0], perMiB[1], perMiB[2])
	beside, err := e.bystander(ctx, o, s, conn, reader)
	return append([]verdict{{
		Group: groupLines, What: "a 64 MiB line, half escapes, vs 1 MiB, a MiB", Where: "uds",
		Ours: perMiB[2], Peer: perMiB[0], Unit: "ms/MiB", Value: perMiB[2] / perMiB[0],
	}}, beside...), err
}

// bystander compares the p99 of 16 clients alone and beside one that sends the
// longest line again and again.
func (e *environment) bystander(
	ctx context.Context, o options, s *server, conn net.Conn, reader *bufio.Reader,
) ([]verdict, error) {
	load := func() (float64, error) {
		results, err := e.generate(ctx, s, "", "--conns", "16", "--rate", "2000",
			"--warmup", o.warmup.String(), "--duration", (2 * o.duration).String())
		if err != nil {
			return 0, err
		}
		return results[0].E2E.P99, nil
	}
	alone, err := load()
	if err != nil {
		return nil, err
	}
	quit, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for line := longLine(longest); ; {
			select {
			case <-quit:
				ended <- nil
				return
			default:
			}
			if err := askLong(conn, line, reader); err != nil {
				ended <- err
				return
			}
		}
	}()
	beside, err := load()
	close(quit)
	if failed := <-ended; err == nil {
		err = failed
	}
	progress("lines   p99 of bystanders %.2f ms alone, %.2f ms beside 64 MiB lines", alone, beside)
	return []verdict{{
		Group: groupLines, What: "p99 of small requests beside 64 MiB lines vs alone",
		Where: "uds, 16 conns, 2000/s", Ours: beside, Peer: alone, Unit: "ms", Value: beside / alone,
	}}, err
}

// readDone reads frames up to the done frame; an error frame is an error.
func readDone(reader *bufio.Reader) error {
	for {
		line, err := reader.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, `{"type":"done"`):
			return nil
		case strings.HasPrefix(line, `{"type":"error"`):
			return fmt.Errorf("refused: %s", line)
		}
	}
}
