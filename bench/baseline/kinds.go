package baseline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is one server under its command-line name.
type Kind struct {
	Name  string
	About string
	Run   func(ctx context.Context, endpoints Endpoints, options RunOptions) error
}

// RunOptions are the command line's choices; a kind ignores the loops if it has
// none and refuses a delay if it does not stream frame by frame.
type RunOptions struct {
	Loops int           // event loops; 0 means 1
	Delay time.Duration // waited before each token, as by the daemon's mock
}

var errNoDelay = errors.New("--delay is for the kinds that stream frame by frame: " +
	"std-frame, std-chan, sonic-frame")

// Kinds lists the servers.
func Kinds() []Kind {
	gnetKind := func(name, about string, split, reject bool) Kind {
		return Kind{name, about, func(ctx context.Context, e Endpoints, o RunOptions) error {
			if o.Delay > 0 {
				return errNoDelay
			}
			return Gnet(ctx, e, GnetOptions{Loops: o.Loops, Split: split, Reject: reject})
		}}
	}
	netKind := func(
		name, about string, run func(context.Context, Endpoints, Pace) error, flush Flush,
	) Kind {
		return Kind{name, about, func(ctx context.Context, e Endpoints, o RunOptions) error {
			if o.Delay > 0 && flush == FlushOnce {
				return errNoDelay
			}
			return run(ctx, e, Pace{Flush: flush, Delay: o.Delay})
		}}
	}
	return []Kind{
		gnetKind("gnet", "raw gnet, fixed reply in one write", false, false),
		gnetKind("gnet9", "raw gnet, fixed reply in nine writes", true, false),
		gnetKind("gnet-reject", "raw gnet, the one line of a refusal", false, true),
		netKind("std", "net + encoding/json, one flush an answer", Std, FlushOnce),
		netKind("std-frame", "net + encoding/json, a flush a frame", Std, FlushFrame),
		netKind("std-chan", "net + encoding/json, a channel a request", StdChan, FlushFrame),
		netKind("sonic", "net + sonic, one flush an answer", Sonic, FlushOnce),
		netKind("sonic-frame", "net + sonic, a flush a frame", Sonic, FlushFrame),
	}
}

// Lookup finds a kind by its name.
func Lookup(name string) (Kind, error) {
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		return Kind{}, fmt.Errorf("unknown kind %q: want one of %s",
			name, strings.Join(names, ", "))
	}
	return kinds[i], nil
}
