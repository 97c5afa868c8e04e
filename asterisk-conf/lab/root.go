package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
	"github.com/callbackd/callbackd/callback/postgres/private"
)

// suite is the Debian release that has an Asterisk of the long-term series 22.
const suite = "forky"

// packages are what the root holds beside Debian's minimum.
var packages = []string{"asterisk", "asterisk-core-sounds-en-wav", "asterisk-moh-opsound-wav", "ca-certificates"}

// removeLimit is how long what an interrupted run left may resist removal.
const removeLimit = 10 * time.Second

// Root is a folder with a whole Debian in it that has Asterisk installed. It is
// shared by all instances and never written to.
type Root struct {
	// Dir is its absolute path.
	Dir string
	// cache is the folder in which Dir lies.
	cache string
}

// Prepare installs on this machine what the lab needs (mmdebstrap, Postgres's
// server programs) and builds the Root, or finds that all is there already,
// which takes less than a millisecond. It prints what it does to progress, a
// line a step. Two programs may prepare at once: one works, the other waits.
func Prepare(ctx context.Context, progress io.Writer) (*Root, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("the lab must run as root: it runs Asterisk in a folder of its own with /proc and /dev mounted")
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	root := &Root{Dir: filepath.Join(cache, "asterisk-"+recipe()), cache: cache}
	if root.complete() && postgresInstalled() {
		return root, nil
	}
	lock, err := lockFile(ctx, filepath.Join(cache, "lock"), progress)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	if !postgresInstalled() {
		if err := install(ctx, progress, "postgresql"); err != nil {
			return nil, err
		}
	}
	if root.complete() {
		return root, nil
	}
	return root, root.build(ctx, progress)
}

func postgresInstalled() bool {
	_, err := private.Installed()
	return err == nil
}

// cacheDir returns the folder for what is kept between runs, made if need be.
func cacheDir() (string, error) {
	dir := os.Getenv("CALLBACKD_LAB_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = "/var/cache"
		}
		dir = filepath.Join(base, "callbackd-lab")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the lab's cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the lab's cache: %w", err)
	}
	return dir, nil
}

// recipe names how the root is built, so that a changed recipe makes a new one.
func recipe() string {
	sum := sha256.Sum256([]byte("1 " + suite + " " + strings.Join(packages, " ")))
	return suite + "-" + hex.EncodeToString(sum[:4])
}

// Sounds gives all sounds in English, Asterisk's own and callbackd's prompts, by
// their files' paths as in callbackd/offer.wav.
func (r *Root) Sounds() (map[string][]byte, error) {
	shipped, err := fs.Sub(asteriskconf.Files, "sounds/en")
	if err != nil {
		return nil, err
	}
	sounds := make(map[string][]byte)
	for _, from := range []fs.FS{os.DirFS(filepath.Join(r.Dir, englishPlace)), shipped} {
		err := fs.WalkDir(from, ".", func(file string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			sounds[file], err = fs.ReadFile(from, file)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading the sounds: %w", err)
		}
	}
	return sounds, nil
}

func (r *Root) complete() bool {
	_, err := os.Stat(filepath.Join(r.Dir, "usr/sbin/asterisk"))
	return err == nil
}

// build makes the root under a temporary name and renames it when complete. The
// caller holds the lock, so whatever else has a temporary name was left by a run
// that was killed.
func (r *Root) build(ctx context.Context, progress io.Writer) error {
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		if err := install(ctx, progress, "mmdebstrap", "debian-archive-keyring"); err != nil {
			return err
		}
	}
	if err := removeUnfinished(ctx, r.cache); err != nil {
		return err
	}
	unfinished, err := os.MkdirTemp(r.cache, "unfinished-")
	if err != nil {
		return fmt.Errorf("making a folder for Asterisk: %w", err)
	}
	if err := fill(ctx, progress, unfinished); err != nil {
		return errors.Join(err, os.RemoveAll(unfinished))
	}
	if err := os.Rename(unfinished, r.Dir); err != nil {
		return fmt.Errorf("putting the finished folder in place: %w", err)
	}
	fmt.Fprintf(progress, "lab: Asterisk is ready in %s\n", r.Dir)
	return nil
}

// removeUnfinished removes what runs that were killed have left. The last
// processes of such a run may be about to end, and write meanwhile.
func removeUnfinished(ctx context.Context, cache string) error {
	left, err := filepath.Glob(filepath.Join(cache, "unfinished-*"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	for _, dir := range left {
		var failure error
		err := await(ctx, func(context.Context) bool {
			failure = os.RemoveAll(dir)
			return failure == nil
		})
		if err != nil {
			return fmt.Errorf("removing what an interrupted run left: %w", failure)
		}
	}
	return nil
}

// fill unpacks Debian and Asterisk into dir and makes the places over which an
// instance lays its own folders.
func fill(ctx context.Context, progress io.Writer, dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	fmt.Fprintf(progress, "lab: downloading Asterisk and a small Debian around it, once (about 370 MB unpacked)\n")
	cmd := exec.CommandContext(ctx, "mmdebstrap", "--mode=root", "--variant=minbase",
		// A mirror that is frozen at a date counts as expired otherwise.
		`--aptopt=Acquire::Check-Valid-Until "false"`,
		"--include="+strings.Join(packages, ","), suite, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// In namespaces of its own, what it mounts in the folder and whatever it
		// has started are gone with it, and it is gone with us.
		Unshareflags: syscall.CLONE_NEWNS,
		Cloneflags:   syscall.CLONE_NEWPID,
		Pdeathsig:    syscall.SIGKILL,
	}
	if err := runShown(cmd, progress, "asterisk"); err != nil {
		return fmt.Errorf("unpacking Asterisk with mmdebstrap: %w", err)
	}
	for _, place := range mountPoints() {
		if err := os.MkdirAll(filepath.Join(dir, place), 0o755); err != nil {
			return fmt.Errorf("making %s in Asterisk's folder: %w", place, err)
		}
	}
	for _, file := range []string{hostsFile, resolvFile} {
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
			return fmt.Errorf("emptying %s in Asterisk's folder: %w", file, err)
		}
	}
	return nil
}

// install installs Debian packages on this machine.
func install(ctx context.Context, progress io.Writer, names ...string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("the lab needs %s, and there is no apt-get to install it with: Debian or Ubuntu is needed", strings.Join(names, " and "))
	}
	fmt.Fprintf(progress, "lab: installing %s\n", strings.Join(names, " "))
	if aptGet(ctx, progress, append([]string{"install", "--no-install-recommends"}, names...)...) == nil {
		return nil
	}
	// A fresh machine has not read the lists of packages yet.
	if err := aptGet(ctx, progress, "update"); err != nil {
		return err
	}
	return aptGet(ctx, progress, append([]string{"install", "--no-install-recommends"}, names...)...)
}

func aptGet(ctx context.Context, progress io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-y", "-q"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if err := runShown(cmd, progress, "apt-get"); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
