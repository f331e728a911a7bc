package activity

import (
	"sync"
)

// faultFS is a real file system whose operations fail when asked to, in the
// manner of pebble's errorfs. It is safe for concurrent use.
type faultFS struct {
	diskFS

	mu    sync.Mutex
	fault func(op, name string) error // may block to play a slow disk; nil means none
	short int                         // bytes that a failing write still writes
	ops   map[string]int              // how often each operation was called
}

func (f *faultFS) set(fault func(op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *faultFS) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops[op]
}

func (f *faultFS) inject(op, name string) error {
	f.mu.Lock()
	fault := f.fault
	if f.ops == nil {
		f.ops = map[string]int{}
	}
	f.ops[op]++
	f.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(op, name)
}

func (f *faultFS) MkdirAll(dir string) error {
	if err := f.inject("mkdir", dir); err != nil {
		return err
	}
	return f.diskFS.MkdirAll(dir)
}

func (f *faultFS) OpenAppend(name string) (File, error) {
	if err := f.inject("open", name); err != nil {
		return nil, err
	}
	file, err := f.diskFS.OpenAppend(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{file, f, name}, nil
}

func (f *faultFS) Rename(from, to string) error {
	if err := f.inject("rename", from); err != nil {
		return err
	}
	return f.diskFS.Rename(from, to)
}

type faultFile struct {
	File
	fs   *faultFS
	name string
}

func (f *faultFile) Write(b []byte) (int, error) {
	if err := f.fs.inject("write", f.name); err != nil {
		n, _ := f.File.Write(b[:min(f.fs.short, len(b))])
		return n, err
	}
	return f.File.Write(b)
}

func (f *faultFile) Truncate(size int64) error {
	if err := f.fs.inject("truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultFile) Close() error {
	// The file is closed whatever is reported, or tests would leak it.
	err := f.File.Close()
	if injected := f.fs.inject("close", f.name); injected != nil {
		return injected
	}
	return err
}
