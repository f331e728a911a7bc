package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"inferd/client"
)

// Stream an answer from the daemon at this user's default socket, waiting for
// it to come up.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	c, err := client.DialWait(ctx, client.Target{})
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = c.Close() }()

	request := client.Request{
		ID:       "r1",
		Messages: []client.Message{{Role: "user", Content: "Name three rivers."}},
		Options:  client.Options{MaxTokens: new(uint32(64))},
	}
	for frame, err := range c.Generate(ctx, request) {
		var refused *client.ServerError
		switch {
		case errors.As(err, &refused) && refused.Temporary():
			fmt.Println("busy, try again in", refused.RetryAfter)
		case err != nil:
			log.Print(err)
		case frame.Type == "token":
			fmt.Print(frame.Content)
		}
	}
}

func ExampleWaitReady() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.WaitReady(ctx, ""); err != nil {
		log.Print("inferd did not become ready: ", err)
		return
	}
	fmt.Println("ready")
}
