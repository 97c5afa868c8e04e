package ari

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/callback"
)

// authority is a CA of the test's own.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := &authority{t: t, key: key, dir: t.TempDir(), cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(der)
	must(t, err)
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	must(a.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

func (a *authority) file() string { return filepath.Join(a.dir, "ca.pem") }

// issue makes a certificate for 127.0.0.1 and returns its files.
func (a *authority) issue(name string, usage x509.ExtKeyUsage) (certificate, key string) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}, a.cert, &private.PublicKey, a.key)
	must(a.t, err)
	encoded, err := x509.MarshalECPrivateKey(private)
	must(a.t, err)
	return a.write(name+".pem", "CERTIFICATE", der), a.write(name+".key", "EC PRIVATE KEY", encoded)
}

func startTLS(t *testing.T, a *authority, clients tls.ClientAuthType) *aritest.Server {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.issue("asterisk", x509.ExtKeyUsageServerAuth))
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	o := serverOptions()
	o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: clients, ClientCAs: pool}
	server := aritest.New(o)
	t.Cleanup(server.Close)
	return server
}

func TestTLSToAnAsteriskWithItsOwnCA(t *testing.T) {
	a := newAuthority(t)
	o := optionsFor(startTLS(t, a, tls.NoClientCert))
	o.TLS.CA = a.file()
	n, _ := connected(t, o)
	n.do(callback.CreateBridge{Bridge: "cb-b"})
}

func TestTLSWithACertificateOfOurs(t *testing.T) {
	a := newAuthority(t)
	o := optionsFor(startTLS(t, a, tls.RequireAndVerifyClientCert))
	o.TLS.CA = a.file()
	o.TLS.Certificate, o.TLS.Key = a.issue("callbackd", x509.ExtKeyUsageClientAuth)
	n, _ := connected(t, o)
	n.do(callback.CreateBridge{Bridge: "cb-b"})
}

func TestTLSRefusesACertificateOfAStranger(t *testing.T) {
	o := optionsFor(startTLS(t, newAuthority(t), tls.NoClientCert))
	o.TLS.CA = newAuthority(t).file()
	n := newTestNode(t, o)
	n.run()
	eventually(t, "the refusal is logged", func() bool { return len(n.logged.lines("certificate signed by unknown authority")) == 1 })
	if _, err := n.Info(t.Context()); err == nil {
		t.Error("a stranger was believed")
	}
}

func TestOptionsThatCanNotBeAreRefusedInOneLine(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	must(t, os.WriteFile(empty, nil, 0o600))
	fine := Options{URL: "http://127.0.0.1:8088/ari", User: "callbackd", Password: "p"}
	for want, spoil := range map[string]func(*Options){
		`the ARI URL "127.0.0.1:8088" can't be read`:                      func(o *Options) { o.URL = "127.0.0.1:8088" },
		`the ARI URL "ws://a/ari" is not an http or https address`:        func(o *Options) { o.URL = "ws://a/ari" },
		`the ARI URL "" is not an http or https address`:                  func(o *Options) { o.URL = "" },
		`the ARI URL "http://me:xxxxx@a/ari" has a user in it`:            func(o *Options) { o.URL = "http://me:secret@a/ari" },
		`the ARI user and its password are needed`:                        func(o *Options) { o.Password = "" },
		`reading the CA for Asterisk: open /no/such: no such file`:        func(o *Options) { o.TLS.CA = "/no/such" },
		`the CA file for Asterisk ` + empty + ` holds no PEM certificate`: func(o *Options) { o.TLS.CA = empty },
		`reading our certificate for Asterisk: open`:                      func(o *Options) { o.TLS.Key = "/no/such" },
	} {
		o := fine
		spoil(&o)
		_, err := NewNode(o)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
}
