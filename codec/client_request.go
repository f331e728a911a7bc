package codec

import (
	"math"
	"strconv"
)

// RequestOptions are a request's optional values as a client sends them; nil and
// "" are left out, so that the daemon's defaults apply.
type RequestOptions struct {
	Temperature, TopP                 *float64 // NaN and infinities are sent as null
	TopK, MaxTokens, ImageTokenBudget *uint32
	Stream                            *bool
	Grammar                           string
}

// AppendRequest appends one request line as a client writes it, '\n' included.
// An empty id is left out. A server refuses a line of MaxLine bytes or more.
func AppendRequest(dst []byte, id string, msgs []Message, o RequestOptions) []byte {
	dst = append(dst, '{')
	if id != "" {
		dst = append(dst, `"id":`...)
		dst = AppendQuoted(dst, id)
		dst = append(dst, ',')
	}
	dst = append(dst, `"messages":[`...)
	for i := range msgs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"role":`...)
		dst = AppendQuoted(dst, msgs[i].Role)
		dst = append(dst, `,"content":`...)
		dst = AppendQuoted(dst, msgs[i].Content)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = appendFloat(dst, `,"temperature":`, o.Temperature)
	dst = appendFloat(dst, `,"top_p":`, o.TopP)
	dst = appendUint32(dst, `,"top_k":`, o.TopK)
	dst = appendUint32(dst, `,"max_tokens":`, o.MaxTokens)
	if o.Stream != nil {
		dst = append(dst, `,"stream":`...)
		dst = strconv.AppendBool(dst, *o.Stream)
	}
	dst = appendUint32(dst, `,"image_token_budget":`, o.ImageTokenBudget)
	if o.Grammar != "" {
		dst = append(dst, `,"grammar":`...)
		dst = AppendQuoted(dst, o.Grammar)
	}
	return append(dst, "}\n"...)
}

func appendFloat(dst []byte, key string, v *float64) []byte {
	if v == nil {
		return dst
	}
	dst = append(dst, key...)
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		return append(dst, "null"...) // JSON has no such number
	}
	return strconv.AppendFloat(dst, *v, 'g', -1, 64)
}

func appendUint32(dst []byte, key string, v *uint32) []byte {
	if v == nil {
		return dst
	}
	dst = append(dst, key...)
	return strconv.AppendUint(dst, uint64(*v), 10)
}
