package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// The usual ports. They are free on an address of our own, unless something on
// this machine listens on every address: then another one is taken.
const (
	sipPort      = 5060
	httpPort     = 8088
	postgresPort = 5432
)

// networks is how many there are to choose from: 127.64.1 to 127.127.254.
const networks = 64 * 254

// reservation is a loopback network that no other lab uses, for as long as the
// lock file, or a child that inherited it, is open.
type reservation struct {
	network string // three numbers: 127.64.1
	lock    *os.File
}

// server returns the address of what the lab starts.
func (r *reservation) server() string { return r.network + ".1" }

// carrier returns the address that plays the carrier.
func (r *reservation) carrier() string { return r.network + ".2" }

// reserve takes a network that no other lab uses.
func reserve(cache string) (*reservation, error) {
	dir, err := addressDir(cache)
	if err != nil {
		return nil, err
	}
	first := rand.IntN(networks)
	for i := range networks {
		n := (first + i) % networks
		found, err := tryReserve(dir, fmt.Sprintf("127.%d.%d", 64+n/254, 1+n%254))
		if err != nil {
			return nil, err
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, errors.New("no free loopback address is left for the lab")
}

// addressDir returns the folder with a lock file for each network, made if need
// be.
func addressDir(cache string) (string, error) {
	dir := filepath.Join(cache, "addresses")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the folder of addresses: %w", err)
	}
	return dir, nil
}

// tryReserve returns nil without an error when another lab uses the network.
func tryReserve(dir, network string) (*reservation, error) {
	lock, err := os.OpenFile(filepath.Join(dir, network), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of an address: %w", err)
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, lock.Close()
	}
	return &reservation{network: network, lock: lock}, nil
}

func (r *reservation) release() error {
	return r.lock.Close()
}

// FreeTCP returns address:port with the port that is wanted, or another one
// where that is in use.
func FreeTCP(address string, port int) (string, error) {
	for _, wanted := range []int{port, 0} {
		listener, err := net.Listen("tcp4", net.JoinHostPort(address, strconv.Itoa(wanted)))
		if err == nil {
			return listener.Addr().String(), listener.Close()
		}
	}
	return "", fmt.Errorf("no TCP port is free on %s", address)
}

// freeUDP does the same for UDP.
func freeUDP(address string, port int) (string, error) {
	for _, wanted := range []int{port, 0} {
		conn, err := net.ListenPacket("udp4", net.JoinHostPort(address, strconv.Itoa(wanted)))
		if err == nil {
			return conn.LocalAddr().String(), conn.Close()
		}
	}
	return "", fmt.Errorf("no UDP port is free on %s", address)
}
