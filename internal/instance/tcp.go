package instance

import (
	"fmt"
	"net"
	"net/netip"
)

// ListenTCP binds a literal ip:port. Port 0 picks a free one. An IPv4 address is
// bound as such: net's "tcp" would take 0.0.0.0 for every IPv6 address too.
func ListenTCP(addr string) (*net.TCPListener, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("bad tcp addr: %q: want a literal ip:port", addr)
	}
	network := "tcp"
	if ap.Addr().Is4() {
		network = "tcp4"
	}
	ln, err := net.ListenTCP(network, net.TCPAddrFromAddrPort(ap))
	if err != nil {
		return nil, fmt.Errorf("tcp: %w", err)
	}
	return ln, nil
}
