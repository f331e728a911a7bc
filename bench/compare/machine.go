package main

import (
	"bufio"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what a reader needs to judge the figures.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Commit string `json:"commit"`
	Memory string `json:"memory"`
	Gnet   string `json:"gnet"` // versions in the daemon
	Sonic  string `json:"sonic"`
}

// readMachine describes this machine and what the daemon is built from.
func readMachine(daemon string) machine {
	m := machine{
		CPU: proc("/proc/cpuinfo", "model name"), Memory: memory(proc("/proc/meminfo", "MemTotal")),
		Cores: runtime.NumCPU(), Kernel: kernel(), Go: runtime.Version(),
		OS: runtime.GOOS, Arch: runtime.GOARCH, Commit: unknown,
		Gnet: unknown, Sonic: unknown,
	}
	if info, err := buildinfo.ReadFile(daemon); err == nil {
		m.Gnet = moduleVersion(info, "github.com/panjf2000/gnet/v2")
		m.Sonic = moduleVersion(info, "github.com/bytedance/sonic")
		m.Commit = commit(info)
	}
	return m
}

// unknown is what stands where a figure cannot be read.
const unknown = "unknown"

// memory makes GiB of Linux's "123 kB"; anything else stays as it is.
func memory(text string) string {
	var kib float64
	if _, err := fmt.Sscanf(text, "%g kB", &kib); err != nil {
		return text
	}
	return fmt.Sprintf("%.1f GiB", kib/(1<<20))
}

// moduleVersion is that of a module a binary was built with.
func moduleVersion(info *debug.BuildInfo, path string) string {
	for _, module := range info.Deps {
		switch {
		case module.Path != path:
		case module.Replace != nil:
			return module.Replace.Path + " " + module.Replace.Version
		default:
			return module.Version
		}
	}
	return unknown
}

// proc reads the first value of a key in one of Linux's descriptions.
func proc(path, key string) string {
	file, err := os.Open(path)
	if err != nil {
		return unknown
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return unknown
	}
	return unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
}

// commit is what a binary was built from, as git describe prints it. A binary that
// does not say is taken for one of the working tree.
func commit(info *debug.BuildInfo) string {
	text := ""
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			text = setting.Value[:min(len(setting.Value), 7)]
		case "vcs.modified": // follows the revision
			if setting.Value == "true" {
				text += "-dirty"
			}
		}
	}
	if text != "" {
		return text
	}
	output, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return unknown
	}
	return strings.TrimSpace(string(output))
}

// commandLine is how to get these figures again.
func commandLine() string {
	return strings.Join(append([]string{"go run ./bench/compare"}, os.Args[1:]...), " ")
}
