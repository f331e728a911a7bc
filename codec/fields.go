package codec

// field is a known key of a request or of a message.
type field uint8

const (
	fieldID field = iota
	fieldMessages
	fieldTemperature
	fieldTopP
	fieldTopK
	fieldMaxTokens
	fieldStream
	fieldImageTokenBudget
	fieldGrammar
	fieldRole
	fieldContent
	fieldUnknown // also the number of known ones
)

// bit is f's place in a set of fields already seen.
func (f field) bit() uint32 { return 1 << f }

// requestField names a key of the top-level object. Keys are case-sensitive.
func requestField(key []byte) field {
	switch string(key) {
	case "id":
		return fieldID
	case "messages":
		return fieldMessages
	case "temperature":
		return fieldTemperature
	case "top_p":
		return fieldTopP
	case "top_k":
		return fieldTopK
	case "max_tokens":
		return fieldMaxTokens
	case "stream":
		return fieldStream
	case "image_token_budget":
		return fieldImageTokenBudget
	case "grammar":
		return fieldGrammar
	}
	return fieldUnknown
}

// messageField names a key of a message.
func messageField(key []byte) field {
	switch string(key) {
	case "role":
		return fieldRole
	case "content":
		return fieldContent
	}
	return fieldUnknown
}

const (
	mustString = " must be a string"
	mustNumber = " must be a number or null"
	mustU32    = " must be an integer from 0 to 4294967295 or null"
)

// Reasons by field.
var (
	errType = [fieldUnknown]*DecodeError{
		fieldID:               {"id" + mustString},
		fieldMessages:         {"messages must be an array"},
		fieldTemperature:      {"temperature" + mustNumber},
		fieldTopP:             {"top_p" + mustNumber},
		fieldTopK:             {"top_k" + mustU32},
		fieldMaxTokens:        {"max_tokens" + mustU32},
		fieldStream:           {"stream must be a boolean or null"},
		fieldImageTokenBudget: {"image_token_budget" + mustU32},
		fieldGrammar:          {"grammar" + mustString},
		fieldRole:             {"role" + mustString},
		fieldContent:          {"content" + mustString},
	}
	errDuplicate = [fieldUnknown]*DecodeError{
		fieldID:               {"duplicate field id"},
		fieldMessages:         {"duplicate field messages"},
		fieldTemperature:      {"duplicate field temperature"},
		fieldTopP:             {"duplicate field top_p"},
		fieldTopK:             {"duplicate field top_k"},
		fieldMaxTokens:        {"duplicate field max_tokens"},
		fieldStream:           {"duplicate field stream"},
		fieldImageTokenBudget: {"duplicate field image_token_budget"},
		fieldGrammar:          {"duplicate field grammar"},
		fieldRole:             {"duplicate field role"},
		fieldContent:          {"duplicate field content"},
	}
	errMissing = [fieldUnknown]*DecodeError{
		fieldMessages: {"missing field messages"},
		fieldRole:     {"missing field role"},
		fieldContent:  {"missing field content"},
	}
)
