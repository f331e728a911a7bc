package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"inferd/client"
)

// maxPromptBytes keeps an endless pipe from filling the memory; the wire takes
// less than 64 MiB a request anyway.
const maxPromptBytes = 64 << 20

// maxGrammarBytes is far above what llamacpp takes, and keeps an endless file out.
const maxGrammarBytes = 1 << 20

// chatFlags are the flags of chat.
type chatFlags struct {
	targetFlags
	prompt      string
	system      string
	grammarFile string
	temperature float64
	topP        float64
	topK        uint32
	maxTokens   uint32
	id          string
	jsonFrames  bool
	noStream    bool
}

func newChat(a *app) *cobra.Command {
	var f chatFlags
	cmd := &cobra.Command{
		Use:     "chat",
		GroupID: groupTalk,
		Short:   "Talk to the model",
		Long: `Talk to the model, keeping the conversation. With -p, or with a prompt on
standard input that is not a terminal, answer once and exit.

In a conversation ctrl-C stops the current answer, /help lists the commands and
ctrl-D ends it. The text streams to standard output as the model writes it.`,
		Example: `  inferdctl chat
  inferdctl chat -p "Name three rivers." --max-tokens 40
  cat report.txt | inferdctl chat --system "Summarise in one sentence."
  inferdctl chat -p hi --json | jq -c .`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unexpected argument %q: a prompt is given with -p", args[0])
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.prompt, "prompt", "p", "",
		"answer this `prompt` and exit; - reads it from stdin")
	flags.StringVarP(&f.system, "system", "s", "", "system `message` that opens the conversation")
	flags.Float64Var(&f.temperature, "temperature", 0,
		"sampling temperature (default: the daemon's, 1.0)")
	flags.Float64Var(&f.topP, "top-p", 0, "nucleus sampling (default: the daemon's, 0.95)")
	flags.Uint32Var(&f.topK, "top-k", 0, "sample from the k likeliest (default: the daemon's, 64)")
	flags.Uint32Var(&f.maxTokens, "max-tokens", 0, "longest answer (default: the daemon's, 1000)")
	flags.StringVar(&f.grammarFile, "grammar-file", "",
		"GBNF grammar `file` the answer must follow")
	flags.StringVar(&f.id, "id", "", "request `id`, echoed on every frame and logged by the daemon")
	flags.BoolVar(&f.jsonFrames, "json", false, "print the frames as the daemon sends them")
	flags.BoolVar(&f.noStream, "no-stream", false, "ask for the whole answer in one frame")
	f.register(flags)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		options, err := f.options(cmd)
		if err != nil {
			return err
		}
		s := &session{app: a, flags: &f, options: options}
		defer s.close()
		return s.run(cmd.Context(), cmd.Flags().Changed("prompt"))
	}
	return cmd
}

// options collects the sampling settings that were given; the daemon's defaults
// stand for the others.
func (f *chatFlags) options(cmd *cobra.Command) (client.Options, error) {
	var o client.Options
	for _, v := range []float64{f.temperature, f.topP} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return o, errors.New("--temperature and --top-p take finite numbers")
		}
	}
	given := cmd.Flags().Changed
	if given("temperature") {
		o.Temperature = &f.temperature
	}
	if given("top-p") {
		o.TopP = &f.topP
	}
	if given("top-k") {
		o.TopK = &f.topK
	}
	if given("max-tokens") {
		o.MaxTokens = &f.maxTokens
	}
	if f.noStream {
		o.Stream = new(false)
	}
	if f.grammarFile != "" {
		file, err := os.Open(f.grammarFile)
		if err != nil {
			return o, fmt.Errorf("--grammar-file: %w", err)
		}
		defer func() { _ = file.Close() }()
		text, err := readAtMost(file, maxGrammarBytes)
		if err != nil {
			return o, fmt.Errorf("--grammar-file: %w", err)
		}
		o.Grammar = text
	}
	return o, nil
}

// run answers once or starts the conversation.
func (s *session) run(ctx context.Context, prompted bool) error {
	s.reset(s.flags.system)
	if s.flags.jsonFrames {
		s.onLine = func(line []byte) { s.printf("%s\n", line) }
	}
	prompt := s.flags.prompt
	switch {
	case prompted && prompt != "-":
		return s.once(ctx, prompt)
	case !prompted && isTerminal(s.stdin):
		return s.converse(ctx)
	}
	prompt, err := readAtMost(s.stdin, maxPromptBytes)
	if err != nil {
		return fmt.Errorf("read the prompt: %w", err)
	}
	prompt = strings.TrimRight(prompt, "\r\n")
	if prompt == "" {
		return errors.New("the prompt on standard input is empty")
	}
	return s.once(ctx, prompt)
}

// once answers one prompt.
func (s *session) once(ctx context.Context, prompt string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	_, err := s.ask(ctx, prompt)
	return err
}

// readAtMost reads everything, and fails if it is more than limit bytes.
func readAtMost(r io.Reader, limit int64) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return "", err
	case int64(len(data)) > limit:
		return "", fmt.Errorf("input of more than %d bytes", limit)
	}
	return string(data), nil
}
