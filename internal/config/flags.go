package config

import (
	"errors"
	"io"

	"github.com/spf13/pflag"
)

// given is a value as text, with the place it was given at.
type given struct {
	text   string
	origin Origin
}

// flagValue collects what one flag was given on the command line.
type flagValue struct {
	s    *setting
	secs bool // this is the -secs spelling
	into map[string]given
}

// Set is called by pflag for each occurrence; the last one wins, except that
// lists add up. The value is checked here so that the error names the flag.
func (v *flagValue) Set(text string) error {
	if v.secs {
		var err error
		if text, err = secondsText(text); err != nil {
			return err
		}
	}
	if err := v.s.assign(new(Config), text); err != nil {
		return err
	}
	if earlier, ok := v.into[v.s.name]; ok && v.s.kind == kindIDs {
		text = earlier.text + "," + text
	}
	v.into[v.s.name] = given{text, Origin{FromFlag, "--" + v.s.name}}
	return nil
}

// String and Type complete pflag.Value; the first is unused.
func (v *flagValue) String() string { return "" }

// Type makes pflag treat switches as such.
func (v *flagValue) Type() string {
	if v.s.kind == kindBool {
		return "bool"
	}
	return "string"
}

// parseFlags reads the command line. The returned values are by setting name.
func parseFlags(args []string) (map[string]given, Action, error) {
	fs := pflag.NewFlagSet("inferd", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	into := make(map[string]given)
	for i := range settings {
		s := &settings[i]
		f := fs.VarPF(&flagValue{s: s, into: into}, s.name, "", "")
		if s.kind == kindBool {
			f.NoOptDefVal = "true"
		}
		if s.secs {
			fs.Var(&flagValue{s: s, secs: true, into: into}, s.name+secsSuffix, "")
		}
	}
	version := fs.Bool("version", false, "")
	check := fs.Bool("check-config", false, "")
	show := fs.Bool("print-config", false, "")

	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return nil, ActionHelp, nil
	case err != nil:
		return nil, ActionRun, flagError(err)
	case *version:
		return nil, ActionVersion, nil
	case fs.NArg() > 0:
		return nil, ActionRun, usagef("unexpected argument %q: inferd takes flags only", fs.Arg(0))
	case *check:
		return into, ActionCheckConfig, nil
	case *show:
		return into, ActionPrintConfig, nil
	}
	return into, ActionRun, nil
}

// flagError words a mistake of the command line. pflag's own text quotes the
// value; a secret has no wrong value, so none can be quoted.
func flagError(err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usagef("--%s: %v", bad.GetFlag().Name, bad.Unwrap())
	}
	return usagef("%v; see --help", err)
}
