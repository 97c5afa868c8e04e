package private

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// owner is the user as whom the server runs. The zero value is ourselves.
type owner struct {
	name       string
	credential *syscall.Credential // nil: ourselves
}

// findOwner returns the user postgres when we are root, since Postgres refuses
// to run as root.
func findOwner() (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	account, err := osuser.Lookup("postgres")
	if err != nil {
		return owner{}, errors.New("there is no user postgres, and Postgres does not run as root: apt-get install postgresql, or run as another user")
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return owner{}, fmt.Errorf("the user postgres has no numeric ID: %w", err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return owner{}, fmt.Errorf("the group of the user postgres has no numeric ID: %w", err)
	}
	return owner{"postgres", &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// own gives a file or folder to the server's user.
func (o owner) own(path string) error {
	if o.credential == nil {
		return nil
	}
	return os.Chown(path, int(o.credential.Uid), int(o.credential.Gid))
}

func (o owner) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: o.credential}
}

// prepare makes the folder and the cluster where they are missing, writes who
// may come in, and returns the folder of the programs that fit the cluster.
func (s *Server) prepare(ctx context.Context) (programs string, err error) {
	if err := s.makeDir(ctx); err != nil {
		return "", err
	}
	if s.password, err = s.readPassword(); err != nil {
		return "", err
	}
	if programs, err = s.programs(); err != nil {
		return "", err
	}
	if _, err := os.Stat(s.data()); errors.Is(err, os.ErrNotExist) {
		if err := s.makeCluster(ctx, programs); err != nil {
			return "", err
		}
	}
	// The socket is guarded by the folder's mode; TCP by the password.
	access := "local all all trust\nhost all all 127.0.0.0/8 scram-sha-256\n"
	if err := s.write(filepath.Join(s.data(), "pg_hba.conf"), access); err != nil {
		return "", err
	}
	return programs, nil
}

func (s *Server) data() string { return filepath.Join(s.options.Dir, "data") }

// makeDir makes the folder, for the server's user alone, and sees that it can
// get there. It does not take over a folder with anything else in it: whoever
// mistypes must not lose /tmp or a home to the server's user.
func (s *Server) makeDir(ctx context.Context) error {
	dir := s.options.Dir
	other, err := foreign(dir)
	if err != nil {
		return fmt.Errorf("looking into Postgres's folder: %w", err)
	}
	if other != "" {
		return fmt.Errorf("%s holds other things, such as %s: name a folder that is empty or not there yet", dir, other)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the server's user has to get through those above
		return fmt.Errorf("making Postgres's folder: %w", err)
	}
	if err := errors.Join(os.Chmod(dir, 0o700), s.owner.own(dir)); err != nil { //nolint:gosec // a folder needs its x
		return fmt.Errorf("giving Postgres its folder: %w", err)
	}
	if s.owner.credential == nil {
		return nil
	}
	enter := exec.CommandContext(ctx, "/bin/sh", "-c", `cd "$1"`, "sh", dir) //nolint:gosec // dir is data to the shell
	enter.SysProcAttr = s.owner.attributes()
	enter.Dir = "/"
	if err := enter.Run(); err != nil {
		return fmt.Errorf("the user %s, as whom Postgres runs, can't reach %s: a folder above is closed to it; choose another one", s.owner.name, dir)
	}
	return nil
}

// foreign returns the name of something in the folder that no server puts there,
// "" if there is none.
func foreign(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		name := entry.Name()
		switch name {
		case "data", "data.unfinished", "password", "postgres.log":
			continue
		}
		if !strings.HasPrefix(name, ".s.PGSQL.") { // its socket
			return name, nil
		}
	}
	return "", nil
}

// readPassword returns the password for TCP, made on the first start.
func (s *Server) readPassword() (string, error) {
	path := filepath.Join(s.options.Dir, "password")
	text, err := os.ReadFile(path) //nolint:gosec // the administrator names the folder
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading Postgres's password: %w", err)
	}
	// A cluster without its password file has another password: none of ours.
	if _, err := os.Stat(s.data()); err == nil {
		return "", fmt.Errorf("%s is missing beside a cluster that was made with it", path)
	}
	password := rand.Text()
	return password, s.write(path, password+"\n")
}

// write writes a file that only the server's user may read.
func (s *Server) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing for Postgres: %w", err)
	}
	return s.owner.own(path)
}

// programs returns the folder of the installed programs that the cluster, if
// there is one, was made with: Postgres does not read that of another version.
func (s *Server) programs() (string, error) {
	newest, err := Installed()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(s.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return newest, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the cluster's version: %w", err)
	}
	version := strings.TrimSpace(string(text))
	if fitting := filepath.Join("/usr/lib/postgresql", version, "bin"); hasPrograms(fitting) {
		return fitting, nil
	}
	if strings.HasPrefix(newest, "/usr/lib/postgresql/") {
		return "", fmt.Errorf("%s was made by Postgres %s, which is not installed: apt-get install postgresql-%s", s.data(), version, version)
	}
	return newest, nil
}

// makeCluster makes the cluster under another name and renames it when it is
// complete, so that an interrupted start leaves nothing half-made.
func (s *Server) makeCluster(ctx context.Context, programs string) error {
	unfinished := s.data() + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("removing what an interrupted start left: %w", err)
	}
	args := []string{"-D", unfinished, "-U", user, "--pwfile", filepath.Join(s.options.Dir, "password"),
		"--auth-local=trust", "--auth-host=scram-sha-256", "-E", "UTF8", "--locale=C"}
	if s.options.Fast {
		args = append(args, "--no-sync")
	}
	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), args...) //nolint:gosec // the installed program
	initdb.SysProcAttr = s.owner.attributes()
	initdb.Dir = s.options.Dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("making a cluster in %s: %w: %s", s.options.Dir, err, lastLine(string(out)))
	}
	if err := os.Rename(unfinished, s.data()); err != nil {
		return fmt.Errorf("putting the finished cluster in place: %w", err)
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
