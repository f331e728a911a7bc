package openaicompat

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"inferd/engine"
	"inferd/internal/redact"
)

// refused turns an answer that is not a good one into an error.
func (x *exchange) refused(resp *http.Response) error {
	status := resp.StatusCode
	switch {
	case status/100 == 2:
		if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
			return engine.Errorf(engine.Unavailable,
				"upstream compressed its answer although that was not asked for")
		}
		return nil
	case status/100 == 3:
		return engine.Errorf(engine.Unavailable,
			"upstream HTTP %d: redirect to another place not followed: check base_url", status)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		// Such a body likes to quote the key.
		return engine.Errorf(engine.Unavailable,
			"upstream HTTP %d: access denied: check the upstream's api key", status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorReadBytes))
	if err != nil && len(body) == 0 && x.ctx.Err() != nil {
		return x.failure(err)
	}
	text := fmt.Sprintf("upstream HTTP %d", status)
	if said := x.engine.presentable(saidIn(body)); said != "" {
		text += ": " + said
	}
	return &engine.Error{Kind: kindOf(status), Text: text}
}

// kindOf sorts a status: these three are about the request, and would be the
// same from any backend.
func kindOf(status int) engine.Kind {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return engine.Invalid
	}
	return engine.Unavailable
}

// saidIn gives the message in a refusal's body, or all of it if there is none.
func saidIn(body []byte) string {
	var refusal struct {
		Error json.RawMessage `json:"error"`
	}
	_ = json.Unmarshal(body, &refusal)
	for _, raw := range []json.RawMessage{refusal.Error, body} {
		if message, _ := readReport(raw); message != "" {
			return message
		}
	}
	return string(body)
}

// reportedError reads the error member of an answer that began as a good one.
func (e *Engine) reportedError(raw json.RawMessage) (text string, kind engine.Kind, is bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", 0, false
	}
	message, code := readReport(raw)
	text = "upstream reported an error"
	if said := e.presentable(message); said != "" {
		text += ": " + said
	}
	return text, kindOf(code), true
}

// readReport reads an error: an object with a message and a code, or only a text.
func readReport(raw json.RawMessage) (message string, code int) {
	var report struct {
		Message string          `json:"message"`
		Code    json.RawMessage `json:"code"` // a number, a text or null
	}
	if json.Unmarshal(raw, &report) != nil {
		_ = json.Unmarshal(raw, &report.Message)
	}
	code, _ = strconv.Atoi(strings.Trim(string(report.Code), `"`))
	if code == http.StatusUnauthorized || code == http.StatusForbidden {
		report.Message = "access denied: check the upstream's api key"
	}
	return report.Message, code
}

// presentable makes an upstream's text fit for a client: without the key and
// other secrets, printable, valid UTF-8, at most maxErrorTextBytes.
func (e *Engine) presentable(text string) string {
	text = text[:min(len(text), maxErrorReadBytes)]
	if e.options.APIKey != "" {
		text = spellings(e.options.APIKey).ReplaceAllString(text, "[REDACTED:api-key]")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' ' // line ends, controls, direction marks
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return redact.Cut(strings.TrimSpace(text), maxErrorTextBytes)
}

// spellings matches a key as it is and as JSON may write it, which a text can be or
// quote: each character behind backslashes, or as \u00 and two hex digits.
func spellings(key string) *regexp.Regexp {
	var pattern strings.Builder
	for _, c := range key { // ASCII: see Options.prepare
		fmt.Fprintf(&pattern, `\\*(?:%s|\\u00(?i:%02x))`, regexp.QuoteMeta(string(c)), c)
	}
	return regexp.MustCompile(pattern.String())
}
