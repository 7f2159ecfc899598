// Command dgatrain makes the model of internal/anomaly/dga: from ordinary names
// and from styles of drawn names, without a name of malware. The same inputs give
// the same bytes.
//
//	go run ./hack/dgatrain                     trains, and writes the model
//	go run ./hack/dgatrain -lists FOLDER       makes benign.txt.gz anew of the public lists in a folder
//	go run ./hack/dgatrain -score FILE         prints the score of each line of a file
package main

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"flag"
	"fmt"
	"os"

	"github.com/vedette-project/vedette/internal/anomaly/dga"
)

// benignSHA256 is of the names that the committed model was trained with.
const benignSHA256 = "58bd69374ea95c0856e0be42abe994dc52751fdce52d31d47b402b82a7383332"

//go:embed benign.txt.gz
var benign []byte

func main() {
	out := flag.String("o", "internal/anomaly/dga/model.bin", "the model's `file`")
	folder := flag.String("lists", "", "make benign.txt.gz of the lists in this `folder`")
	score := flag.String("score", "", "score the labels in this `file`, one a line")
	flag.Parse()
	if err := run(*out, *folder, *score); err != nil {
		fmt.Fprintln(os.Stderr, "dgatrain:", err)
		os.Exit(1)
	}
}

func run(out, folder, score string) error {
	switch {
	case folder != "":
		names, err := collect(folder)
		if err != nil {
			return err
		}
		return writeNames("hack/dgatrain/benign.txt.gz", names)
	case score != "":
		return scores(score)
	}
	sum := sha256.Sum256(benign)
	if got := hex.EncodeToString(sum[:]); got != benignSHA256 {
		return fmt.Errorf("benign.txt.gz has SHA-256 %s, want %s", got, benignSHA256)
	}
	model, err := build(standard(), benign)
	if err != nil {
		return err
	}
	return os.WriteFile(out, model, 0o644)
}

// build makes a model's file.
func build(s settings, packed []byte) ([]byte, error) {
	names, err := readNames(packed)
	if err != nil {
		return nil, err
	}
	p, err := params(s, train(s, samples(s, names)), names)
	if err != nil {
		return nil, err
	}
	return p.Append(nil), nil
}

func scores(file string) error {
	m := dga.Default()
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fmt.Printf("%.3f\t%s\n", float64(m.Score(lines.Text()))/dga.Unit, lines.Text())
	}
	return lines.Err()
}
