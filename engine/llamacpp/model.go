package llamacpp

import (
	"fmt"
	"os"
)

// modelFile is the model as a path that can be opened as long as the engine
// lives: the user's own file, or one made of a model held in memory.
type modelFile struct {
	path string
	file *os.File // the memory file; nil for a file on disk
	temp bool     // path is ours to remove
}

func openModel(o Options) (*modelFile, error) {
	if o.ModelPath != "" {
		st, err := os.Stat(o.ModelPath)
		if err != nil {
			return nil, fmt.Errorf("model file: %w", err)
		}
		if !st.Mode().IsRegular() {
			return nil, fmt.Errorf("model file %s is not a regular file", o.ModelPath)
		}
		return &modelFile{path: o.ModelPath}, nil
	}
	return holdModel(o.ModelBytes, o.TempDir)
}

// tempModel writes a model to a private temporary file.
func tempModel(model []byte, dir string) (*modelFile, error) {
	f, err := os.CreateTemp(dir, "inferd-model-*.gguf") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("hold the built-in model: %w", err)
	}
	m := &modelFile{path: f.Name(), temp: true}
	_, err = f.Write(model)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		m.close()
		return nil, fmt.Errorf("hold the built-in model: %w", err)
	}
	return m, nil
}

func (m *modelFile) close() {
	if m.file != nil {
		_ = m.file.Close() // a memory file: nothing to lose
	}
	if m.temp {
		_ = os.Remove(m.path) // private and temporary; the next clean-up finds it
	}
}
