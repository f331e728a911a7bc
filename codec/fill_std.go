package codec

import "encoding/json"

// stdFiller decodes with encoding/json: slower and with copies, for platforms and
// Go versions where sonic is in the way. It goes through maps because
// encoding/json matches struct fields regardless of case.
//
// It is compiled into every build so that the tests can hold it against sonic.
type stdFiller struct{}

func (stdFiller) fill(line []byte, v any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		return err
	}
	switch v := v.(type) {
	case *Frame:
		return fillFrame(v, members)
	case *frameType:
		return fillEach(members, map[string]any{"type": &v.Type})
	}
	return &json.InvalidUnmarshalError{}
}

func fillFrame(f *Frame, members map[string]json.RawMessage) error {
	err := fillEach(members, map[string]any{
		"type":           &f.Type,
		"id":             &f.ID,
		"content":        &f.Content,
		"code":           &f.Code,
		"message":        &f.Message,
		"stop_reason":    &f.StopReason,
		"backend":        &f.Backend,
		"status":         &f.Status,
		"retry_after_ms": &f.RetryAfterMS,
		"active":         &f.Active,
		"queued":         &f.Queued,
	})
	raw, ok := members["usage"]
	if !ok {
		return err
	}
	var usage map[string]json.RawMessage
	if e := json.Unmarshal(raw, &usage); e != nil {
		return e
	}
	e := fillEach(usage, map[string]any{
		"prompt_tokens":     &f.Usage.PromptTokens,
		"completion_tokens": &f.Usage.CompletionTokens,
	})
	if e != nil {
		return e
	}
	return err
}

// fillEach decodes those members that have a place to go to; null changes nothing.
func fillEach(members map[string]json.RawMessage, into map[string]any) error {
	var failed error
	for key, v := range into {
		if raw, ok := members[key]; ok {
			if err := json.Unmarshal(raw, v); err != nil {
				failed = err
			}
		}
	}
	return failed
}
