// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/podspec"
)

// copyFlags are those of debug --copy alone. Names and defaults are kubectl debug's where it has them.
type copyFlags struct {
	keepLabels, keepAnnotations, keepLiveness, keepReadiness, keepStartup bool
	keepInit, anyNode                                                     bool
	images                                                                map[string]string
	env                                                                   []string
}

func (c *copyFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&c.keepLabels, "keep-labels", false, "With --copy: keep the labels; Services and policies then treat the copy like the original, and it is deleted with it")
	flags.BoolVar(&c.keepAnnotations, "keep-annotations", false, "With --copy: keep the annotations")
	flags.BoolVar(&c.keepLiveness, "keep-liveness", false, "With --copy: keep the liveness probes")
	flags.BoolVar(&c.keepReadiness, "keep-readiness", false, "With --copy: keep the readiness probes")
	flags.BoolVar(&c.keepStartup, "keep-startup", false, "With --copy: keep the startup probes")
	flags.BoolVar(&c.keepInit, "keep-init-containers", true, "With --copy: run the init containers too")
	flags.BoolVar(&c.anyNode, "any-node", false, "With --copy: let the scheduler choose the node (default: the original's)")
	flags.StringToStringVar(&c.images, "set-image", nil, "With --copy: images to change, as CONTAINER=IMAGE,...; * is every container")
	flags.StringArrayVar(&c.env, "env", nil, "With --copy: NAME=VALUE to set in the target container; can be repeated")
	cli.GroupRare(flags, cli.GroupCopy, copyOnly()...)
}

// copyOnly are the flags that need --copy.
func copyOnly() []string {
	return []string{
		"keep-labels", "keep-annotations", "keep-liveness", "keep-readiness", "keep-startup", "keep-init-containers", "any-node", "set-image", "env",
	}
}

// edits reads the flags.
func (c *copyFlags) edits(cmd *cobra.Command, copied bool) (podspec.Edits, error) {
	names := copyOnly()
	if i := slices.IndexFunc(names, cmd.Flags().Changed); i >= 0 && !copied {
		return podspec.Edits{}, cli.Usage("add --copy", "--%s requires --copy: it cannot be changed in a running pod", names[i])
	}
	e := podspec.Edits{
		KeepLabels: c.keepLabels, KeepAnnotations: c.keepAnnotations,
		KeepLiveness: c.keepLiveness, KeepReadiness: c.keepReadiness, KeepStartup: c.keepStartup,
		DropInitContainers: !c.keepInit, AnyNode: c.anyNode, Images: c.images,
	}
	for _, name := range slices.Sorted(maps.Keys(c.images)) {
		if name == "" || c.images[name] == "" {
			return e, cli.Usage("use --set-image web=web:2", "--set-image %s=%s: not CONTAINER=IMAGE", name, c.images[name])
		}
	}
	for _, text := range c.env {
		name, value, found := strings.Cut(text, "=")
		if problems := validation.IsEnvVarName(name); !found || len(problems) > 0 {
			return e, cli.Usage("use --env NAME=VALUE", "--env %q: not NAME=VALUE", text)
		}
		e.Env = append(e.Env, corev1.EnvVar{Name: name, Value: value})
	}
	return e, nil
}
