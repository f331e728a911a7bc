package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"inferd/client"
)

func newTop(a *app) *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use:     "top",
		GroupID: groupOperate,
		Short:   "Show live what the daemon runs, for whom and how fast",
		Long: `Show load, rates, backends and connections of the running daemon, renewed
every second. q or ctrl-C leaves. stats and connections give the same to scripts.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !isTerminal(a.stdout) || !isTerminal(a.stdin):
				return errors.New("top needs a terminal: use stats or connections")
			case every < minTopInterval:
				return fmt.Errorf("--every %v: want %v or more", every, minTopInterval)
			}
			return a.top(cmd.Context(), every)
		},
	}
	cmd.Flags().DurationVar(&every, "every", time.Second, "time between two looks")
	return cmd
}

// minTopInterval keeps top from being load itself.
const minTopInterval = 100 * time.Millisecond

func (a *app) top(ctx context.Context, every time.Duration) error {
	// The first look decides whether there is anything to show.
	look := &looker{adminAddr: a.adminAddr}
	defer look.close()
	first, err := look.take(ctx)
	if err != nil {
		return err
	}
	model := topModel{every: every, look: func() (snapshot, error) { return look.take(ctx) }}
	model.see(first)
	_, err = tea.NewProgram(model, tea.WithContext(ctx), tea.WithInput(a.stdin),
		tea.WithOutput(a.stdout), tea.WithEnvironment(os.Environ())).Run()
	if errors.Is(err, tea.ErrInterrupted) {
		return nil
	}
	return err
}

// looker asks the daemon for snapshots over one connection, which it makes
// again when it was lost. One call at a time.
type looker struct {
	adminAddr string
	admin     *client.AdminClient
}

func (l *looker) close() {
	if l.admin != nil {
		_ = l.admin.Close()
		l.admin = nil
	}
}

// take gets one snapshot.
func (l *looker) take(ctx context.Context) (snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if l.admin == nil {
		admin, err := client.DialAdmin(ctx, l.adminAddr)
		if err != nil {
			return snapshot{}, adminHint(err)
		}
		l.admin = admin
	}
	s := snapshot{at: time.Now()}
	for _, command := range []string{"stats", "connections"} {
		reply, err := l.admin.Command(ctx, command, nil)
		if err == nil {
			err = decodeInto(&reply, &s)
		}
		if err != nil {
			l.close()
			return snapshot{}, err
		}
	}
	return s, nil
}

// decodeInto gives a reply a type. Keys that are not known here are left out.
func decodeInto(reply *client.Event, into any) error {
	text, err := json.Marshal(reply.Fields)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// snapshot is what top knows of the daemon at one moment, named as in the
// replies of stats and connections.
type snapshot struct {
	at    time.Time
	Stats struct {
		Version     string `json:"version"`
		Status      string `json:"status"`
		UptimeMS    int64  `json:"uptime_ms"`
		Active      int    `json:"active"`
		Permits     int    `json:"active_permits"`
		Queued      int    `json:"queued"`
		Capacity    int    `json:"capacity"`
		Connections int    `json:"connections"`
		Backends    []struct {
			Name    string `json:"name"`
			Adapter string `json:"adapter"`
			Ready   bool   `json:"ready"`
			Breaker string `json:"breaker"`
		} `json:"backends"`
		Counters struct {
			Requests map[string]uint64 `json:"requests"`
			Rejected map[string]uint64 `json:"rejected"`
			Tokens   map[string]uint64 `json:"tokens"`
		} `json:"counters"`
	} `json:"stats"`
	Connections []connection `json:"connections"`
}

// connection is one of the list.
type connection struct {
	ID      uint64 `json:"id"`
	Peer    string `json:"peer"`
	Wire    string `json:"wire"`
	AgeMS   int64  `json:"age_ms"`
	Running string `json:"running_request"`
	Served  uint64 `json:"requests"`
	Waiting int    `json:"pending_requests"`
	Output  int64  `json:"pending_output_bytes"`
	Sent    int64  `json:"bytes_out"`
}
