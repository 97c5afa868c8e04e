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

// The ports of an instance, on addresses of its own: the usual ones, as in the
// shipped files.
const (
	sipPort  = 5060
	httpPort = 8088
)

// networks is how many pairs of addresses there are to choose from: 127.64.1.x to
// 127.127.254.x.
const networks = 64 * 254

// reservation is a loopback network that nobody else uses, for as long as the
// lock file, or a child that inherited it, is open.
type reservation struct {
	asterisk string // address
	carrier  string // address
	lock     *os.File
}

// reserve finds a free pair of addresses. The lock keeps it from others that
// look at the same moment, the look at the ports from whatever else runs here.
func reserve(cache string) (*reservation, error) {
	dir := filepath.Join(cache, "addresses")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of addresses: %w", err)
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

// tryReserve returns nil without an error when the network is in use.
func tryReserve(dir, network string) (*reservation, error) {
	lock, err := os.OpenFile(filepath.Join(dir, network), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of an address: %w", err)
	}
	found := &reservation{asterisk: network + ".1", carrier: network + ".2", lock: lock}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil || !found.free() {
		return nil, lock.Close()
	}
	return found, nil
}

func (r *reservation) free() bool {
	return freeUDP(r.asterisk) && freeUDP(r.carrier) && freeTCP(r.asterisk, httpPort)
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
