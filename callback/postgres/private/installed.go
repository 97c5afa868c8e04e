package private

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// ErrNotInstalled says that Postgres's server programs are not on this machine.
var ErrNotInstalled = errors.New("postgresql is not installed: apt-get install postgresql")

// Installed returns the folder with Postgres's server programs: the newest of
// Debian's, or the one in PATH. The error is ErrNotInstalled.
func Installed() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	newest, newestDir := 0, ""
	for _, dir := range dirs {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err == nil && version > newest && hasPrograms(dir) {
			newest, newestDir = version, dir
		}
	}
	if newestDir != "" {
		return newestDir, nil
	}
	if found, err := exec.LookPath("initdb"); err == nil {
		// Postgres finds its own files from where it really lies.
		if real, err := filepath.EvalSymlinks(found); err == nil && hasPrograms(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	return "", ErrNotInstalled
}

func hasPrograms(dir string) bool {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil { //nolint:gosec // a folder of PATH or Debian's
			return false
		}
	}
	return true
}
