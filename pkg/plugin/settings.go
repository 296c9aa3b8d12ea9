// SPDX-License-Identifier: Apache-2.0

package plugin

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
	defaultKeep    = 10 * time.Minute
	defaultTimeout = time.Minute
)

// imageEnv is the variable of the environment that names the helper's image.
const imageEnv = "SHAREPROC_IMAGE"

// settings gives what is in force in the context and namespace of this command line but for its own
// flags, which beat all of it. Each setting says where it comes from. It asks no cluster.
func (f *Factory) settings() (config.Settings, error) {
	file, err := f.configFile()
	if err != nil {
		return config.Settings{}, err
	}
	context, namespace, err := f.place()
	if err != nil {
		return config.Settings{}, err
	}
	return f.settingsOf(file, context, namespace)
}

func (f *Factory) configFile() (config.File, error) {
	file, err := config.Read(f.Getenv)
	try := "mend " + file.Path + ", or name another file in " + config.Env
	if errors.Is(err, fs.ErrNotExist) {
		try = "write that file, or unset " + config.Env
	}
	return file, hint.With(err, try)
}

// place names the context and the namespace that the command line and the kubeconfig lead to. The
// context is "" inside a cluster, where no kubeconfig names one.
func (f *Factory) place() (context, namespace string, err error) {
	if namespace, err = f.namespace(); err != nil {
		return "", "", err
	}
	if name := f.Config.Context; name != nil && *name != "" {
		return *name, namespace, nil
	}
	raw, err := f.Config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return "", "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	return raw.CurrentContext, namespace, nil
}

// settingsOf puts the environment over the file and the defaults under it.
func (f *Factory) settingsOf(file config.File, context, namespace string) (config.Settings, error) {
	written, err := file.Parse()
	if err != nil {
		return config.Settings{}, hint.With(err, "kubectl shareproc config --help, for what the file may say")
	}
	s := written.For(context, namespace)
	if image := f.Getenv(imageEnv); image != "" {
		if err := config.CheckImage(image); err != nil {
			return config.Settings{}, hint.With(fmt.Errorf("read %s: %w", imageEnv, err), "an image's name in it, or unset it")
		}
		const from = "environment " + imageEnv
		s.Image = config.Value[string]{Value: image, From: from}
		s.Images = config.Value[[]string]{From: from} // who names one image wants no other
	}
	const from = "default"
	s.Image = s.Image.Or(defaultImage, from)
	s.Images = s.Images.Or(nil, from)
	s.PullPolicy = s.PullPolicy.Or("", from)
	s.Keep = s.Keep.Or(defaultKeep, from)
	s.Timeout = s.Timeout.Or(defaultTimeout, from)
	return s, nil
}
