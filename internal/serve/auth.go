package serve

import (
	"encoding/json"
	"errors"
	"strconv"

	"inferd/codec"
)

var tooLargeText = "frame exceeds " + strconv.Itoa(codec.MaxLine) + " byte cap"

var errNoKey = errors.New("not an auth frame")

// decodeAuth reads the line {"type":"auth","key":"…"}; other keys are
// tolerated. It is off the hot path: once a connection, 4 KiB at most.
func decodeAuth(line []byte) (string, error) {
	var f struct {
		Type string  `json:"type"`
		Key  *string `json:"key"`
	}
	if json.Unmarshal(line, &f) != nil || f.Type != "auth" || f.Key == nil {
		return "", errNoKey
	}
	return *f.Key, nil
}
