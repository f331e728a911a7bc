package command

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"inferd/bench/load"
	"inferd/bench/load/report"
)

// write prints the report in the form asked for, to the place asked for.
func (f *flags) write(cmd *cobra.Command, results []*load.Result) error {
	if f.benchfmt { // which has no place for them
		for _, r := range f.every {
			for _, warning := range r.Warnings {
				cmd.PrintErrf("warning: %s: %s\n", report.StepName(r.Conns, r.Offered), warning)
			}
		}
	}
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
		return report.Benchstat(w, f.every)
	case len(results) > 1:
		return report.Table(w, results)
	default:
		return report.Text(w, results[0])
	}
}
