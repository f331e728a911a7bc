package llamacpp

import (
	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/runner"
)

// Info describes the libraries, for `inferdctl doctor`.
type Info struct {
	Dir     string
	Version string
	// Pinned tells the published libraries of this release from other builds of
	// a known version.
	Pinned     bool
	SystemInfo string // the CPU features in use
	// CPUVariant is which of the libraries built for one kind of processor was
	// chosen, such as zen4; empty where there is one for all, or unknown.
	CPUVariant string
	Devices    []Device
}

// Device is one thing that llama.cpp can compute on.
type Device struct {
	Name, Description string
	GPU               bool
}

// Probe opens the libraries in libDir ("" looks in the usual places) and says
// what they are. They stay loaded: meant for a command that ends soon.
func Probe(libDir, allowLibrary string) (Info, error) {
	dir, err := llama.Find(libDir)
	if err != nil {
		return Info{}, libraryError(err)
	}
	lib, err := llama.Open(dir, allowLibrary)
	if err != nil {
		return Info{Dir: dir}, libraryError(err)
	}
	i := lib.Info()
	out := Info{
		Dir: i.Dir, Version: i.Version, Pinned: i.Pinned, SystemInfo: i.SystemInfo,
		CPUVariant: cpuVariant(),
	}
	for _, d := range i.Devices {
		out.Devices = append(out.Devices, Device(d))
	}
	return out, nil
}

// CheckModel says why the daemon would refuse the model file at path, as far as its
// header tells; nil if it would not.
func CheckModel(path string) error {
	_, err := runner.CheckModel(path, "")
	return err
}
