package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"inferd/internal/activity"
)

// kind is the type of a setting's value: how it is read from text and shown.
type kind uint8

const (
	kindString   kind = iota // *string
	kindPath                 // *string; a leading ~/ is the home directory
	kindAddr                 // *string, literal ip:port
	kindEnum                 // *string, one of setting.choices
	kindSHA256               // *string, 64 lower-case hex digits
	kindBool                 // *bool
	kindInt                  // *int
	kindSize                 // *int64, bytes
	kindDuration             // *time.Duration
	kindIDs                  // *[]uint32
)

// wants names the type in errors.
func (k kind) wants() string {
	switch k {
	case kindBool:
		return "true or false"
	case kindInt:
		return "a whole number"
	case kindSize:
		return "a size such as 65536, 64KiB or 16MiB"
	case kindDuration:
		return "a duration such as 500ms, 30s or 5m"
	case kindIDs:
		return "a list of ids such as 1000,1001"
	case kindAddr:
		return "a literal ip:port such as 127.0.0.1:47321"
	case kindSHA256:
		return "64 hex digits"
	case kindPath:
		return "a path"
	default:
		return "a string"
	}
}

// assign reads text into the field of c that s describes. Its errors say what
// is allowed and leave the naming of the place to the caller. A secret's value
// is never part of one: strings are not checked here.
func (s *setting) assign(c *Config, text string) error {
	switch p := s.ptr(c).(type) {
	case *string:
		v, err := s.parseString(text)
		*p = v
		return err
	case *bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return s.mismatch(text)
		}
		*p = v
	case *int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return s.mismatch(text)
		}
		*p = v
		return s.inRange(int64(v))
	case *int64:
		v, err := parseSize(text)
		if err != nil {
			return s.mismatch(text)
		}
		*p = v
		return s.inRange(v)
	case *time.Duration:
		v, err := parseDuration(text)
		if err != nil {
			return s.mismatch(text)
		}
		*p = v
		return s.inRange(int64(v))
	case *[]uint32:
		v, err := parseIDs(text)
		*p = v
		return err
	default:
		panic(fmt.Sprintf("config: setting %s has a field of type %T", s.name, p))
	}
	return nil
}

func (s *setting) parseString(text string) (string, error) {
	if strings.ContainsRune(text, 0) {
		return "", errors.New("contains a NUL byte")
	}
	if text == "" { // unset
		return "", nil
	}
	switch s.kind {
	case kindAddr:
		if text == "off" {
			return "", nil
		}
		if _, err := netip.ParseAddrPort(text); err != nil {
			return "", fmt.Errorf("bad tcp addr: %q: want %s", text, s.kind.wants())
		}
	case kindEnum:
		if s.name == "log-level" {
			text = plainLevel(text)
		}
		if !slices.Contains(s.choices, text) {
			return "", fmt.Errorf("%q is none of: %s", text, strings.Join(s.choices, ", "))
		}
	case kindSHA256:
		text = strings.ToLower(text)
		if b, err := hex.DecodeString(text); err != nil || len(b) != 32 {
			return "", s.mismatch(text)
		}
	}
	return text, nil
}

// plainLevel gives the name of the level that a filter or another spelling means;
// what is neither stays, to be refused.
func plainLevel(text string) string {
	level, err := activity.ParseLevel(text)
	if err != nil {
		return text
	}
	return activity.LevelName(level)
}

func (s *setting) mismatch(text string) error {
	return fmt.Errorf("%q is not %s", text, s.kind.wants())
}

// inRange checks bounds. 0 is always in range where it is the default: there it
// means "not set" or "off".
func (s *setting) inRange(v int64) error {
	if v == 0 && (s.def == "0" || s.def == "0s") {
		return nil
	}
	if v < s.min || s.max != 0 && v > s.max {
		if s.max == 0 {
			return fmt.Errorf("must be at least %s", s.bound(s.min))
		}
		return fmt.Errorf("must be between %s and %s", s.bound(s.min), s.bound(s.max))
	}
	return nil
}

func (s *setting) bound(v int64) string {
	switch s.kind {
	case kindDuration:
		return formatDuration(time.Duration(v))
	case kindSize:
		return formatSize(v)
	default:
		return strconv.FormatInt(v, 10)
	}
}

// text shows the effective value the way a user would write it. It does not
// mask; see display.
func (s *setting) text(c *Config) string {
	switch p := s.ptr(c).(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *int64:
		return formatSize(*p)
	case *time.Duration:
		return formatDuration(*p)
	case *[]uint32:
		ids := make([]string, len(*p))
		for i, id := range *p {
			ids[i] = strconv.FormatUint(uint64(id), 10)
		}
		return strings.Join(ids, ",")
	}
	return ""
}

// The suffixes of sizes, longest first where one ends in another.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"B", 1},
}

// parseSize reads bytes, with an optional unit. "auto" is 0.
func parseSize(text string) (int64, error) {
	if text == "auto" {
		return 0, nil
	}
	unit := int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, err
	}
	if v < 0 || v > maxSizeBytes/unit {
		return 0, strconv.ErrRange
	}
	return v * unit, nil
}

// formatSize is exact: it uses a unit only if the size is a multiple of it.
func formatSize(v int64) string {
	for i := 3; i >= 0; i-- {
		u := sizeUnits[i]
		if v != 0 && v%u.bytes == 0 {
			return strconv.FormatInt(v/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(v, 10)
}

// parseDuration reads a Go duration of 0 or more. "off" is 0.
func parseDuration(text string) (time.Duration, error) {
	if text == "off" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = strconv.ErrRange
	}
	return d, err
}

// secondsText turns the value of a -secs spelling into a duration's text.
func secondsText(text string) (string, error) {
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return "", fmt.Errorf("%q is not a whole number of seconds", text)
	}
	return strconv.FormatUint(v, 10) + "s", nil
}

// formatDuration is time.Duration's form without its trailing zero units.
func formatDuration(d time.Duration) string {
	text := d.String()
	if d != 0 && d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d != 0 && d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func parseIDs(text string) ([]uint32, error) {
	var ids []uint32
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		id, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a numeric id", part)
		}
		ids = append(ids, uint32(id))
	}
	if len(ids) == 0 {
		return nil, errors.New("names nobody: leave it out to let everybody in")
	}
	if len(ids) > maxIDs {
		return nil, fmt.Errorf("has %d ids, at most %d are allowed", len(ids), maxIDs)
	}
	return ids, nil
}
