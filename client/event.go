package client

import (
	"bytes"
	"encoding/json"
	"errors"
)

var errBadEvent = errors.New("admin socket sent a line that is not a JSON object")

// parseEvent decodes one admin line. Unknown types, statuses and keys are fine.
func parseEvent(line []byte) (Event, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil || fields == nil {
		return Event{}, errBadEvent
	}
	text := func(key string) string {
		value, _ := fields[key].(string)
		return value
	}
	return Event{
		Type: text("type"), Status: text("status"), Phase: text("phase"), Fields: fields,
	}, nil
}
