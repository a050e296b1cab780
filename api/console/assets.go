package console

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strings"
)

//go:embed assets/console.css
var styleSheet []byte

//go:embed assets/console.js
var script []byte

//go:embed assets/icon.svg
var icon []byte

// assets are the paths of the files, which change with what is in them.
type assets struct{ style, script, icon string }

func readAssets() assets {
	name := func(b []byte, extension string) string {
		sum := sha256.Sum256(b)
		return "/console/assets/" + hex.EncodeToString(sum[:8]) + extension
	}
	return assets{name(styleSheet, ".css"), name(script, ".js"), name(icon, ".svg")}
}

// asset serves them, to everybody: they are the same for all.
func (c *console) asset(w http.ResponseWriter, r *http.Request) {
	body, media := styleSheet, "text/css; charset=utf-8"
	switch "/console/assets/" + r.PathValue("name") {
	case c.files.style:
	case c.files.script:
		body, media = script, "text/javascript; charset=utf-8"
	case c.files.icon:
		body, media = icon, "image/svg+xml"
	default:
		c.signedIn(func(*view) error { return errNotFound })(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Del("Vary")
	if strings.EqualFold(r.Method, http.MethodGet) {
		_, _ = w.Write(body) // a browser that has gone is no matter
	}
}
