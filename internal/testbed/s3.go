package testbed

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// What the servers of AWS's services take for credentials, and their Region.
const (
	AWSKey    = "AKIDTESTBED"
	AWSSecret = "testbed-secret"
	AWSRegion = "us-east-1"
)

// AWSConfig is how the servers of a test are reached.
func AWSConfig() aws.Config {
	return aws.Config{Region: AWSRegion, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: AWSKey, SecretAccessKey: AWSSecret}, nil
	})}
}

// S3Server is a real S3 server over a folder, on the loopback interface.
type S3Server struct {
	Endpoint string
	// Dir holds a folder for each bucket, in which objects are files.
	Dir string

	t      testing.TB
	client *s3.Client
}

// S3 starts a server that ends with the test.
func S3(t testing.TB) *S3Server {
	t.Helper()
	bin := tool{name: "versitygw", module: "github.com/versity/versitygw", version: "v1.8.0", pkg: "github.com/versity/versitygw/cmd/versitygw"}.path(t)
	addr := FreeAddr(t)
	s := &S3Server{t: t, Endpoint: "http://" + addr, Dir: filepath.Join(t.TempDir(), "buckets")}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "--quiet", "--port", addr, "--region", AWSRegion, "posix", s.Dir)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "ROOT_ACCESS_KEY=" + AWSKey, "ROOT_SECRET_KEY=" + AWSSecret}
	launch(t, cmd, addr)
	s.client = s3.NewFromConfig(AWSConfig(), s.Options)
	return s
}

// Options make a client of S3 use this server.
func (s *S3Server) Options(o *s3.Options) {
	o.BaseEndpoint, o.UsePathStyle = &s.Endpoint, true
	o.DisableLogOutputChecksumValidationSkipped = true
}

// Client is a client of this server.
func (s *S3Server) Client(change ...func(*s3.Options)) *s3.Client {
	return s3.NewFromConfig(AWSConfig(), append([]func(*s3.Options){s.Options}, change...)...)
}

// Bucket makes a bucket.
func (s *S3Server) Bucket(name string) {
	s.t.Helper()
	if _, err := s.client.CreateBucket(s.t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		s.t.Fatal(err)
	}
}

// Put writes an object and returns its ETag, without quotes.
func (s *S3Server) Put(bucket, key string, data []byte, metadata map[string]string) string {
	s.t.Helper()
	out, err := s.client.PutObject(s.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data), Metadata: metadata})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(bytes.Trim([]byte(aws.ToString(out.ETag)), `"`))
}

// Delete deletes an object.
func (s *S3Server) Delete(bucket, key string) {
	s.t.Helper()
	if _, err := s.client.DeleteObject(s.t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		s.t.Fatal(err)
	}
}

// PutParts writes an object in parts of 5 MiB or more, and returns its ETag.
func (s *S3Server) PutParts(bucket, key string, parts ...[]byte) string {
	s.t.Helper()
	ctx := s.t.Context()
	up, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		s.t.Fatal(err)
	}
	var done []types.CompletedPart
	for i, p := range parts {
		n := aws.Int32(int32(i + 1))
		out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &bucket, Key: &key, UploadId: up.UploadId, PartNumber: n, Body: bytes.NewReader(p)})
		if err != nil {
			s.t.Fatal(err)
		}
		done = append(done, types.CompletedPart{ETag: out.ETag, PartNumber: n, ChecksumCRC32: out.ChecksumCRC32})
	}
	out, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: &key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(bytes.Trim([]byte(aws.ToString(out.ETag)), `"`))
}

// launch starts a server, waits until it listens and ends it with the test.
func launch(t testing.TB, cmd *exec.Cmd, addr string) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = dieWithUs()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		<-ended
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", cmd.Path, out.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v", cmd.Path, err)
		}
	}
}
