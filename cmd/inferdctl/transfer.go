package main

import (
	"fmt"
	"os"

	"github.com/schollz/progressbar/v3"

	"inferd/internal/store"
)

// transfer shows what the store does: a bar for downloads on a terminal, lines
// for the rest.
type transfer struct {
	*app
	live  bool
	bar   *progressbar.ProgressBar
	phase store.Phase
}

func newTransfer(a *app) *transfer {
	return &transfer{app: a, live: isTerminal(a.stderr)}
}

// show takes one event; it is store.Options.Progress.
func (t *transfer) show(e store.Event) {
	if e.Phase == store.PhaseDownload {
		t.downloaded(e)
		return
	}
	t.finish()
	switch e.Phase {
	case store.PhaseQuarantine:
		t.notef("inferdctl: expected SHA-256 %s, got %s; moved to %s\n",
			e.ExpectedSHA256, e.ActualSHA256, e.QuarantinePath)
	case store.PhaseWaiting:
		t.notef("inferdctl: another process is working on it; waiting\n")
	case store.PhaseVerify:
		if t.live && t.phase != e.Phase {
			t.notef("inferdctl: hashing %s\n", e.Path)
		}
	}
	t.phase = e.Phase
}

func (t *transfer) downloaded(e store.Event) {
	if !t.live {
		if t.phase != e.Phase {
			t.notef("inferdctl: downloading %s\n", printable(e.SourceURL))
		}
		t.phase = e.Phase
		return
	}
	if t.bar == nil {
		t.bar = progressbar.NewOptions64(e.TotalBytes,
			progressbar.OptionSetWriter(t.stderr),
			progressbar.OptionShowBytes(true),
			progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""),
			progressbar.OptionSetDescription("downloading"),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish())
	}
	_ = t.bar.Set64(e.DownloadedBytes)
	t.phase = e.Phase
}

// finish takes the bar away.
func (t *transfer) finish() {
	if t.bar != nil {
		_ = t.bar.Clear()
		t.bar = nil
	}
}

// bytesText gives a size for people, in decimal units as file managers do.
func bytesText(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}
