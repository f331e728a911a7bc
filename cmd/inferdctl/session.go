package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"inferd/client"
)

// session is one conversation: the messages so far and a connection that is
// made when it is first needed and again after it was lost.
type session struct {
	*app
	flags    *chatFlags
	options  client.Options
	messages []client.Message
	conn     *client.Client
	overTCP  bool
	onLine   func([]byte) // prints raw frames in place of the text; may be nil
}

// reset forgets the conversation and starts a new one.
func (s *session) reset(system string) {
	s.messages = s.messages[:0]
	if system != "" {
		s.messages = append(s.messages, client.Message{Role: "system", Content: system})
	}
}

func (s *session) close() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// answer is what is known about an answer at its end.
type answer struct {
	heard            bool // there was a frame
	text             string
	stopReason       string
	backend          string
	promptTokens     uint32
	completionTokens uint32
	firstToken, took time.Duration
}

// connect makes the connection, unless there is one.
func (s *session) connect(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	target, err := s.flags.target(s.app)
	if err != nil {
		return err
	}
	conn, err := s.flags.dial(ctx, target)
	if err != nil {
		return err
	}
	if s.onLine != nil {
		conn.Tap(s.onLine)
	}
	s.conn, s.overTCP = conn, target.TCP != ""
	return nil
}

// ask sends the conversation with prompt as its next turn and streams the
// answer. The turn and its answer join the conversation if any text came, even
// if it was interrupted: that is what the user has seen.
func (s *session) ask(ctx context.Context, prompt string) (answer, error) {
	if err := s.connect(ctx); err != nil {
		return answer{}, err
	}
	turn := append(s.messages, client.Message{Role: "user", Content: prompt})
	result, err := s.stream(ctx, turn)
	if err != nil && !stillConnected(err) {
		s.close()
	}
	if result.text != "" {
		s.messages = append(turn, client.Message{Role: "assistant", Content: result.text})
	}
	return result, s.explain(err, result.heard)
}

// stream prints one answer as it arrives.
func (s *session) stream(ctx context.Context, turn []client.Message) (result answer, err error) {
	var text strings.Builder
	start := time.Now()
	request := client.Request{ID: s.flags.id, Messages: turn, Options: s.options}
	for frame, e := range s.conn.Generate(ctx, request) {
		result.heard = result.heard || e == nil
		switch {
		case e != nil:
			err = e
		case frame.Type == "token":
			if result.firstToken == 0 {
				result.firstToken = time.Since(start)
			}
			text.WriteString(frame.Content)
			s.show(frame.Content)
		case frame.Type == "done":
			// Without token frames (--no-stream) the text comes only here.
			s.show(strings.TrimPrefix(frame.Content, text.String()))
			text.Reset()
			text.WriteString(frame.Content)
			result.stopReason, result.backend = frame.StopReason, frame.Backend
			result.promptTokens = frame.Usage.PromptTokens
			result.completionTokens = frame.Usage.CompletionTokens
		}
	}
	result.text = text.String()
	result.took = time.Since(start)
	if result.text != "" && !strings.HasSuffix(result.text, "\n") {
		s.show("\n")
	}
	return result, err
}

// show prints answer text. Onto a terminal it goes without control characters,
// so that a model cannot drive it.
func (s *session) show(text string) {
	if s.onLine != nil || text == "" {
		return
	}
	if isTerminal(s.stdout) {
		text = printable(text)
	}
	s.printf("%s", text)
}

// stillConnected reports whether the connection may serve the next request
// after err.
func stillConnected(err error) bool {
	var refused *client.ServerError
	return errors.As(err, &refused) && refused.Temporary()
}

// explain makes the common failures readable; heard says that the daemon had said
// something.
func (s *session) explain(err error, heard bool) error {
	var refused *client.ServerError
	hungUp := errors.Is(err, client.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ECONNRESET)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return errInterrupted
	case errors.As(err, &refused) && refused.RetryAfter > 0:
		return fmt.Errorf("%w (try again in %v)", err, refused.RetryAfter)
	case hungUp && !heard && s.overTCP:
		return fmt.Errorf("the daemon hung up without a word: a wrong or missing --api-key, "+
			"or its limit of connections (%w)", err)
	case hungUp && !heard:
		return fmt.Errorf("the daemon hung up without a word: its limit of connections, or "+
			"--allow-uid or --allow-gid leaves you out (%w)", err)
	case errors.Is(err, client.ErrUnexpectedEOF):
		return fmt.Errorf("the daemon closed the connection before the answer was complete: %w", err)
	default:
		return err
	}
}

var errInterrupted = errors.New("interrupted")
