package llamacpp

import (
	"errors"
	"fmt"

	"inferd/engine/llamacpp/internal/llama"
)

// ErrNoLibrary says that the llama.cpp libraries are missing or unusable, and
// what to do about it.
var ErrNoLibrary = errors.New("the llamacpp backend has no usable llama.cpp libraries; " +
	"name their directory with --llama-lib (packaging/llama/fetch.sh installs them), " +
	"or choose another --backend")

// libraryError adds the ways on to what package llama says of a library.
func libraryError(err error) error {
	if errors.Is(err, llama.ErrNoLibrary) || errors.Is(err, llama.ErrUnknownLibrary) {
		return fmt.Errorf("%w: %w", ErrNoLibrary, err)
	}
	return err
}
