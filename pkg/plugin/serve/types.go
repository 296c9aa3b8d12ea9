// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
)

const (
	text   = "text/plain; charset=utf-8"
	binary = "application/octet-stream"
)

// typeOf is a content type by a file's name, "" where that says nothing. What a browser would run is text: who looks into a
// container wants to see what is written there.
func typeOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm", ".xhtml", ".xml", ".js", ".mjs", ".css", ".json", ".yaml", ".yml", ".toml", ".ini", ".conf", ".cfg", ".log", ".txt",
		".md", ".sh", ".py", ".go", ".java", ".rb", ".properties", ".pem", ".crt", ".csv", ".sql":
		return text
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".svg":
		return "image/svg+xml"
	case ".ico":
		return "image/x-icon"
	case ".mp3":
		return "audio/mpeg"
	case ".ogg":
		return "audio/ogg"
	case ".wav":
		return "audio/wav"
	case ".mp4":
		return "video/mp4"
	case ".webm":
		return "video/webm"
	case ".pdf":
		return "application/pdf"
	case ".gz", ".tgz", ".zip", ".jar", ".so", ".bin", ".db", ".hprof", ".tar", ".xz", ".zst":
		return binary
	}
	return ""
}

// sniffed is a content type by how a file begins.
func sniffed(c *content) (string, error) {
	begin := make([]byte, 512)
	n, err := io.ReadFull(c, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || c.failed != nil {
		return "", err
	}
	c.at = 0
	kind := http.DetectContentType(begin[:n])
	switch group, _, _ := strings.Cut(kind, "/"); group {
	case "text":
		return text, nil
	case "image", "audio", "video":
		return kind, nil
	}
	return binary, nil
}

// shown reports whether a browser shows a type: what it does not is saved.
func shown(kind string) bool {
	group, _, _ := strings.Cut(kind, "/")
	return group == "text" || group == "image" || group == "audio" || group == "video"
}
