package main

import (
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed systemd
var systemdFiles embed.FS

// unit is what a unit of systemd is made of.
type unit struct {
	Made  string // the command that printed it
	What  string // the folder that is served
	Exec  string // the command line
	User  string // who owns the folder
	Write string // paths it may write to
	Home  string // ProtectHome
	More  bool   // it may write elsewhere too
}

// printUnit writes a unit that runs args and may write to dirs, of which the first is what
// it serves. Its paths are made absolute: a unit knows no working directory.
func printUnit(w io.Writer, file, made string, args, dirs []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	u := unit{Made: made, Home: "yes", More: len(dirs) > 1}
	var write []string
	for i, dir := range dirs {
		if dir, err = filepath.Abs(dir); err != nil {
			return err
		}
		if i == 0 {
			u.What = strings.ReplaceAll(dir, "%", "%%")
			if u.User, err = ownerOf(dir); err != nil {
				return err
			}
		}
		for _, home := range []string{"/home/", "/root/", "/run/user/"} {
			if strings.HasPrefix(dir+"/", home) {
				u.Home = "read-only"
			}
		}
		write = append(write, unitWord(dir))
	}
	u.Write = strings.Join(write, " ")
	line := []string{unitWord(self)}
	for _, a := range args {
		line = append(line, strings.ReplaceAll(unitWord(a), "$", "$$"))
	}
	u.Exec = strings.Join(line, " ")
	t, err := template.ParseFS(systemdFiles, "systemd/*")
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, file, u)
}

// unitWord quotes a word for a unit: systemd.syntax(7).
func unitWord(s string) string {
	if strings.ContainsAny(s, " \t\"'\\;#") {
		s = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return strings.ReplaceAll(s, "%", "%%")
}

// serveUnit prints the unit of a server. Paths that the configuration names must say where
// they are from anywhere.
func serveUnit(w io.Writer, path string, conf *config, listen string, node bool) error {
	if _, err := os.Stat(filepath.Join(conf.Domain, "policy.yaml")); err != nil {
		return fmt.Errorf("%s: %w", conf.Domain, errNoDomain)
	}
	domain, err := filepath.Abs(conf.Domain)
	if err != nil {
		return err
	}
	args, dirs := []string{"serve", "--domain", domain}, []string{domain}
	if path != "" {
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
		args = append(args, "--config", path)
	}
	if listen != "" {
		args = append(args, "--addr", listen)
	}
	if node {
		args = append(args, "--node")
	}
	file, err := readWitnesses(filepath.Join(domain, witnessesFile))
	if err != nil {
		return err
	}
	if file != nil && file.Outside != "" {
		dirs = append(dirs, filepath.Dir(file.Outside))
	} else {
		file = &reached{}
	}
	for _, named := range []string{conf.TLS.Certificate, conf.TLS.Key, conf.TLS.ClientAuthority, conf.OpenID.ClientSecret, conf.Coordinator, file.Outside} {
		if named != "" && !filepath.IsAbs(named) {
			return &exitError{exitUsage, fmt.Errorf("%s: write the whole path: a service has no folder of its own", named)}
		}
	}
	return printUnit(w, "serve.service", "qunxiang serve --print-unit", args, dirs)
}
