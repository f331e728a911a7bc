package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

const schemaVersion = 1

// Manifest binds a name to content.
type Manifest struct {
	SchemaVersion int     `json:"schema_version"`
	Name          string  `json:"name"`
	Format        string  `json:"format"`
	Blob          string  `json:"blob"` // sha256:<64 hex>
	SizeBytes     int64   `json:"size_bytes"`
	License       *string `json:"license"`
	Source        Source  `json:"source"`
	ProducedBy    string  `json:"produced_by"`
	ProducedAt    string  `json:"produced_at"` // RFC 3339, UTC, seconds
}

// Source is where content came from.
type Source struct {
	Registry string `json:"registry"`
	Repo     string `json:"repo"`
	Revision string `json:"revision"`
	Filename string `json:"filename"`
}

// RegistryImport marks content that was imported from a local file.
const RegistryImport = "local-import"

// SHA256 is the content's hash, "" if Blob is malformed.
func (m *Manifest) SHA256() string {
	sha, err := parseBlobRef(m.Blob)
	if err != nil {
		return ""
	}
	return sha
}

// sourceOf splits a download link. User, password, query and fragment are left out,
// for signed links carry their signature in the query. The path is kept whole: a
// link with a secret in its path is not for source_url.
func sourceOf(link string) Source {
	u, err := url.Parse(link)
	if err != nil {
		return Source{}
	}
	return Source{
		Registry: u.Host,
		Repo:     strings.Trim(path.Dir(u.Path), "/."),
		Filename: path.Base(u.Path),
	}
}

// readManifest gives nil without an error if there is none.
func (l layout) readManifest(name string) (*Manifest, error) {
	file := l.manifest(name)
	m, err := decodeManifest(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if m.SchemaVersion != schemaVersion {
		return nil, fmt.Errorf("manifest %s has schema_version %d, this version knows %d",
			file, m.SchemaVersion, schemaVersion)
	}
	if _, err := parseBlobRef(m.Blob); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", file, err)
	}
	if m.Name != name {
		return nil, fmt.Errorf("manifest %s is that of %.128q", file, m.Name)
	}
	return m, nil
}

// decodeManifest reads a manifest without looking at what it says.
func decodeManifest(file string) (*Manifest, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifestBytes))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("manifest %s is not valid: %w", file, err)
	}
	return m, nil
}

// writeManifest puts m in place in one step. The caller holds the name's lock.
func (l layout) writeManifest(m *Manifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFileAtomic(l.manifest(m.Name), append(data, '\n')); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return nil
}

// writeFileAtomic writes path by way of path.tmp, so that a reader and a crash
// see the old content or the new. Writers of one path exclude each other.
func writeFileAtomic(path string, data []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(path))
}

// timestamp is the form of ProducedAt.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
