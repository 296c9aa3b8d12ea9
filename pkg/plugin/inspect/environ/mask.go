// SPDX-License-Identifier: Apache-2.0

package environ

import (
	"slices"
	"strings"
	"unicode"
)

// Mask stands for a value that may be secret.
const Mask = "********"

// Show sets the values that may be seen: all of them with secrets, else those that do not come from a Secret, do not hold the
// value of one, and are not called as one. What is masked is in no field that is printed.
func Show(list []Variable, secrets bool) []Variable {
	var known []string
	for _, v := range list {
		for _, value := range []string{v.plain, v.now} {
			if v.secret && len(value) >= minSecret {
				known = append(known, value)
			}
		}
	}
	for i := range list {
		v := &list[i]
		v.Masked = !secrets && !v.Unknown && (v.secret || v.seemsSecret() || slices.ContainsFunc(known, func(secret string) bool {
			return strings.Contains(v.plain, secret) || strings.Contains(v.now, secret)
		}))
		v.Value, v.Now = v.plain, v.now
		if v.Masked {
			v.Value, v.Now = "", ""
		}
	}
	return list
}

// minSecret is the length from which on a Secret's value is looked for in others: shorter ones are words such as "true".
const minSecret = 6

// seemsSecret goes by what the variable is called, and by what secrets look like.
func (v Variable) seemsSecret() bool {
	switch v.Source.Kind {
	case Field, Resource, Service:
		return false
	}
	if looksSecret(v.plain) || looksSecret(v.now) {
		return true
	}
	name := strings.ToUpper(v.Name)
	for _, place := range []string{"_FILE", "_PATH", "_DIR"} {
		if strings.HasSuffix(name, place) && strings.HasPrefix(v.plain, "/") {
			return false
		}
	}
	return namesSecret(name)
}

// namesSecret reports whether something is called as a secret is, in capitals.
func namesSecret(name string) bool {
	for _, word := range []string{"PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "CREDENTIAL", "APIKEY", "PRIVATEKEY", "ACCESSKEY"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	return slices.ContainsFunc(words, func(w string) bool {
		return w == "KEY" || w == "KEYS" || w == "PASS" || w == "PWD" && len(words) > 1 && name != "OLDPWD"
	})
}

// looksSecret finds private keys, URLs with a user and a password (SCHEME://USER:PASSWORD@HOST), and passwords in connection
// strings.
func looksSecret(text string) bool {
	if strings.Contains(text, "PRIVATE KEY-----") {
		return true
	}
	lower := strings.ToLower(text)
	if strings.Contains(lower, "password=") || strings.Contains(lower, "pwd=") {
		return true
	}
	for {
		_, rest, ok := strings.Cut(text, "://")
		if !ok {
			return false
		}
		// A password may hold a slash as it is.
		word := strings.FieldsFunc(rest+" ", unicode.IsSpace)
		if len(word) > 0 {
			if user, _, found := strings.Cut(word[0], "@"); found && strings.Contains(user, ":") {
				return true
			}
		}
		text = rest
	}
}
