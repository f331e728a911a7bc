package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"inferd/client"
	"inferd/engine/llamacpp"
	"inferd/internal/config"
	"inferd/internal/store"
)

// doctorTimeout bounds each look at the daemon.
const doctorTimeout = time.Second

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		GroupID: groupOperate,
		Short:   "Check configuration, models, libraries and daemon; exit 1 if one fails",
		Long: `Check the config file, the models it names, the llama.cpp libraries and the
running daemon. One line a check; exit code 1 if any fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{app: a}
			d.examine(cmd.Context())
			if d.failed {
				return errFailed
			}
			return nil
		},
	}
}

// doctor makes the checks, one after the other.
type doctor struct {
	*app
	failed bool
}

func (d *doctor) report(err error, label, detail string) {
	if err != nil {
		d.failed = true
		d.check(false, label, err.Error())
		return
	}
	d.check(true, label, detail)
}

func (d *doctor) examine(ctx context.Context) {
	c, err := configAt(d.configPath)
	if err == nil {
		err = c.CheckEndpoints()
	}
	if err != nil {
		d.report(err, "config", "")
	} else {
		d.report(nil, "config", cmp.Or(c.File, "no file; the defaults apply"))
		for _, warning := range c.Warnings() {
			d.notef("warning: %s\n", printable(warning))
		}
		d.models(c)
		d.library(c)
	}
	d.daemon(ctx)
}

// models checks that every model the configuration names is there.
func (d *doctor) models(c *config.Config) {
	for _, b := range c.Backends {
		if path := b.Llama.ModelPath; b.Kind == config.KindLlamaCpp && path != "" {
			info, err := os.Stat(path)
			if err == nil && !info.Mode().IsRegular() {
				err = fmt.Errorf("%s is not a regular file", path)
			}
			if err == nil {
				err = llamacpp.CheckModel(path)
			}
			d.report(err, "model["+b.Name+"]", path)
		}
	}
	models := storedModels(c)
	if len(models) == 0 {
		return
	}
	var entries []store.Entry
	s, err := store.Open(c.ModelsHome, store.Options{})
	if err == nil {
		entries, err = s.List()
	}
	if err != nil {
		d.report(err, "store", "")
		return
	}
	for _, m := range models {
		i := slices.IndexFunc(entries, func(e store.Entry) bool { return e.Name == m.Name })
		if i < 0 {
			missing := errors.New("not in the store: run inferdctl pull")
			d.report(missing, "model["+m.Name+"]", "")
			d.report(missing, "manifest["+m.Name+"]", "")
			continue
		}
		d.model(m, &entries[i])
	}
}

func (d *doctor) model(m config.Model, e *store.Entry) {
	if e.Manifest == nil {
		d.report(errors.New("unknown without a manifest"), "model["+m.Name+"]", "")
		d.report(e.Problem, "manifest["+m.Name+"]", "")
		return
	}
	err := e.Problem
	if err == nil {
		err = llamacpp.CheckModel(e.BlobPath)
	}
	d.report(err, "model["+m.Name+"]", e.BlobPath)
	err = nil
	if e.Manifest.SHA256() != m.SHA256 {
		err = fmt.Errorf("is of %s, the config file wants sha256:%s", e.Manifest.Blob, m.SHA256)
	}
	d.report(err, "manifest["+m.Name+"]", e.Manifest.Blob)
}

// cpu is the variant of the CPU library, where there are several, and what it
// was built to use: of "CPU : AVX = 1 | AVX512 = 0 |" that is AVX.
func cpu(info llamacpp.Info) string {
	var features []string
	_, list, _ := strings.Cut(info.SystemInfo, ":")
	for _, entry := range strings.FieldsFunc(list, func(r rune) bool { return r == '|' || r == ':' }) {
		if name, on := strings.CutSuffix(strings.TrimSpace(entry), " = 1"); on {
			features = append(features, name)
		}
	}
	text := cmp.Or(strings.Join(features, " "), "no special instructions")
	if info.CPUVariant != "" {
		text = info.CPUVariant + " variant: " + text
	}
	return text
}

// library checks the llama.cpp libraries; without a llamacpp backend nobody
// needs them.
func (d *doctor) library(c *config.Config) {
	needed := slices.ContainsFunc(c.Backends, func(b config.Backend) bool {
		return b.Kind == config.KindLlamaCpp
	})
	info, err := llamacpp.Probe(c.LlamaLib, c.AllowLlamaLib)
	if err != nil {
		if needed {
			d.report(err, "library", "")
		} else {
			d.report(nil, "library", "not found, and no backend needs it")
		}
		return
	}
	pinned := "an unpinned build"
	if info.Pinned {
		pinned = "pinned"
	}
	d.report(nil, "library", fmt.Sprintf("llama.cpp %s, %s, %s", info.Version, pinned, info.Dir))
	d.report(nil, "cpu", cpu(info))
	for _, device := range info.Devices {
		kind := "cpu"
		if device.GPU {
			kind = "gpu"
		}
		d.report(nil, "device", fmt.Sprintf("%s %s (%s)", device.Name, device.Description, kind))
	}
}

// daemon checks that one runs and what it says of itself.
func (d *doctor) daemon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	admin, err := client.DialAdmin(ctx, d.adminAddr)
	if err != nil {
		d.report(adminHint(err), "admin", "")
		return
	}
	defer func() { _ = admin.Close() }()
	var backends []client.Event
	for range maxStatusFrames {
		event, err := admin.Recv(ctx)
		if err != nil {
			d.report(fmt.Errorf("read the state: %w", err), "admin", "")
			return
		}
		if event.IsCapabilities() {
			backends = append(backends, event)
			continue
		}
		d.report(nil, "admin", event.Status)
		break
	}
	for i := range backends {
		d.report(nil, "backend", strings.TrimSpace(text(&backends[i], "backend")+
			rest(&backends[i], "id", "type", "status", "backend")))
	}
}
