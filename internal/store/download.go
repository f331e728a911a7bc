package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"time"
)

// transfer is one download, over as many tries as it takes. It belongs to the
// goroutine that fetches.
//
// Between tries, file, hash and have agree: the file holds exactly have bytes,
// and hash has seen them. A try that can't keep this ends the download.
type transfer struct {
	s      *Store
	spec   Spec
	client *http.Client

	file   partialFile
	hash   hash.Hash
	have   int64
	total  int64  // -1 is unknown
	origin origin // of the bytes that are there
	// mixed is set once bytes of two responses were put together. Should the
	// hash be wrong then, the mixing may be the reason, and one download in one
	// piece is tried before anybody is blamed.
	mixed bool

	spaceAt  int64 // value of have at which to look at the disk again
	reported struct {
		begun bool
		bytes int64
		at    time.Time
	}
}

// origin tells a later process whether the server still has the same bytes.
type origin struct {
	ETag         string `json:"etag,omitempty"` // strong ones only
	LastModified string `json:"last_modified,omitempty"`
	Total        int64  `json:"total"` // -1 is unknown
}

// validator is for If-Range; empty if the server gave none.
func (o origin) validator() string {
	if o.ETag != "" {
		return o.ETag
	}
	return o.LastModified
}

// download brings the content of spec in place. The caller holds its locks.
func (s *Store) download(ctx context.Context, spec Spec) error {
	client, done := s.client()
	defer done()
	if err := os.MkdirAll(s.partialDir(spec.SHA256), dirMode); err != nil {
		return err
	}
	path := s.partial(spec.SHA256)
	file, err := s.openFile(path)
	if err != nil {
		return err
	}
	t := &transfer{s: s, spec: spec, client: client, file: file, hash: sha256.New()}
	err = t.run(ctx)
	if err == nil {
		err = t.settle()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("model %q: %w", spec.Name, err)
	}
	s.opt.Log.Info("model download complete", "model", spec.Name, "bytes", t.have)

	actual := hexSum(t.hash)
	if sameSHA256(actual, spec.SHA256) {
		return s.commit(path, spec.SHA256)
	}
	mismatch, err := s.reject(path, spec.SHA256, actual)
	if err != nil {
		return err
	}
	return errors.Join(mismatch, os.RemoveAll(s.partialDir(spec.SHA256)))
}

// settle makes the file durable. The hash is that of the bytes which came from the
// network; the size tells whether they are all that lies on disk.
func (t *transfer) settle() error {
	size, err := t.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size != t.have {
		return fmt.Errorf("io: the file has %d bytes where %d were written", size, t.have)
	}
	return t.file.Sync()
}

// run takes what an earlier process left, fetches the rest, and does it once
// more from the start if the pieces turn out not to fit.
func (t *transfer) run(ctx context.Context) error {
	if err := t.takeUp(ctx); err != nil {
		return fmt.Errorf("take up partial download: %w", err)
	}
	for again := false; ; again = true {
		t.s.opt.Log.Info("model download starting", "model", t.spec.Name,
			"url", safeURL(t.spec.SourceURL), "resumed_at", t.have)
		if err := t.retry(ctx); err != nil {
			return err
		}
		t.report(true)
		t.s.opt.Progress(Event{Phase: PhaseVerify, Path: t.s.partial(t.spec.SHA256)})
		if again || !t.mixed || sameSHA256(hexSum(t.hash), t.spec.SHA256) {
			return nil
		}
		t.s.opt.Log.Warn("resumed download has the wrong hash; starting over",
			"model", t.spec.Name)
		if err := t.restart(); err != nil {
			return err
		}
	}
}

// takeUp hashes the bytes that are there already.
func (t *transfer) takeUp(ctx context.Context) error {
	size, err := t.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	t.origin = t.s.readOrigin(t.spec.SHA256)
	t.total = t.expected(t.origin.Total)
	if size == 0 || t.total >= 0 && size > t.total {
		return t.restart()
	}
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	t.have, err = hashInto(ctx, t.hash, t.file)
	t.mixed = true
	return err
}

// restart forgets all bytes, those on disk first: a failure leaves hash and have
// as they are.
func (t *transfer) restart() error {
	if err := t.file.Truncate(0); err != nil {
		return err
	}
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	t.hash.Reset()
	t.have, t.mixed, t.spaceAt = 0, false, 0
	t.origin = origin{Total: -1}
	t.total = t.expected(-1)
	t.reported.begun = false
	return nil
}

// expected is the size to go by when the server says n, -1 for nothing.
func (t *transfer) expected(n int64) int64 {
	if t.spec.SizeBytes > 0 {
		return t.spec.SizeBytes
	}
	return n
}

// complete tells whether nothing is left to ask for.
func (t *transfer) complete() bool { return t.total >= 0 && t.have == t.total }

// write appends to the file and only then to the hash, so that a failed write
// leaves nothing in the hash that is not on disk.
func (t *transfer) write(p []byte) error {
	if t.total >= 0 && t.have+int64(len(p)) > t.total {
		return fmt.Errorf("server sends more than the %d bytes there should be", t.total)
	}
	if _, err := t.file.Write(p); err != nil {
		return fmt.Errorf("io: %w", diskError(err))
	}
	t.hash.Write(p)
	t.have += int64(len(p))
	return nil
}

// report publishes progress when a step has been made, or always.
func (t *transfer) report(always bool) {
	r, now := &t.reported, t.s.now()
	total := t.total
	switch {
	case !r.begun:
		r.begun = true
		t.publish(0, total)
		if t.have == 0 && !always {
			r.bytes, r.at = 0, now
			return
		}
	case always:
		if total < 0 {
			total = t.have
		}
	case t.have-r.bytes < progressBytes && now.Sub(r.at) < progressEvery:
		return
	}
	r.bytes, r.at = t.have, now
	t.publish(t.have, total)
}

func (t *transfer) publish(have, total int64) {
	t.s.opt.Progress(Event{
		Phase: PhaseDownload, DownloadedBytes: have, TotalBytes: total,
		SourceURL: safeURL(t.spec.SourceURL),
	})
}

// readOrigin gives an empty origin if there is none or it is unreadable: then
// the hash alone decides.
func (s *Store) readOrigin(sha string) origin {
	none := origin{Total: -1}
	f, err := os.Open(s.layout.origin(sha))
	if err != nil {
		return none
	}
	defer f.Close()
	o := none
	if json.NewDecoder(io.LimitReader(f, maxManifestBytes)).Decode(&o) != nil {
		return none
	}
	return o
}

// saveOrigin is called before the first byte of a fresh start is written.
func (t *transfer) saveOrigin() error {
	data, err := json.Marshal(t.origin)
	if err != nil {
		return err
	}
	if err := writeFileAtomic(t.s.layout.origin(t.spec.SHA256), append(data, '\n')); err != nil {
		return fmt.Errorf("io: %w", diskError(err))
	}
	return nil
}
