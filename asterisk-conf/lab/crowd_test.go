package lab_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
)

// crowdedVariable makes the test binary start a lab beside servers that listen
// on every address, in a network of its own.
const crowdedVariable = "CALLBACKD_LAB_TEST_CROWDED"

// An Asterisk and a Postgres that already run on this machine, on every address
// and at the usual ports, are in nobody's way.
func TestTheLabStartsBesideServersThatListenEverywhere(t *testing.T) {
	program := exec.CommandContext(within(t), os.Args[0])
	program.Env = append(os.Environ(), crowdedVariable+"=yes")
	// Other tests need those ports at the same time.
	program.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := program.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "both run") {
		t.Errorf("%v: %s", err, out)
	}
}

func startInACrowd() {
	if err := crowd(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("both run")
	os.Exit(0)
}

func crowd(ctx context.Context) (err error) {
	if err := loopbackUp(); err != nil {
		return err
	}
	if _, err := net.ListenPacket("udp4", "0.0.0.0:5060"); err != nil {
		return err
	}
	for _, port := range []string{"8088", "5432"} {
		if _, err := net.Listen("tcp4", "0.0.0.0:"+port); err != nil {
			return err
		}
	}
	root, err := lab.Prepare(ctx, os.Stderr)
	if err != nil {
		return err
	}
	asterisk, err := lab.StartAsterisk(ctx, root, lab.AsteriskOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, asterisk.Close()) }()
	postgres, err := lab.StartPostgres(ctx, lab.PostgresOptions{Fast: true})
	if err != nil {
		return err
	}
	return postgres.Close()
}

// loopbackUp switches on the loopback device of a new network: it is off there.
func loopbackUp() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(socket) }()
	request := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	_, _, number := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	if number != 0 {
		return fmt.Errorf("switching on the loopback device: %w", number)
	}
	return nil
}
