// Idle does nothing for a moment, whatever it is told and called.
package main

import "time"

func main() { time.Sleep(50 * time.Millisecond) }
