package command

const (
	// stableRuns must agree for --repeat-until-stable.
	stableRuns = 3

	// maxRepeat bounds --repeat.
	maxRepeat = 10_000

	// progressColumns is the width of the progress line: a terminal's, less the
	// column of the cursor.
	progressColumns = 79
)
