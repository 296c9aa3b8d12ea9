// SPDX-License-Identifier: Apache-2.0

package attach

import "k8s.io/klog/v2"

// hushedLevel is the verbosity from which client-go's complaints about streams are shown.
const hushedLevel = 4

// hushed gives a logger that writes errors as information of level 4. client-go logs as an error whatever goes wrong in
// its copying goroutines, a closed connection at the end of every session included, onto a terminal that may be raw; what
// of that matters is returned as an error by Run.
func hushed(logger klog.Logger) klog.Logger {
	sink := logger.GetSink()
	if sink == nil {
		return logger
	}
	return logger.WithSink(hushedSink{sink})
}

type hushedSink struct {
	klog.LogSink
}

func (s hushedSink) Error(err error, message string, keysAndValues ...any) {
	if s.Enabled(hushedLevel) {
		s.Info(hushedLevel, message, append(keysAndValues, "err", err)...)
	}
}

func (s hushedSink) WithValues(keysAndValues ...any) klog.LogSink {
	return hushedSink{s.LogSink.WithValues(keysAndValues...)}
}

func (s hushedSink) WithName(name string) klog.LogSink {
	return hushedSink{s.LogSink.WithName(name)}
}
