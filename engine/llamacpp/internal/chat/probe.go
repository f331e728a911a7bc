package chat

import (
	"fmt"
	"strings"

	"inferd/engine"
)

// probe renders a few conversations with known texts and learns from the result
// what the template does to a text it is given.
func (t *Template) probe() error {
	const mark = "PROBE"
	out, err := t.run([]engine.Message{{Role: roleUser, Content: mark}})
	if err != nil || !strings.Contains(out, mark) {
		t.parts = true
		if out, partsErr := t.run([]engine.Message{{Role: roleUser, Content: mark}}); partsErr != nil ||
			!strings.Contains(out, mark) {
			if err == nil {
				return fmt.Errorf("%w: it leaves out what a user says", ErrTemplate)
			}
			return fmt.Errorf("%w: a lone user message does not render: %s", ErrTemplate, reason(err))
		}
	}
	system := engine.Message{Role: roleSystem, Content: mark}
	user := engine.Message{Role: roleUser, Content: "x"}
	out, err = t.run([]engine.Message{system, user})
	t.foldSystem = err != nil || !strings.Contains(out, mark)

	// Templates write blanks and lines of their own, but no tabs.
	const before, after = "\n\t", "\t\n"
	for role, msgs := range map[string][]engine.Message{
		roleSystem:    {{Role: roleSystem, Content: before + mark + after}, user},
		roleUser:      {{Role: roleUser, Content: before + mark + after}},
		roleAssistant: {user, {Role: roleAssistant, Content: before + mark + after}, user},
	} {
		out, err := t.run(msgs)
		if shown := err == nil && strings.Contains(out, mark); shown {
			t.trims[role] = sides{
				left:  cutOf(out, before+mark, "\t"+mark),
				right: cutOf(out, mark+after, mark+"\t"),
			}
		}
	}
	t.probeThoughts(user, mark)
	return nil
}

// probeThoughts learns whether earlier thoughts are dropped, and what with them.
func (t *Template) probeThoughts(user engine.Message, mark string) {
	const before = "\n\n\t"
	answer := engine.Message{
		Role:    roleAssistant,
		Content: "<think>\nTHOUGHT\n" + endOfThought + before + mark,
	}
	out, err := t.run([]engine.Message{user, answer, user})
	t.dropThoughts = err == nil && strings.Contains(out, mark) && !strings.Contains(out, "THOUGHT")
	t.afterThought = cutOf(out, before+mark, "\t"+mark)
}

// cutOf tells what was cut off a text by what is left of it in out.
func cutOf(out, whole, withoutNewlines string) blank {
	switch {
	case strings.Contains(out, whole):
		return nothing
	case strings.Contains(out, withoutNewlines):
		return newlines
	}
	return blanks
}
