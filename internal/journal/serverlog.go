package journal

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// serverLog takes the log of the embedded server.
type serverLog struct {
	log *slog.Logger

	mu    sync.Mutex
	fatal string
}

func newServerLog(l *slog.Logger) *serverLog {
	return &serverLog{log: l.With("server", "nats")}
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(string, ...any)           {}

// Warnf passes on what an operator can do something about. That large messages
// are discouraged is said at every start, and is a choice of ours.
func (l *serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Maximum payloads") {
		return
	}
	l.log.Warn(fmt.Sprintf(format, v...))
}

// Fatalf keeps why the server cannot start; it does not end the process.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		l.fatal = fmt.Sprintf(format, v...)
	}
	l.log.Error(fmt.Sprintf(format, v...))
}

func (l *serverLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = ""
}

func (l *serverLog) failure() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		return "no answer in time"
	}
	return l.fatal
}
