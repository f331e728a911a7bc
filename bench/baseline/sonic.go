package baseline

import (
	"bufio"
	"context"
	"net"

	"github.com/bytedance/sonic"
)

// maxLineBytes is the longest request the sonic server reads.
const maxLineBytes = 64 << 20

// Sonic is net with a goroutine a connection and sonic.
func Sonic(ctx context.Context, endpoints Endpoints, pace Pace) error {
	return serve(ctx, endpoints, func(conn net.Conn) {
		lines := bufio.NewScanner(conn)
		lines.Buffer(make([]byte, 0, 4<<10), maxLineBytes)
		out := bufio.NewWriterSize(conn, writeBufferBytes)
		encoder := sonic.ConfigDefault.NewEncoder(out)
		for lines.Scan() {
			var req request
			if sonic.Unmarshal(lines.Bytes(), &req) != nil {
				return
			}
			tempo := pace.begin()
			for i := range tokens {
				tempo.wait()
				if encoder.Encode(newToken(req.ID, i)) != nil {
					return
				}
				if pace.Flush == FlushFrame && out.Flush() != nil {
					return
				}
			}
			tempo.end()
			if encoder.Encode(newDone(req.ID)) != nil || out.Flush() != nil {
				return
			}
		}
	})
}
