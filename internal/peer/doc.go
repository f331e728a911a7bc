// Package peer says who is at the other end of a connection, as the kernel
// knows it, and whether that user may connect.
//
// On a Unix socket the kernel attests user, group and process of whoever
// called connect(2); on TCP there is only an address. A lookup is one or two
// getsockopt calls and allocates next to nothing. It runs on the goroutine that
// accepted the connection. The package keeps no state and reads no data from
// the connection.
package peer
