package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Groups of the help page.
const (
	groupTalk    = "talk"
	groupOperate = "operate"
	groupModels  = "models"
)

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "inferdctl",
		Short: "Talk to, watch and look after inferd, the local inference daemon",
		Long: `inferdctl talks to models through a running inferd, shows and changes the
daemon's state, and looks after the model store.

Exit codes: 0 success; 1 a check failed (status: not ready, doctor, verify);
2 any error.`,
		Example: `  inferdctl chat                       talk to the model
  inferdctl chat -p "Why is the sky blue?"
  git diff | inferdctl chat --system "Write a commit message for this diff."
  inferdctl status && echo ready`,
		Version:       versionLine(),
		SilenceErrors: true,
		SilenceUsage:  true,

		PersistentPreRun: func(*cobra.Command, []string) { a.adoptEndpoints() },
	}
	root.SetIn(a.stdin)
	root.SetOut(a)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupTalk, Title: "Talk:"},
		&cobra.Group{ID: groupOperate, Title: "Operate:"},
		&cobra.Group{ID: groupModels, Title: "Models:"},
	)
	flags := root.PersistentFlags()
	flags.StringVar(&a.configPath, "config", os.Getenv("INFERD_CONFIG"),
		"config `file` of the daemon (env INFERD_CONFIG; default ~/.inferd/config.json)")
	flags.StringVar(&a.adminAddr, "admin-addr", os.Getenv("INFERD_ADMIN_ADDR"),
		"`path` of the admin socket (env INFERD_ADMIN_ADDR; default: the config file's, else in "+
			"the run directory)")
	hideDefault(root, "config", "admin-addr")

	root.AddCommand(
		newChat(a),
		newStatus(a), newWatch(a), newTop(a), newStats(a), newConnections(a), newDrain(a), newReload(a),
		newLogLevel(a), newCancel(a), newDoctor(a),
		newPull(a), newImport(a), newList(a), newRemove(a), newVerify(a), newGC(a),
		newBench(), newVersion(a),
	)
	failOnUnknownShell(root)
	failOnUnknownTopic(root)
	return root
}

// failOnUnknownTopic makes cobra's help command fail where it has no help.
func failOnUnknownTopic(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		return
	}
	show := help.Run
	help.Run, help.RunE = nil, func(cmd *cobra.Command, args []string) error {
		if topic, _, err := root.Find(args); topic == nil || err != nil {
			return fmt.Errorf("no help for %q; inferdctl help lists the commands", strings.Join(args, " "))
		}
		show(cmd, args)
		return nil
	}
}

// failOnUnknownShell makes cobra's completion command look at its arguments,
// which it does only for commands that do something themselves.
func failOnUnknownShell(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}

// hideDefault keeps the environment's values out of the help page.
func hideDefault(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		cmd.PersistentFlags().Lookup(name).DefValue = ""
	}
}
