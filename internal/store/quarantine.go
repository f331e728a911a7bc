package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// quarantine moves rejected bytes out of the way, never over others, and gives
// their new path.
func (s *Store) quarantine(path, reason string) (string, error) {
	if err := s.create(); err != nil {
		return "", err
	}
	base := filepath.Join(s.quarantineDir(),
		s.now().UTC().Format("20060102T150405Z")+"-"+sanitise(reason))
	for i := 1; i <= 1000; i++ {
		target := base + ".bin"
		if i > 1 {
			target = fmt.Sprintf("%s-%d.bin", base, i)
		}
		// An empty file reserves the name; the rename then replaces only that.
		f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = errors.Join(f.Close(), os.Rename(path, target))
		}
		if err != nil {
			return "", fmt.Errorf("quarantine: %w", err)
		}
		return target, nil
	}
	return "", fmt.Errorf("quarantine is full: empty %s", s.quarantineDir())
}

// sanitise keeps letters and digits; everything else becomes '-'.
func sanitise(reason string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' {
			return r
		}
		return '-'
	}, reason)
}
