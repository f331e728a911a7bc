package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// topModel is the screen of top. Bubble Tea calls its methods one at a time and
// keeps the copy that Update returns.
type topModel struct {
	every time.Duration
	look  func() (snapshot, error)

	now, before snapshot
	failure     error // of the last look; the screen keeps what it had
	width       int
	height      int
}

// The messages.
type (
	tickMsg struct{}
	seenMsg struct {
		snapshot
		err error
	}
)

// Init starts the clock.
func (m topModel) Init() tea.Cmd { return m.wait() }

func (m topModel) wait() tea.Cmd {
	return tea.Tick(m.every, func(time.Time) tea.Msg { return tickMsg{} })
}

// Update takes one message. A new look starts only when the last has ended.
func (m topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		}
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tickMsg:
		return m, func() tea.Msg {
			s, err := m.look()
			return seenMsg{s, err}
		}
	case seenMsg:
		if m.failure = msg.err; msg.err == nil {
			m.see(msg.snapshot)
		}
		return m, m.wait()
	}
	return m, nil
}

func (m *topModel) see(s snapshot) { m.before, m.now = m.now, s }

// View draws the screen.
func (m topModel) View() tea.View {
	view := tea.NewView(m.draw())
	view.AltScreen = true
	return view
}

var (
	strong = lipgloss.NewStyle().Bold(true)
	dim    = lipgloss.NewStyle().Faint(true)
	alarm  = lipgloss.NewStyle().Foreground(lipgloss.Red)
)

// draw gives the screen's lines, no more than fit.
func (m topModel) draw() string {
	s := &m.now.Stats
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s %s  %s  up %v  %s\n", strong.Render("inferd"), printable(s.Version),
		printable(s.Status), milliseconds(s.UptimeMS), dim.Render("q quits"))
	if m.failure != nil {
		b.WriteString(alarm.Render(printable(m.failure.Error())))
	}
	_, _ = fmt.Fprintf(&b, "\nrunning  %s %d of %d   waiting %d of %d   connections %d\n",
		gauge(s.Active, s.Permits), s.Active, s.Permits, s.Queued, s.Capacity-s.Permits, s.Connections)
	_, _ = fmt.Fprintf(&b, "a second %s done  %s refused  %s failed  %s cancelled  %s tokens\n",
		m.rate(requests("done")), m.rate(refused), m.rate(requests("failed")),
		m.rate(requests("cancelled")), m.rate(completionTokens))
	for _, backend := range s.Backends {
		state := "ready"
		if !backend.Ready {
			state = alarm.Render("not ready")
		}
		if backend.Breaker != "closed" {
			state += ", breaker " + alarm.Render(printable(backend.Breaker))
		}
		_, _ = fmt.Fprintf(&b, "backend  %s (%s) %s\n", strong.Render(printable(backend.Name)),
			printable(backend.Adapter), state)
	}
	b.WriteString("\n" + m.connections())
	return m.cut(b.String())
}

// connections is the table of who is connected, the busiest first.
func (m topModel) connections() string {
	list := slices.Clone(m.now.Connections)
	slices.SortStableFunc(list, func(x, y connection) int {
		busy := func(c connection) int { return c.Waiting }
		return cmp.Or(cmp.Compare(busy(y), busy(x)), cmp.Compare(y.Served, x.Served),
			cmp.Compare(x.ID, y.ID))
	})
	if m.height > 0 {
		list = list[:min(len(list), m.height)] // what is below the screen is not laid out
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CONN\tPEER\tWIRE\tAGE\tANSWERED\tOPEN\tREQUEST\tSENT\tUNREAD")
	for _, c := range list {
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%v\t%d\t%d\t%s\t%s\t%s\n", c.ID, cell(c.Peer),
			cell(c.Wire), milliseconds(c.AgeMS), c.Served, c.Waiting, cell(c.Running),
			bytesText(c.Sent), bytesText(c.Output))
	}
	_ = table.Flush()
	return b.String()
}

// cut keeps what fits on the screen.
func (m topModel) cut(screen string) string {
	if m.width <= 0 || m.height <= 0 {
		return screen
	}
	return lipgloss.NewStyle().MaxWidth(m.width).MaxHeight(m.height).Render(screen)
}

// rate is a counter's growth a second between the last two snapshots.
func (m topModel) rate(counter func(*snapshot) uint64) string {
	seconds := m.now.at.Sub(m.before.at).Seconds()
	before, now := counter(&m.before), counter(&m.now)
	if m.before.at.IsZero() || seconds <= 0 || now < before { // a daemon that was restarted
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(now-before)/seconds)
}

func requests(outcome string) func(*snapshot) uint64 {
	return func(s *snapshot) uint64 { return s.Stats.Counters.Requests[outcome] }
}

func refused(s *snapshot) (n uint64) {
	for _, count := range s.Stats.Counters.Rejected {
		n += count
	}
	return n
}

func completionTokens(s *snapshot) uint64 { return s.Stats.Counters.Tokens["completion"] }

// gaugeCells is the width of a gauge.
const gaugeCells = 20

// gauge draws how full something is.
func gauge(n, of int) string {
	full := 0
	if of > 0 {
		full = min(gaugeCells, (n*gaugeCells+of-1)/of)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", gaugeCells-full) + "]"
}

// milliseconds gives a duration without more detail than anybody reads.
func milliseconds(ms int64) time.Duration {
	d := time.Duration(ms) * time.Millisecond
	if d >= time.Second {
		return d.Truncate(time.Second)
	}
	return d
}
