package loop

import (
	"fmt"
	"log/slog"
	"strings"
)

// gnetLog brings gnet's messages into our log; gnet's own logger writes to
// standard output. They are about descriptors and polls, never about content.
type gnetLog struct{ log *slog.Logger }

func (g gnetLog) Debugf(string, ...any) {}
func (g gnetLog) Infof(string, ...any)  {}

func (g gnetLog) Warnf(format string, args ...any) {
	if strings.Contains(format, "stale connection") {
		return // a client has left in the same moment: its doing, and as often as it likes
	}
	g.log.Warn("gnet", "detail", fmt.Sprintf(format, args...))
}

func (g gnetLog) Errorf(format string, args ...any) {
	g.log.Error("gnet", "detail", fmt.Sprintf(format, args...))
}

// Fatalf only logs: ending the process is not a library's to decide.
func (g gnetLog) Fatalf(format string, args ...any) { g.Errorf(format, args...) }
