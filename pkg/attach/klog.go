// SPDX-License-Identifier: Apache-2.0

package attach

import "k8s.io/klog/v2"

// demotedLevel is the verbosity at which client-go's errors about streams are shown.
const demotedLevel = 4

// demoteErrors returns a logger that writes errors as information of level 4. client-go logs every error of its copying
// goroutines, even the closed connection at the end of a session, to a terminal that may be raw. Run returns those that matter.
func demoteErrors(logger klog.Logger) klog.Logger {
	sink := logger.GetSink()
	if sink == nil {
		return logger
	}
	return logger.WithSink(demotingSink{sink})
}

type demotingSink struct {
	klog.LogSink
}

func (s demotingSink) Error(err error, message string, keysAndValues ...any) {
	if s.Enabled(demotedLevel) {
		s.Info(demotedLevel, message, append(keysAndValues, "err", err)...)
	}
}

func (s demotingSink) WithValues(keysAndValues ...any) klog.LogSink {
	return demotingSink{s.LogSink.WithValues(keysAndValues...)}
}

func (s demotingSink) WithName(name string) klog.LogSink {
	return demotingSink{s.LogSink.WithName(name)}
}
