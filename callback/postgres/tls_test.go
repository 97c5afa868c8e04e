package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
	"github.com/callbackd/callbackd/callback/postgres/private"
)

// certificate gives a certificate for 127.0.0.1 that has signed itself, and its key.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's Postgres"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

// tlsServer starts a Postgres that speaks TLS on a loopback port.
func tlsServer(t *testing.T, cert, key []byte) *private.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "callbackd-tls-") // the server's user can't reach t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := private.Start(t.Context(), private.Options{Dir: filepath.Join(dir, "postgres"), Listen: freePort(t), Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	data := filepath.Join(server.Dir(), "data")
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	for name, content := range map[string][]byte{"server.crt": cert, "server.key": key} {
		path := filepath.Join(data, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, server.URL("postgres"))
	for _, statement := range []string{"ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	awaitTrue(t, "TLS", func() bool {
		fresh := open(t, server.URL("postgres"))
		var on string
		return fresh.Get(&on, "SHOW ssl") == nil && on == "on"
	})
	return server
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}()
	return listener.Addr().String()
}

func TestTheURLSaysHowTheDatabaseIsTrusted(t *testing.T) {
	cert, key := certificate(t)
	other, _ := certificate(t)
	server := tlsServer(t, cert, key)
	files := t.TempDir()
	for name, content := range map[string][]byte{"right.pem": cert, "other.pem": other} {
		if err := os.WriteFile(filepath.Join(files, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secured := func(root string) string {
		address, err := url.Parse(server.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		address.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {filepath.Join(files, root)}}.Encode()
		return address.String()
	}
	store := postgrestest.Open(t, secured("right.pem"))
	store.Wakes() // its connection is secured, too
	awaitTrue(t, "the listener on a secured connection", func() bool {
		var listens bool
		err := open(t, server.URL("postgres")).Get(&listens, `
			SELECT EXISTS (SELECT FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE ssl AND query LIKE 'LISTEN %')`)
		return err == nil && listens
	})
	_, err := postgres.Open(t.Context(), secured("other.pem"), postgres.Options{})
	if err == nil || !strings.Contains(err.Error(), "cannot reach the database at 127.0.0.1") || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with the certificate of another the error is %v", err)
	}
}

func TestADatabaseWithoutTLSIsNotUsedWhereTheURLAsksForIt(t *testing.T) {
	proxy := postgrestest.NewProxy(t, postgrestest.URL(t))
	_, err := postgres.Open(t.Context(), strings.Replace(proxy.URL(), "sslmode=disable", "", 1), postgres.Options{})
	if err == nil || !strings.Contains(err.Error(), "add sslmode=disable") {
		t.Errorf("the error is %v", err)
	}
}
