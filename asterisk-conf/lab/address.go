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

// The ports of what the lab starts, on addresses of its own: the usual ones.
const (
	sipPort      = 5060
	httpPort     = 8088
	postgresPort = 5432
)

// networks is how many pairs of addresses there are to choose from: 127.64.1.x to
// 127.127.254.x.
const networks = 64 * 254

// reservation is a loopback network that nobody else uses, for as long as the
// lock file, or a child that inherited it, is open.
type reservation struct {
	network string // three numbers: 127.64.1
	lock    *os.File
}

// server returns the address of what the lab starts.
func (r *reservation) server() string { return r.network + ".1" }

// carrier returns the address that plays the carrier.
func (r *reservation) carrier() string { return r.network + ".2" }

// reserve finds a network whose ports are free. The lock keeps it from others
// that look at the same moment, the look at the ports from whatever else runs
// here.
func reserve(cache string, free func(*reservation) bool) (*reservation, error) {
	dir := filepath.Join(cache, "addresses")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of addresses: %w", err)
	}
	first := rand.IntN(networks)
	for i := range networks {
		n := (first + i) % networks
		found, err := tryReserve(dir, fmt.Sprintf("127.%d.%d", 64+n/254, 1+n%254), free)
		if err != nil {
			return nil, err
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, errors.New("no free loopback address is left for the lab")
}

// tryReserve returns nil without an error when the network is in use.
func tryReserve(dir, network string, free func(*reservation) bool) (*reservation, error) {
	lock, err := os.OpenFile(filepath.Join(dir, network), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of an address: %w", err)
	}
	found := &reservation{network: network, lock: lock}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil || !free(found) {
		return nil, lock.Close()
	}
	return found, nil
}

func freeForAsterisk(r *reservation) bool {
	return freeUDP(r.server()) && freeUDP(r.carrier()) && freeTCP(r.server(), httpPort)
}

func freeForPostgres(r *reservation) bool {
	return freeTCP(r.server(), postgresPort)
}

func (r *reservation) release() error {
	return r.lock.Close()
}

func freeUDP(address string) bool {
	conn, err := net.ListenPacket("udp4", net.JoinHostPort(address, strconv.Itoa(sipPort)))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func freeTCP(address string, port int) bool {
	listener, err := net.Listen("tcp4", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
