package main

import (
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/trace"
)

// logger is the log of who reads it on a terminal.
func logger(w io.Writer, level string) *slog.Logger {
	return logOf(w, config.Log{Level: level, Format: "text"})
}

// logOf is a log as the configuration wants it.
func logOf(w io.Writer, c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{}
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.Level)); err == nil {
		o.Level = l
	}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if c.Format == "json" {
		o.ReplaceAttr = forPrograms
		h = slog.NewJSONHandler(w, o)
	}
	return slog.New(thinned(trace.LogHandler(h)))
}

// forPrograms gives attributes names and values that are easy to look for:
// names without spaces, one name for errors, times as people write them.
func forPrograms(_ []string, a slog.Attr) slog.Attr {
	a.Key = strings.ReplaceAll(a.Key, " ", "_")
	if a.Key == "error" {
		a.Key = "err"
	}
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().Round(time.Microsecond).String())
	}
	return a
}
