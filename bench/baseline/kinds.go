package baseline

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Kind is one server under its command-line name.
type Kind struct {
	Name  string
	About string
	Run   func(ctx context.Context, endpoints Endpoints, loops int) error
}

// Kinds lists the servers.
func Kinds() []Kind {
	gnetKind := func(name, about string, split, reject bool) Kind {
		return Kind{name, about, func(ctx context.Context, e Endpoints, loops int) error {
			return Gnet(ctx, e, GnetOptions{Loops: loops, Split: split, Reject: reject})
		}}
	}
	netKind := func(name, about string, run func(context.Context, Endpoints) error) Kind {
		return Kind{name, about, func(ctx context.Context, e Endpoints, _ int) error {
			return run(ctx, e)
		}}
	}
	flushing := func(
		run func(context.Context, Endpoints, Flush) error, flush Flush,
	) func(context.Context, Endpoints) error {
		return func(ctx context.Context, e Endpoints) error { return run(ctx, e, flush) }
	}
	return []Kind{
		gnetKind("gnet", "raw gnet, fixed reply in one write", false, false),
		gnetKind("gnet9", "raw gnet, fixed reply in nine writes", true, false),
		gnetKind("gnet-reject", "raw gnet, the one line of a refusal", false, true),
		netKind("std", "net + encoding/json, one flush an answer", flushing(Std, FlushOnce)),
		netKind("std-frame", "net + encoding/json, a flush a frame", flushing(Std, FlushFrame)),
		netKind("std-chan", "net + encoding/json, a channel a request", StdChan),
		netKind("sonic", "net + sonic, one flush an answer", flushing(Sonic, FlushOnce)),
		netKind("sonic-frame", "net + sonic, a flush a frame", flushing(Sonic, FlushFrame)),
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
