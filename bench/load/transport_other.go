//go:build !linux

package load

// newTransport has only the portable way here.
func newTransport(c *Config) (transport, error) {
	return newNetTransport(c.Target, c.Conns), nil
}
