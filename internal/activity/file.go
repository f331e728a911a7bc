package activity

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
)

// fileOutput writes whole lines to the current file and rotates it. It is
// owned by the file writer goroutine and holds no lock.
//
// After any error the file is closed and opened anew at the next write, so a
// stale handle or a full disk heals without a restart.
type fileOutput struct {
	// immutable
	fs       FS
	dir      string
	maxBytes int64
	keep     int

	// owned by the writer
	file    File // nil when closed
	size    int64
	trimmed bool // see trim
}

func (o *fileOutput) path() string { return filepath.Join(o.dir, fileName) }

func (o *fileOutput) rotated(n int) string { return o.path() + "." + strconv.Itoa(n) }

// write writes lines, each ending in a newline, and returns how many bytes of
// whole lines are in a file. What follows them is to be tried again.
func (o *fileOutput) write(lines []byte) (int, error) {
	done := 0
	for done < len(lines) {
		if err := o.open(); err != nil {
			return done, err
		}
		part := o.fitting(lines[done:])
		if len(part) == 0 {
			if err := o.rotate(); err != nil {
				return done, err
			}
			continue
		}
		n, err := o.file.Write(part)
		if err != nil {
			whole := bytes.LastIndexByte(part[:n], '\n') + 1
			o.abandon(o.size + int64(whole))
			return done + whole, fmt.Errorf("writing %s: %w", o.path(), err)
		}
		o.size += int64(n)
		done += n
	}
	return done, nil
}

// fitting is the longest prefix of whole lines that keeps the file within
// maxBytes; empty if the file must be rotated first. A line larger than
// maxBytes gets a file of its own.
func (o *fileOutput) fitting(lines []byte) []byte {
	room := o.maxBytes - o.size
	if int64(len(lines)) <= room {
		return lines
	}
	if room > 0 {
		if end := bytes.LastIndexByte(lines[:room], '\n'); end >= 0 {
			return lines[:end+1]
		}
	}
	if o.size > 0 {
		return nil
	}
	return lines[:bytes.IndexByte(lines, '\n')+1]
}

// open opens the current file unless it is open, and ends a line that an
// earlier process left unfinished.
func (o *fileOutput) open() error {
	if o.file != nil {
		return nil
	}
	if err := o.fs.MkdirAll(o.dir); err != nil {
		return fmt.Errorf("making log directory: %w", err)
	}
	if !o.trimmed {
		o.trim()
	}
	f, err := o.fs.OpenAppend(o.path())
	if err != nil {
		return fmt.Errorf("opening log file: %w", err)
	}
	size, err := f.Size()
	if err == nil && size > 0 {
		var last [1]byte
		if _, err = f.ReadAt(last[:], size-1); err == nil && last[0] != '\n' {
			size++
			_, err = f.Write([]byte{'\n'})
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("opening log file: %w", err), f.Close())
	}
	o.file, o.size = f, size
	return nil
}

// trim removes the generations of a time when more were kept. What can not be removed
// stays.
func (o *fileOutput) trim() {
	o.trimmed = true
	for n := max(o.keep, 0) + 1; ; n++ {
		path := o.rotated(n)
		if there, err := o.fs.Exists(path); err != nil || !there || o.fs.Remove(path) != nil {
			return
		}
	}
}

// abandon closes the file after a failed write and cuts off the torn line, if
// the disk lets it. Somebody may have emptied the file meanwhile.
func (o *fileOutput) abandon(size int64) {
	// Both errors tell nothing that the write's error did not, and the next
	// open looks at what is really there.
	if now, err := o.file.Size(); err == nil && now > size {
		_ = o.file.Truncate(size)
	}
	_ = o.file.Close()
	o.file = nil
}

// rotate moves current to .1, .1 to .2 and so on. Only generations up to the
// first free number move: after a rename that failed half way, trying again
// pushes nothing out.
func (o *fileOutput) rotate() error {
	// The file must be closed first or lines would go to the renamed one if a
	// rename failed; it is opened anew in any case.
	err := o.file.Close()
	o.file = nil
	if err != nil {
		return fmt.Errorf("closing log file: %w", err)
	}
	if o.keep == 0 {
		if err := o.fs.Remove(o.path()); err != nil {
			return fmt.Errorf("rotating log: %w", err)
		}
		return nil
	}
	free := 1
	for free < o.keep {
		there, err := o.fs.Exists(o.rotated(free))
		if err != nil {
			return fmt.Errorf("rotating log: %w", err)
		}
		if !there {
			break
		}
		free++
	}
	if free == o.keep {
		// The oldest goes first: a rename onto it makes some file systems write
		// out the other's data at once, in the middle of serving.
		err := o.fs.Remove(o.rotated(free))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating log: %w", err)
		}
	}
	for n := free; n > 1; n-- {
		if err := o.fs.Rename(o.rotated(n-1), o.rotated(n)); err != nil {
			return fmt.Errorf("rotating log: %w", err)
		}
	}
	if err := o.fs.Rename(o.path(), o.rotated(1)); err != nil {
		return fmt.Errorf("rotating log: %w", err)
	}
	return nil
}

func (o *fileOutput) close() error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	o.file = nil
	return err
}
