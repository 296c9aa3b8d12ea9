// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/config"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// What is in force where nobody said anything; the image is defaultImage.
const (
	DefaultIdleTimeout = 10 * time.Minute
	DefaultTimeout     = time.Minute
)

// ImageEnv is the variable of the environment that names the helper's image.
const ImageEnv = "SHAREPROC_IMAGE"

// Settings gives what is in force in the context and namespace of this command line but for its own
// flags, which beat all of it. Each setting says where it comes from. It asks no cluster.
func Settings(deps *Deps) (config.Settings, error) {
	file, err := ConfigFile(deps)
	if err != nil {
		return config.Settings{}, err
	}
	context, namespace, err := Place(deps)
	if err != nil {
		return config.Settings{}, err
	}
	return SettingsOf(deps, file, context, namespace)
}

// ConfigFile reads the file of settings, which need not be there.
func ConfigFile(deps *Deps) (config.File, error) {
	file, err := config.Read(deps.Getenv)
	try := "fix " + file.Path + ", or name another file in " + config.Env
	if errors.Is(err, fs.ErrNotExist) {
		try = "create that file, or unset " + config.Env
	}
	return file, hint.With(err, try)
}

// Place names the context and the namespace that the command line and the kubeconfig lead to. The
// context is "" inside a cluster, where no kubeconfig names one.
func Place(deps *Deps) (context, namespace string, err error) {
	if namespace, err = Namespace(deps); err != nil {
		return "", "", err
	}
	if name := deps.Config.Context; name != nil && *name != "" {
		return *name, namespace, nil
	}
	raw, err := deps.Config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return "", "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	return raw.CurrentContext, namespace, nil
}

// SettingsOf puts the environment over the file and the defaults under it.
func SettingsOf(deps *Deps, file config.File, context, namespace string) (config.Settings, error) {
	written, err := file.Parse()
	if err != nil {
		return config.Settings{}, hint.With(err, "kubectl shareproc config --help")
	}
	s := written.For(context, namespace)
	if image := deps.Getenv(ImageEnv); image != "" {
		if err := config.CheckImage(image); err != nil {
			return config.Settings{}, hint.With(fmt.Errorf("read %s: %w", ImageEnv, err), "set it to the name of an image, or unset it")
		}
		const from = "environment " + ImageEnv
		s.Image = config.Value[string]{Value: image, From: from}
		s.Images = config.Value[[]string]{From: from} // who names one image wants no other
	}
	const from = "default"
	s.Image = s.Image.Or(DefaultImage, from)
	s.Images = s.Images.Or(nil, from)
	s.PullPolicy = s.PullPolicy.Or("", from)
	s.IdleTimeout = s.IdleTimeout.Or(DefaultIdleTimeout, from)
	s.Timeout = s.Timeout.Or(DefaultTimeout, from)
	return s, nil
}
