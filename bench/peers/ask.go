package main

import (
	"context"
	"fmt"

	"inferd/client"
	"inferd/engine"
)

// daemonAsker asks inferd over a connection of its own.
type daemonAsker struct{ client *client.Client }

func (a daemonAsker) close() { _ = a.client.Close() }

func (a daemonAsker) ask(
	ctx context.Context, prompt string, maxTokens int, onToken func(),
) (int, error) {
	greedy, limit := 0.0, uint32(maxTokens)
	request := client.Request{
		Messages: []client.Message{{Role: "user", Content: prompt}},
		Options:  client.Options{Temperature: &greedy, MaxTokens: &limit},
	}
	for frame, err := range a.client.Generate(ctx, request) {
		switch {
		case err != nil:
			return 0, err
		case frame.Type == client.TypeToken:
			onToken()
		case frame.Type == client.TypeDone:
			return int(frame.Usage.CompletionTokens), nil
		}
	}
	return 0, fmt.Errorf("no terminal frame")
}

// httpAsker asks over HTTP; connections are shared by all of a server's askers.
type httpAsker struct{ engine engine.Engine }

func (a httpAsker) close() {}

func (a httpAsker) ask(
	ctx context.Context, prompt string, maxTokens int, onToken func(),
) (int, error) {
	request := &engine.Request{
		Messages:    []engine.Message{{Role: "user", Content: prompt}},
		Temperature: 0, TopP: 1, MaxTokens: uint32(maxTokens),
	}
	result, err := a.engine.Generate(ctx, request, tokenSink(onToken))
	return int(result.Usage.CompletionTokens), err
}

// tokenSink is an engine.Sink that only counts.
type tokenSink func()

func (s tokenSink) Offer([]byte) error { return s.Token(nil, false) }

func (s tokenSink) Token([]byte, bool) error {
	s()
	return nil
}
