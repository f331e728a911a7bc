package llamacpp

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// holdModel puts a model into a sealed memory file, so that nothing is left on
// disk however the daemon ends. The worker inherits the descriptor.
func holdModel(model []byte, dir string) (*modelFile, error) {
	fd, err := unix.MemfdCreate("inferd-model", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return tempModel(model, dir)
	}
	f := os.NewFile(uintptr(fd), "inferd-model")
	m := &modelFile{path: fmt.Sprintf("/proc/self/fd/%d", fd), file: f}
	if _, err := f.Write(model); err != nil {
		m.close()
		return nil, fmt.Errorf("hold the built-in model: %w", err)
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		m.close()
		return nil, fmt.Errorf("seal the built-in model: %w", err)
	}
	return m, nil
}
