package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const converseHelp = `Commands:
  /help           this list
  /reset          forget the conversation
  /system TEXT    forget the conversation and set a new system message
  /stats          tokens and times of the last answer
  /exit           leave (so does ctrl-D)
A line that ends in \ goes on in the next one. ctrl-C stops an answer.
`

// converse is the read-answer loop on a terminal.
func (s *session) converse(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	lines := newPrompter(s.app)
	s.notef("%s\n", s.style(faint, "Talking to inferd. /help lists commands, ctrl-D ends."))
	var last answer
	for {
		line, err := lines.read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the prompt: %w", err)
		}
		line = strings.TrimSpace(line)
		switch command, argument, _ := strings.Cut(line, " "); {
		case line == "":
		case command == "/exit" || command == "/quit":
			return nil
		case command == "/help":
			s.notef("%s", converseHelp)
		case command == "/reset":
			s.reset(s.flags.system)
		case command == "/system":
			s.flags.system = strings.TrimSpace(argument)
			s.reset(s.flags.system)
		case command == "/stats":
			s.notef("%s\n", last.String())
		case strings.HasPrefix(command, "/") && !strings.Contains(command[1:], "/"):
			s.notef("unknown command %s; /help lists them\n", printable(command))
		default:
			if result := s.turn(ctx, line); result.stopReason != "" {
				last = result
			}
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// turn answers one line; a failure is told and the conversation goes on.
func (s *session) turn(ctx context.Context, prompt string) answer {
	ctx, stop := interruptible(ctx)
	defer stop()
	result, err := s.ask(ctx, prompt)
	switch {
	case errors.Is(err, errInterrupted):
		s.notef("%s\n", s.style(faint, "[stopped]"))
	case err != nil:
		s.notef("%s %v\n", s.style(red, "error:"), err)
	case result.stopReason == "length":
		s.notef("%s\n", s.style(faint, "[cut at the token limit]"))
	}
	return result
}

// String gives the line of /stats.
func (r answer) String() string {
	if r.took == 0 {
		return "no answer yet"
	}
	rate := 0.0
	if rest := r.took - r.firstToken; rest > 0 && r.completionTokens > 1 {
		rate = float64(r.completionTokens-1) / rest.Seconds()
	}
	return fmt.Sprintf("%d prompt + %d answer tokens, first after %v, %v in all, %.1f tokens/s, "+
		"stop %s, backend %s", r.promptTokens, r.completionTokens,
		r.firstToken.Round(time.Millisecond), r.took.Round(time.Millisecond), rate,
		printable(r.stopReason), printable(r.backend))
}

// prompter reads lines with editing and history where the terminal allows it.
// The terminal is raw only while a line is read, so that ctrl-C is a signal
// while an answer streams.
type prompter struct {
	fd       int
	terminal *term.Terminal // nil: plain lines
	plain    *bufio.Scanner
}

const promptText = "> "

func newPrompter(a *app) *prompter {
	file, ok := a.stdin.(*os.File)
	if !ok || !isTerminal(a.stdin) || !isTerminal(a.stdout) {
		return &prompter{plain: bufio.NewScanner(a.stdin)}
	}
	screen := struct {
		io.Reader
		io.Writer
	}{file, a.stdout}
	terminal := term.NewTerminal(screen, a.style(bold, promptText))
	return &prompter{fd: int(file.Fd()), terminal: terminal}
}

// read returns the next prompt, its continued lines joined. io.EOF is the end:
// ctrl-D, or ctrl-C on the prompt.
func (p *prompter) read() (string, error) {
	var whole strings.Builder
	for {
		line, err := p.line()
		if err != nil {
			return "", err
		}
		more, continued := strings.CutSuffix(line, `\`)
		whole.WriteString(more)
		if !continued {
			return whole.String(), nil
		}
		whole.WriteByte('\n')
	}
}

func (p *prompter) line() (string, error) {
	if p.terminal == nil {
		if !p.plain.Scan() {
			return "", errorOr(p.plain.Err(), io.EOF)
		}
		return p.plain.Text(), nil
	}
	before, err := term.MakeRaw(p.fd)
	if err != nil {
		return "", err
	}
	defer func() { _ = term.Restore(p.fd, before) }()
	// A terminal that does not know its size says 0, which would break every line.
	if width, height, err := term.GetSize(p.fd); err == nil && width > 0 {
		_ = p.terminal.SetSize(width, height)
	}
	line, err := p.terminal.ReadLine()
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil // pasted text is as good as typed text
	}
	return line, err
}

func errorOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
