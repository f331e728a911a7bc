package codec

import "encoding/json"

// AppendAuth appends the line that DecodeAuth reads, with its newline.
func AppendAuth(dst []byte, key string) []byte {
	dst = append(dst, `{"type":"auth","key":`...)
	dst = AppendQuoted(dst, key)
	return append(dst, "}\n"...)
}

// DecodeAuth reads the key of the line {"type":"auth","key":"…"}, as strictly as
// a request is read: other keys are tolerated; another case, a repetition or
// invalid UTF-8 is not. It allocates; such a line comes once a connection.
func DecodeAuth(line []byte) (key string, ok bool) {
	var s scanner
	s.reset(line)
	members, ok := s.auth()
	if !ok {
		return "", false
	}
	var kind string
	if json.Unmarshal(members["type"], &kind) != nil || kind != "auth" ||
		json.Unmarshal(members["key"], &key) != nil {
		return "", false
	}
	return key, true
}

// auth checks that the line is an object whose type and key are strings, once
// each, and returns the two as they are written.
func (s *scanner) auth() (members map[string][]byte, ok bool) {
	if s.open() != nil {
		return nil, false
	}
	members = make(map[string][]byte, 2)
	for first := true; ; first = false {
		more, bad := s.member(first)
		if bad != nil {
			return nil, false
		}
		if !more {
			return members, len(members) == 2 && s.end() == nil
		}
		key, bad := s.key()
		if bad != nil {
			return nil, false
		}
		name := string(key)
		c, start := s.next(), s.pos
		if s.value(1) != nil {
			return nil, false
		}
		if name != "type" && name != "key" {
			continue
		}
		if members[name] != nil || c != '"' {
			return nil, false
		}
		members[name] = s.line[start:s.pos]
	}
}
