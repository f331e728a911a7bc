package command

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"inferd/bench/load"
	"inferd/bench/load/report"
)

// write prints the report in the form asked for, to the place asked for.
func (f *flags) write(cmd *cobra.Command, results []*load.Result) error {
	w := cmd.OutOrStdout()
	if f.out != "" {
		file, err := os.Create(f.out)
		if err != nil {
			return err
		}
		if err := f.format(file, results); err != nil {
			_ = file.Close()
			return err
		}
		return file.Close()
	}
	return f.format(w, results)
}

func (f *flags) format(w io.Writer, results []*load.Result) error {
	switch {
	case f.json:
		return report.JSON(w, results)
	case f.csv:
		return report.CSV(w, results)
	case f.benchfmt:
		return report.Benchstat(w, results)
	case len(results) > 1:
		return report.Table(w, results)
	default:
		return report.Text(w, results[0])
	}
}

// progress is one line on a terminal that is written over and over; elsewhere
// nothing.
type progress struct {
	w     io.Writer // nil: silent
	shown bool
	note  string // of the repetitions
}

func newProgress(w io.Writer, quiet bool) *progress {
	file, ok := w.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{w: w}
}

const clearLine = "\r\x1b[K"

func (p *progress) show(now load.Progress) {
	if p.w == nil {
		return
	}
	p.shown = true
	_, _ = fmt.Fprintf(p.w, clearLine+"%s%s %v of %v  %d done  %d refused  %d failed  %d connected",
		p.note, now.Phase, now.Elapsed.Round(100*time.Millisecond), now.Total,
		now.Done, now.Rejected, now.Failed, now.Conns)
}

// repeated notes how near the runs are to agreement.
func (p *progress) repeated(results []*load.Result, spread float64) {
	p.note = fmt.Sprintf("[run %d, spread %.1f%%] ", len(results)+1, 100*spread)
	if len(results) < 3 {
		p.note = fmt.Sprintf("[run %d] ", len(results)+1)
	}
}

func (p *progress) clear() {
	if p.shown {
		_, _ = io.WriteString(p.w, clearLine)
		p.shown = false
	}
}
