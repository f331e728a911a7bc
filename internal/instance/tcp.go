package instance

import (
	"fmt"
	"net"
	"net/netip"
)

// ListenTCP binds a literal ip:port. Port 0 picks a free one.
func ListenTCP(addr string) (*net.TCPListener, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("bad tcp addr: %q: want a literal ip:port", addr)
	}
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(ap))
	if err != nil {
		return nil, fmt.Errorf("tcp: %w", err)
	}
	return ln, nil
}
