package main

import (
	"github.com/vedette-project/vedette/internal/sensor/deliver"
	"github.com/vedette-project/vedette/internal/uplink"
)

// sensorServer is where a sensor sends its records, and as whom.
type sensorServer struct {
	url string
	uplink.Server
}

func (s *sensorServer) options() (deliver.Options, error) {
	u, err := pushURL(s.url)
	if err != nil {
		return deliver.Options{}, err
	}
	s.Agent = "vedette-sensor/" + version()
	return deliver.Options{URL: u.JoinPath("ingest", "runtime"), Server: s.Server}, s.Check()
}
