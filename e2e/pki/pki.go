// Package pki makes the throwaway certificates of a test cluster.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority signs certificates and writes them, with their keys, as
// NAME.crt and NAME.key into one folder.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Request says what a certificate is for.
type Request struct {
	Name  string   // of the files
	CN    string   // user name or server name
	Orgs  []string // groups
	DNS   []string
	IPs   []string
	Usage []x509.ExtKeyUsage
}

// New makes an authority and writes ca.crt and ca.key.
func New(dir string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the authority's key: %w", err)
	}
	tmpl := template("e2e-ca")
	tmpl.IsCA, tmpl.BasicConstraintsValid = true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the authority's certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	a := &Authority{dir: dir, cert: cert, key: key}
	return a, a.write("ca", der, key)
}

// Path is where a file of the authority lies, such as "ca.crt".
func (a *Authority) Path(file string) string { return filepath.Join(a.dir, file) }

// Issue makes one key and certificate.
func (a *Authority) Issue(r Request) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of %s: %w", r.Name, err)
	}
	tmpl := template(r.CN)
	tmpl.Subject.Organization = r.Orgs
	tmpl.DNSNames = r.DNS
	for _, s := range r.IPs {
		tmpl.IPAddresses = append(tmpl.IPAddresses, net.ParseIP(s))
	}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = r.Usage
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("sign the certificate of %s: %w", r.Name, err)
	}
	return a.write(r.Name, der, key)
}

// SigningKey writes NAME.key and NAME.pub, a key pair without certificate, as
// service account tokens need it.
func (a *Authority) SigningKey(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key %s: %w", name, err)
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encode the key %s: %w", name, err)
	}
	if err := a.writeKey(name, key); err != nil {
		return err
	}
	return writePEM(a.Path(name+".pub"), "PUBLIC KEY", pub)
}

func template(cn string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system's randomness is gone
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: cn},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
	}
}

func (a *Authority) write(name string, der []byte, key *ecdsa.PrivateKey) error {
	if err := writePEM(a.Path(name+".crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	return a.writeKey(name, key)
}

func (a *Authority) writeKey(name string, key *ecdsa.PrivateKey) error {
	b, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the key of %s: %w", name, err)
	}
	return writePEM(a.Path(name+".key"), "EC PRIVATE KEY", b)
}

func writePEM(path, kind string, der []byte) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("write a certificate file: %w", err)
	}
	return nil
}
