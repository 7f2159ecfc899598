package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// BenchmarkAccountLogs scans compressed logs of an account, and in turn lets
// gzip and wc read them. The logs are of a busy account without attacks:
// instances that call each other and the internet, among rejected strangers.
func BenchmarkAccountLogs(b *testing.B) {
	for _, kind := range []struct {
		name  string
		count int
		write func(w io.Writer, rnd *rand.Rand, n int)
	}{{"vpc-flow", 3_000_000, flowLog}, {"cloudtrail", 250_000, trailLog}, {"dns", 700_000, queryLog}} {
		b.Run(kind.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "log.gz")
			size := zippedLog(b, path, func(w io.Writer) { kind.write(w, rand.New(rand.NewPCG(1, 2)), kind.count) })
			b.SetBytes(size)
			var scan, plain time.Duration
			for b.Loop() {
				start := time.Now()
				r, err := Scan(context.Background(), scanOptions(b, []string{path}))
				if err != nil || len(r.Findings) > 0 || r.Ledger.Outcomes["evaluated"] != int64(kind.count) {
					b.Fatalf("%v, %d findings, %v", err, len(r.Findings), r.Ledger.Outcomes)
				}
				scan += time.Since(start)
				b.StopTimer()
				start = time.Now()
				if err := exec.CommandContext(b.Context(), "sh", "-c", "gzip -dc "+path+" | wc -l").Run(); err != nil {
					b.Skip(err) // it only serves to compare
				}
				plain += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(plain)/float64(scan), "of-gzip-wc")
			b.ReportMetric(float64(kind.count)*float64(b.N)/scan.Seconds(), "records/s")
		})
	}
}

func zippedLog(b *testing.B, path string, write func(io.Writer)) (size int64) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	c := &counter{w: z}
	buf := bufio.NewWriterSize(c, 1<<20)
	write(buf)
	for _, end := range []func() error{buf.Flush, z.Close} {
		if err := end(); err != nil {
			b.Fatal(err)
		}
	}
	return c.n
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}

const benchStart = 1767225600 // 2026-01-01

func flowLog(w io.Writer, rnd *rand.Rand, n int) {
	fmt.Fprintln(w, "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status")
	inside := func(i int) string { return fmt.Sprintf("10.%d.%d.%d", i%4, i*37%256, i*91%254+1) }
	for i := range n {
		at, k := benchStart+i/2500, rnd.IntN(300)
		eni, own := fmt.Sprintf("eni-%017x", k+1), inside(k)
		if rnd.IntN(25) == 0 {
			fmt.Fprintf(w, "2 111122223333 %s %d.%d.%d.%d %s %d %d 6 1 40 %d %d REJECT OK\n", eni, 1+rnd.IntN(222), rnd.IntN(256), rnd.IntN(256), 1+rnd.IntN(254), own,
				1024+rnd.IntN(60000), rnd.IntN(65536), at, at+59)
			continue
		}
		peer := inside((k*7 + rnd.IntN(4)) % 400)
		if k%3 == 0 {
			peer = fmt.Sprintf("52.%d.%d.%d", k%200, k*3%256, 1+(k+rnd.IntN(4))%250)
		}
		src, dst, sport, dport := own, peer, 32768+rnd.IntN(28000), []int{443, 443, 443, 5432, 6379, 9092, 8080}[rnd.IntN(7)]
		if rnd.IntN(2) == 0 {
			src, dst, sport, dport = dst, src, dport, sport
		}
		packets := 1 + rnd.IntN(4000)
		fmt.Fprintf(w, "2 111122223333 %s %s %s %d %d 6 %d %d %d %d ACCEPT OK\n", eni, src, dst, sport, dport, packets, packets*(52+rnd.IntN(1300)), at, at+59)
	}
}

func trailLog(w io.Writer, rnd *rand.Rand, n int) {
	calls := [][2]string{{"ec2", "DescribeInstances"}, {"sts", "AssumeRole"}, {"s3", "GetObject"}, {"kms", "Decrypt"}, {"ssm", "UpdateInstanceInformation"}, {"logs", "CreateLogStream"}, {"dynamodb", "GetItem"}}
	for i := range n {
		c, k := calls[rnd.IntN(len(calls))], rnd.IntN(60)
		sep := ","
		switch {
		case i%1000 == 0 && i > 0:
			sep = "]}\n{\"Records\":["
		case i == 0:
			sep = "{\"Records\":["
		}
		data := c[0] == "s3"
		category := "Management"
		if data {
			category = "Data"
		}
		fmt.Fprintf(w, `%s{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE%09d:i-%017x","arn":"arn:aws:sts::111122223333:assumed-role/app-%d/i-%017x","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE%09d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE%09d","arn":"arn:aws:iam::111122223333:role/app-%d","accountId":"111122223333","userName":"app-%d"},"attributes":{"creationDate":"2025-12-31T23:00:00Z","mfaAuthenticated":"false"},"ec2RoleDelivery":"2.0"}},"eventTime":%q,"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"10.0.0.%d","userAgent":"aws-sdk-go-v2/1.41.0 ua/2.1 os/linux lang/go#1.26.0 md/GOOS#linux md/GOARCH#amd64 api/%s#1.0","requestParameters":{"bucketName":"data-%d","Host":"data-%d.s3.eu-central-1.amazonaws.com","key":"a/b/%d.parquet"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredOut":%d},"requestID":"%016X","eventID":"%08x-0000-4000-8000-%012x","readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::data-%d/a/b/%d.parquet"}],"eventType":"AwsApiCall","managementEvent":%v,"recipientAccountId":"111122223333","eventCategory":%q,"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"%s.eu-central-1.amazonaws.com"}}`,
			sep, k%20, k, k%20, k, k, k%20, k%20, k%20, time.Unix(benchStart+int64(i/100), 0).UTC().Format(time.RFC3339), c[0], c[1], k+1, c[0], k%7, k%7, i, rnd.IntN(1<<20), rnd.Uint64(),
			rnd.Uint32(), i, k%7, i, !data, category, c[0])
	}
	fmt.Fprintln(w, "]}")
}

func queryLog(w io.Writer, rnd *rand.Rand, n int) {
	names := []string{"s3.eu-central-1.amazonaws.com", "sqs.eu-central-1.amazonaws.com", "kafka.internal.example.com", "api.example.net", "db-1.cluster-abc.eu-central-1.rds.amazonaws.com", "d111111abcdef8.cloudfront.net"}
	for i := range n {
		fmt.Fprintf(w, `{"version":"1.100000","account_id":"111122223333","region":"eu-central-1","vpc_id":"vpc-0a1b2c3d4e5f60718","query_timestamp":%q,"query_name":"%s.","query_type":"A","query_class":"IN","rcode":"NOERROR","answers":[{"Rdata":"52.219.%d.%d","Type":"A","Class":"IN"}],"srcaddr":"10.0.%d.%d","srcport":"%d","transport":"UDP","srcids":{"instance":"i-%017x"}}`+"\n",
			time.Unix(benchStart+int64(i/500), 0).UTC().Format(time.RFC3339), names[rnd.IntN(len(names))], rnd.IntN(256), rnd.IntN(256), rnd.IntN(4), rnd.IntN(254), 1024+rnd.IntN(60000), rnd.IntN(200))
	}
}
