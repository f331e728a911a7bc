package llamacpp

import (
	"errors"
	"fmt"

	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/runner"
)

// ErrNoLibrary says that the llama.cpp libraries are missing or unusable, and
// what to do about it.
var ErrNoLibrary = errors.New("the llamacpp backend has no usable llama.cpp libraries; " +
	"name their directory with --llama-lib (packaging/llama/fetch.sh installs them), " +
	"or choose another --backend")

// ErrHash says that a model file is not the one that Options.ModelSHA256 is of.
var ErrHash = runner.ErrHash

// libraryError adds the ways on to what package llama says of a library.
func libraryError(err error) error {
	if errors.Is(err, llama.ErrNoLibrary) || errors.Is(err, llama.ErrUnknownLibrary) {
		return fmt.Errorf("%w: %w", ErrNoLibrary, err)
	}
	return err
}
