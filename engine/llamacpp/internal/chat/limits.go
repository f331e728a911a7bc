package chat

const (
	// maxTemplateBytes: the longest published templates have about 30 KB.
	maxTemplateBytes = 512 << 10
	// renderFuel is how many template instructions one rendering may take; a
	// conversation of a thousand messages takes about a hundred thousand.
	renderFuel = 2_000_000
	// renderDepth bounds nested macros.
	renderDepth = 100
	// maxOutputBytes bounds the template's own words in one prompt.
	maxOutputBytes = 16 << 20
	// maxReasonBytes cuts a template's own complaint.
	maxReasonBytes = 200
)
