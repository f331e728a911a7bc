package chat

import (
	"fmt"
	"strings"

	"inferd/engine"
)

// probe renders a few conversations with known texts and learns from the result
// what the template does to a text it is given.
func (t *Template) probe() error {
	if _, err := t.Render([]engine.Message{{Role: roleUser, Content: "x"}}); err != nil {
		return fmt.Errorf("%w: a lone user message does not render: %s", ErrTemplate, reason(err))
	}
	const mark = "PROBE"
	system := engine.Message{Role: roleSystem, Content: mark}
	user := engine.Message{Role: roleUser, Content: "x"}
	out, err := t.run([]engine.Message{system, user})
	t.foldSystem = err != nil || !strings.Contains(out, mark)

	const spaced = "\n " + mark + " \n"
	answer := engine.Message{Role: roleAssistant, Content: "x"}
	for role, msgs := range map[string][]engine.Message{
		roleSystem:    {{Role: roleSystem, Content: spaced}, user},
		roleUser:      {{Role: roleUser, Content: spaced}},
		roleAssistant: {user, {Role: roleAssistant, Content: spaced}, user},
	} {
		out, err := t.run(msgs)
		t.trims[role] = err == nil && strings.Contains(out, mark) && !strings.Contains(out, spaced)
	}
	answer.Content = "<think>\nTHOUGHT\n" + endOfThought + "\n\n" + mark
	out, err = t.run([]engine.Message{user, answer, user})
	t.dropThoughts = err == nil && strings.Contains(out, mark) && !strings.Contains(out, "THOUGHT")
	return nil
}
