package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
)

// execEvent is a call that is an attack, whole but for its end: %s is the audit id.
const execEvent = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"%s","stage":"ResponseStarted",` +
	`"requestURI":"/api/v1/namespaces/kube-system/pods/dns/exec?command=sh","verb":"create","user":{"username":"mallory","groups":["system:authenticated"]},` +
	`"sourceIPs":["203.0.113.7"],"userAgent":"kubectl","objectRef":{"resource":"pods","namespace":"kube-system","name":"dns","apiVersion":"v1","subresource":"exec"},` +
	`"responseStatus":{"metadata":{},"code":101},"requestReceivedTimestamp":"2026-01-01T10:00:00.000000Z","stageTimestamp":"2026-01-01T10:00:00.100000Z"`

// auditLine writes one record of an attack: audit FILE ID
func auditLine(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), fmt.Appendf(nil, execEvent+"}\n", args[1]), 0o600))
}

// binaryFile writes the start of a program, with a record behind it: binary FILE
func binaryFile(ts *testscript.TestScript, _ bool, args []string) {
	path, err := os.Executable()
	ts.Check(err)
	f, err := os.Open(path)
	ts.Check(err)
	defer f.Close()
	head := make([]byte, 64<<10)
	_, err = io.ReadFull(f, head)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), fmt.Appendf(head, "\n"+execEvent+"}\n", "inside"), 0o600))
}

// longLine writes the same record with a body that makes it this long, without
// holding it in memory, and one of usual length after it: longline FILE MIB
func longLine(ts *testscript.TestScript, _ bool, args []string) {
	mib, err := strconv.Atoi(args[1])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, execEvent+`,"requestObject":{"data":"`, "long")
	block := bytes.Repeat([]byte("A"), 1<<20)
	for range mib {
		_, _ = w.Write(block) // Flush tells
	}
	fmt.Fprintf(w, "\"}}\n"+execEvent+"}\n", "short")
	ts.Check(w.Flush())
	ts.Check(f.Close())
}

// longList writes one line that is an EventList of this size: longlist FILE MIB
func longList(ts *testscript.TestScript, _ bool, args []string) {
	mib, err := strconv.Atoi(args[1])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[`+execEvent+"}", "first")
	pad := strings.Repeat("A", 1<<20)
	for i := range mib {
		fmt.Fprintf(w, `,{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"%d","verb":"get","requestURI":"/","stageTimestamp":"2026-01-01T10:00:00Z","requestObject":"%s"}`, i, pad)
	}
	fmt.Fprintf(w, ","+execEvent+"}]}\n", "last")
	ts.Check(w.Flush())
	ts.Check(f.Close())
}

// pack compresses a file: pack gzip|zstd FROM TO
func pack(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if args[0] == "zstd" {
		zw, err := zstd.NewWriter(&b)
		ts.Check(err)
		w = zw
	}
	_, err := io.WriteString(w, ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b.Bytes(), 0o600))
}

// damage cuts a file off, or overwrites 1000 bytes of it; -N counts from its
// end: damage overwrite|cut FILE WHERE
func damage(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[1])
	at, err := strconv.Atoi(args[2])
	ts.Check(err)
	b, err := os.ReadFile(path)
	ts.Check(err)
	if at < 0 {
		at += len(b)
	}
	if at < 0 || at >= len(b) {
		ts.Fatalf("%s has %d bytes only", args[1], len(b))
	}
	if args[0] == "cut" {
		b = b[:at]
	}
	for i := at; i < min(len(b), at+1000); i++ {
		b[i] = byte(i * 7)
	}
	ts.Check(os.WriteFile(path, b, 0o600))
}

// authority writes a certificate and a private key: authority CERT KEY
func authority(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for i, b := range []*pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: secret}} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), pem.EncodeToMemory(b), 0o600))
	}
}
