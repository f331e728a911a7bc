package codec

import "strconv"

// Code is an error frame's code. The set is closed in v1.
type Code string

// The codes of v1.
const (
	QueueFull          Code = "queue_full"
	BackendUnavailable Code = "backend_unavailable"
	InvalidRequest     Code = "invalid_request"
	FrameTooLarge      Code = "frame_too_large"
	Internal           Code = "internal"
)

// Usage counts a request's tokens.
type Usage struct {
	PromptTokens     uint32 `json:"prompt_tokens"`
	CompletionTokens uint32 `json:"completion_tokens"`
}

// AppendError appends an error frame. The message goes to the client: no secret,
// and nothing of another program's text that is not cut and cleaned.
func AppendError(dst, quotedID []byte, code Code, message string) []byte {
	dst = appendErrorHead(dst, quotedID, code, message)
	return append(dst, "}\n"...)
}

// AppendQueueFull appends the error frame of a request that found no place.
// retryAfterMS estimates in milliseconds when one may be free; active and queued
// are how many requests run and wait.
func AppendQueueFull(dst, quotedID []byte, retryAfterMS uint64, active, queued int) []byte {
	dst = appendErrorHead(dst, quotedID, QueueFull, "queue full")
	dst = AppendLiteral(dst, `,"retry_after_ms":`)
	dst = strconv.AppendUint(dst, retryAfterMS, 10)
	dst = append(dst, `,"active":`...)
	dst = strconv.AppendInt(dst, int64(active), 10)
	dst = append(dst, `,"queued":`...)
	dst = strconv.AppendInt(dst, int64(queued), 10)
	return append(dst, "}\n"...)
}

func appendErrorHead(dst, quotedID []byte, code Code, message string) []byte {
	dst = AppendLiteral(dst, `{"type":"error","id":`)
	dst = append(dst, quotedID...)
	dst = append(dst, `,"code":`...)
	dst = AppendQuoted(dst, string(code))
	dst = append(dst, `,"message":`...)
	return AppendQuoted(dst, message)
}
