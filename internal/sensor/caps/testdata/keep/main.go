// Keep gives up rights and shows what is left to each of its threads.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/vedette-project/vedette/internal/sensor/caps"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var threads sync.WaitGroup
	defer threads.Wait()
	hold, held := make(chan struct{}), make(chan struct{})
	defer close(hold)
	for range 3 { // reading an empty pipe keeps a thread each
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		threads.Go(func() {
			_ = r.Fd() // from here on it blocks its thread
			held <- struct{}{}
			_, _ = r.Read(make([]byte, 1))
		})
		go func() { <-hold; w.Close() }()
		<-held
	}
	works, err := caps.Works(caps.SysPtrace, func() error {
		own, err := caps.Own()
		if err == nil && own.Lacks(caps.SysPtrace) != 0 {
			err = fmt.Errorf("%v is missing", caps.SysPtrace)
		}
		return err
	})
	if works || err != nil {
		return fmt.Errorf("a thread without a capability has it: %w", err)
	}
	if err := caps.Keep(caps.Run); err != nil {
		return err
	}
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Printf("%s\x00", text)
	}
	return nil
}
