// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// Profile is a security context, named as in kubectl debug.
type Profile string

// The profiles. There is no privileged one like "sysadmin" of kubectl.
const (
	ProfileRestricted Profile = "restricted"
	ProfileBaseline   Profile = "baseline"
	ProfileGeneral    Profile = "general"
	ProfileNetadmin   Profile = "netadmin"
)

// Profiles lists them, least privilege first.
func Profiles() []Profile {
	return []Profile{ProfileRestricted, ProfileBaseline, ProfileGeneral, ProfileNetadmin}
}

// Override is the security context that the user chose. It replaces the candidates.
type Override struct {
	Profile      Profile
	User         *User
	Capabilities []string // to add, with CAP_ or without
}

// Empty reports whether the user chose nothing.
func (o Override) Empty() bool { return o.Profile == "" && o.User == nil && len(o.Capabilities) == 0 }

// errIneffective is about what a cluster accepts but the kernel ignores.
var errIneffective = errors.New("an added capability has no effect in a container that does not run as root")

// Candidate returns the security context of the profile, or else of the user, or else of root, with the requested user
// and capabilities. The error reports an unknown profile or a contradiction.
func (o Override) Candidate(s TargetUser) (Candidate, error) {
	c, err := o.base(s)
	if err != nil {
		return c, err
	}
	sc := c.Security
	if o.User != nil {
		sc.RunAsUser, sc.RunAsGroup, sc.RunAsNonRoot = new(o.User.UID), new(o.User.GID), new(o.User.UID != 0)
	}
	if len(o.Capabilities) > 0 {
		if sc.Capabilities == nil {
			sc.Capabilities = &corev1.Capabilities{}
		}
		for _, name := range o.Capabilities {
			sc.Capabilities.Add = append(sc.Capabilities.Add, corev1.Capability(strings.TrimPrefix(strings.ToUpper(name), "CAP_")))
		}
	}
	if *sc.RunAsUser != 0 && sc.Capabilities != nil && len(sc.Capabilities.Add) > 0 {
		return c, errIneffective
	}
	c.Name = Describe(sc)
	return c, nil
}

func (o Override) base(s TargetUser) (Candidate, error) {
	root := Candidate{Security: as(User{}, nil)}
	switch o.Profile {
	case "":
		if o.User != nil && o.User.UID != 0 {
			return without(*o.User), nil
		}
		return root, nil
	case ProfileRestricted:
		if s.User.UID == 0 {
			return without(User{nobody, nobody}), nil
		}
		return without(s.User), nil
	case ProfileBaseline:
		return root, nil
	case ProfileGeneral:
		return tracer(), nil
	case ProfileNetadmin:
		root.Security.Capabilities = &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN", "NET_RAW"}}
		return root, nil
	default:
		return root, fmt.Errorf("profile %q: not one of %v", o.Profile, Profiles())
	}
}

// EqualSecurityContext reports whether two security contexts are the same: a second helper with it would not see more.
func EqualSecurityContext(a, b *corev1.SecurityContext) bool {
	return equality.Semantic.DeepEqual(a, b)
}
