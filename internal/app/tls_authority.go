package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"time"
)

// How long certificates of the server's own making are good.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	ownLife       = 90 * 24 * time.Hour
	// clockSlack is how far a client's clock may be behind when it meets a
	// certificate that was just made.
	clockSlack = time.Hour
)

// ownAuthority signs the server's certificates, where the server makes them by
// itself. Nothing else is signed with its key.
type ownAuthority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// drawAuthority draws an authority.
func drawAuthority(now time.Time) (*ownAuthority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(public)
	template := &x509.Certificate{
		SerialNumber: serial(), SubjectKeyId: id[:20],
		// Its own name: a client that trusts two of them finds the right one.
		Subject:  pkix.Name{Organization: []string{"Vedette"}, CommonName: "Vedette authority " + hex.EncodeToString(id[:4])},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		NotBefore: now.Add(-clockSlack).UTC(), NotAfter: now.Add(authorityLife).UTC(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &ownAuthority{cert, key}, err
}

// serial is a number that no other certificate has.
func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] &= 0x7f // positive, in 16 bytes
	return new(big.Int).SetBytes(b[:])
}

// issue makes a server's certificate for these names and addresses.
func (a *ownAuthority) issue(names []string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"Vedette"}, CommonName: "Vedette server"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		NotBefore: now.Add(-clockSlack).UTC(), NotAfter: now.Add(ownLife).UTC(),
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	for _, name := range names {
		if ip, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, ip.Unmap().AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	// The authority goes along, for those who look at what is served.
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, err
}

// pem is the authority as others are told of it.
func (a *ownAuthority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

const keyBlock = "PRIVATE KEY"

// secret is the authority with its key, as it is kept.
func (a *ownAuthority) secret() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, err
	}
	return append(a.pem(), pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: key})...), nil
}

// parseAuthority reads what secret wrote.
func parseAuthority(text []byte) (*ownAuthority, error) {
	var a ownAuthority
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		var err error
		switch block.Type {
		case "CERTIFICATE":
			a.cert, err = x509.ParseCertificate(block.Bytes)
		case keyBlock:
			var key any
			if key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
				a.key, _ = key.(*ecdsa.PrivateKey)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(bytes.TrimSpace(text)) > 0 || a.cert == nil || a.key == nil:
		return nil, errors.New("it must hold one certificate and its ECDSA key, PEM, and nothing else")
	case !a.key.PublicKey.Equal(a.cert.PublicKey):
		return nil, errors.New("its key is not that of its certificate")
	case !a.cert.IsCA:
		return nil, errors.New("its certificate is not one of an authority")
	}
	return &a, nil
}
