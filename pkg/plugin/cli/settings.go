// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/config"
	"github.com/kubectl-shareproc/kubectl-shareproc/pkg/hint"
)

// What is in force where nobody said anything; the image is defaultImage.
const (
	DefaultIdleTimeout = 10 * time.Minute
	DefaultTimeout     = time.Minute
)

// ReadOnlyEnv is the variable of the environment that turns read-only mode on.
const ReadOnlyEnv = "SHAREPROC_READ_ONLY"

// CheckWritable refuses what writes into a target or changes a workload in read-only mode. what is the subject of the error.
func CheckWritable(deps *Deps, what string) error {
	s, err := Settings(deps)
	if err != nil || !s.ReadOnly.Value {
		return err
	}
	return hint.With(fmt.Errorf("%s is not allowed in read-only mode (%s)", what, s.ReadOnly.From),
		"use ps, top, fs, or cp from the pod; kubectl shareproc config view shows where the mode is set")
}

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
	switch value := deps.Getenv(ReadOnlyEnv); value {
	case "", "0", "false": // the file may say so all the same
	case "1", "true":
		s.ReadOnly = config.Value[bool]{Value: true, From: "environment " + ReadOnlyEnv}
	default:
		return config.Settings{}, hint.With(fmt.Errorf("read %s: %q: not 1 or 0", ReadOnlyEnv, value), "set it to 1, or unset it")
	}
	const from = "default"
	s.Image = s.Image.Or(DefaultImage, from)
	s.Images = s.Images.Or(nil, from)
	// The images of debug --tools have sh and busybox's usual tools, as every helper needs. None is pulled before it is asked for.
	tools := map[string]string{
		"net": "nicolaka/netshoot:v0.14", "jvm": "eclipse-temurin:21-jdk-alpine",
		"python": "python:3.13-alpine", "dotnet": "mcr.microsoft.com/dotnet/sdk:9.0-alpine",
	}
	maps.Copy(tools, s.Tools.Value)
	s.Tools = s.Tools.Or(nil, from)
	s.Tools.Value = tools
	s.PullPolicy = s.PullPolicy.Or("", from)
	s.IdleTimeout = s.IdleTimeout.Or(DefaultIdleTimeout, from)
	s.Timeout = s.Timeout.Or(DefaultTimeout, from)
	s.Transport = s.Transport.Or(config.Transports()[0], from)
	s.ReadOnly = s.ReadOnly.Or(false, from)
	return s, nil
}
