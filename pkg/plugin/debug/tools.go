// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/plugin/cli"
)

// presetOf is the preset of --tools whose image has a program, or "".
func presetOf(program string) string {
	for _, preset := range []struct{ name, programs string }{
		{"net", "tcpdump dig host drill curl nmap mtr traceroute tcptraceroute iperf iperf3 ngrep tshark socat ss ip ethtool conntrack " +
			"iptables nft fping grpcurl websocat openssl strace ltrace lsof jq bash vim"},
		{"jvm", "java jcmd jstack jmap jstat jinfo jps jfr jdb jhsdb"},
		{"python", "python python3 pip pip3 pdb"},
		{"dotnet", "dotnet"},
	} {
		if slices.Contains(strings.Fields(preset.programs), program) {
			return preset.name
		}
	}
	return ""
}

// useTools makes the image of a preset the helper's.
func (o *debugOptions) useTools(deps *cli.Deps) error {
	if o.Image != "" {
		return cli.Usage("use --image or --tools", "--image and --tools are mutually exclusive: a preset is an image")
	}
	s, err := cli.Settings(deps)
	if err != nil {
		return err
	}
	image, ok := s.Tools.Value[o.tools]
	if !ok {
		return cli.Usage("use --image with an image of your own, or add it to tools in the settings", "--tools %q: not one of %s",
			o.tools, strings.Join(slices.Sorted(maps.Keys(s.Tools.Value)), ", "))
	}
	o.Image = image
	return nil
}
