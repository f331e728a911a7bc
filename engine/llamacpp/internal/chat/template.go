package chat

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/syntax"

	"inferd/engine"
)

// Fallback is the template of models that bring none: ChatML.
const Fallback = `{% for message in messages %}` +
	`{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}` +
	`{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// named are templates that llama.cpp knows by name, and gives models without one.
var named = map[string]string{
	"mistral-v7-tekken": `{{ bos_token }}{% for message in messages %}` +
		`{% if message['role'] == 'system' %}[SYSTEM_PROMPT]{{ message['content'] }}[/SYSTEM_PROMPT]` +
		`{% elif message['role'] == 'user' %}[INST]{{ message['content'] }}[/INST]` +
		`{% else %}{{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}`,
}

// ErrTemplate says that a model's template can not be used at all.
var ErrTemplate = errors.New("chat template")

// ErrConversation says that the template refuses a conversation, as a rule
// because roles must alternate. Its text may go to the client.
var ErrConversation = errors.New("the model's chat template refuses the conversation")

// Segment is a part of a prompt. Control tokens count in the template's own
// text only.
type Segment struct {
	Text string
	User bool // a message's text: plain, whatever it spells
}

// Specials are the texts a template may ask for by name.
type Specials struct{ BOS, EOS string }

// Template renders conversations. Immutable.
type Template struct {
	tmpl     *minijinja.Template
	specials Specials

	parts        bool             // it wants a content to be a list of parts
	foldSystem   bool             // no system turn: goes in front of the first user text
	trims        map[string]sides // by role: where the template trims the text
	dropThoughts bool             // of earlier assistant turns
	afterThought blank            // … with what of this comes behind them
}

// sides are what is cut off the ends of a text.
type sides struct{ left, right blank }

// blank is characters that a template may cut off.
type blank uint8

const (
	nothing blank = iota
	newlines
	blanks
)

// in tells whether r is one of them.
func (b blank) in(r rune) bool {
	return b == newlines && r == '\n' || b == blanks && unicode.IsSpace(r)
}

// Compile prepares a model's template; an empty source means [Fallback].
func Compile(source string, specials Specials) (*Template, error) {
	if source == "" {
		source = Fallback
	}
	if own, ok := named[source]; ok {
		source = own
	}
	if len(source) > maxTemplateBytes {
		return nil, fmt.Errorf("%w: %d bytes are more than %d",
			ErrTemplate, len(source), maxTemplateBytes)
	}
	env := minijinja.NewEnvironment()
	env.SetWhitespace(syntax.WhitespaceConfig{TrimBlocks: true, LstripBlocks: true})
	env.SetRecursionLimit(renderDepth)
	fuel := uint64(renderFuel)
	env.SetFuel(&fuel)
	addMethods(env)
	tmpl, err := contain(func() (*minijinja.Template, error) {
		return env.TemplateFromString(rewrite(source))
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrTemplate, cut(err.Error()))
	}
	t := &Template{tmpl: tmpl, specials: specials, trims: make(map[string]sides)}
	if err := t.probe(); err != nil {
		return nil, err
	}
	return t, nil
}

// Render gives the prompt for an answer to msgs.
func (t *Template) Render(msgs []engine.Message) ([]Segment, error) {
	if t.foldSystem {
		msgs = foldSystem(msgs)
	}
	texts := make([]string, len(msgs))
	stand := make([]engine.Message, len(msgs))
	for i, m := range msgs {
		texts[i] = t.prepare(m, i == len(msgs)-1)
		stand[i] = engine.Message{Role: m.Role}
		if texts[i] != "" { // templates ask whether a content is empty
			stand[i].Content = placeholder(i)
		}
	}
	out, err := t.run(stand)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrConversation, reason(err))
	}
	return split(out, texts), nil
}

// prepare does to a text what the template would have done.
func (t *Template) prepare(m engine.Message, last bool) string {
	text := m.Content
	if t.dropThoughts && !last && m.Role == roleAssistant {
		if i := strings.LastIndex(text, endOfThought); i >= 0 {
			text = strings.TrimLeftFunc(text[i+len(endOfThought):], t.afterThought.in)
		}
	}
	trim := t.trims[m.Role]
	return strings.TrimRightFunc(strings.TrimLeftFunc(text, trim.left.in), trim.right.in)
}

// run executes the template on what is in msgs, as it is.
func (t *Template) run(msgs []engine.Message) (string, error) {
	list := make([]map[string]any, len(msgs))
	for i, m := range msgs {
		list[i] = map[string]any{"role": m.Role, "content": m.Content}
		if t.parts {
			list[i]["content"] = []any{map[string]any{"type": "text", "text": m.Content}}
		}
	}
	out, err := contain(func() (string, error) {
		return t.tmpl.Render(map[string]any{
			"messages": list, "add_generation_prompt": true,
			"bos_token": t.specials.BOS, "eos_token": t.specials.EOS,
		})
	})
	if err == nil && len(out) > maxOutputBytes {
		err = fmt.Errorf("it writes more than %d bytes", maxOutputBytes)
	}
	return out, err
}

// contain turns a panic of the template library into an error: templates come
// with model files, so a bad one is no programmer's error.
func contain[T any](f func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the template library gave up: %v", p)
		}
	}()
	return f()
}

const (
	roleSystem    = "system"
	roleUser      = "user"
	roleAssistant = "assistant"
	endOfThought  = "</think>"
)

// foldSystem puts a leading system text in front of the first user text, for
// templates without a system turn.
func foldSystem(msgs []engine.Message) []engine.Message {
	if len(msgs) == 0 || msgs[0].Role != roleSystem {
		return msgs
	}
	system, rest := msgs[0].Content, msgs[1:]
	if system == "" && len(rest) > 0 {
		return rest
	}
	if len(rest) == 0 || rest[0].Role != roleUser {
		return append([]engine.Message{{Role: roleUser, Content: system}}, rest...)
	}
	folded := append([]engine.Message(nil), rest...)
	folded[0].Content = system + "\n\n" + rest[0].Content
	return folded
}

// Placeholders are an index between two private-use characters.
const (
	placeOpen  = "\U000FFFA1"
	placeClose = "\U000FFFA2"
)

func placeholder(i int) string { return placeOpen + strconv.Itoa(i) + placeClose }

// split replaces the placeholders in a rendering by the texts they stand for.
func split(out string, texts []string) []Segment {
	var segs []Segment
	for out != "" {
		before, rest, found := strings.Cut(out, placeOpen)
		digits, after, closed := strings.Cut(rest, placeClose)
		if !found || !closed {
			return append(segs, Segment{Text: out})
		}
		if before != "" {
			segs = append(segs, Segment{Text: before})
		}
		if i, err := strconv.Atoi(digits); err == nil && i >= 0 && i < len(texts) {
			segs = append(segs, Segment{Text: texts[i], User: true})
		}
		out = after
	}
	return segs
}

// reason is a template's complaint without the library's decoration.
func reason(err error) string {
	text := err.Error()
	if i := strings.Index(text, raisedMark); i >= 0 {
		text = text[i+len(raisedMark):]
	}
	return cut(text)
}

func cut(text string) string {
	if len(text) > maxReasonBytes {
		text = strings.ToValidUTF8(text[:maxReasonBytes], "") + "…"
	}
	return strings.TrimSpace(text)
}
