// Package perimeter holds the daemon's edge against its promises, with the
// real binary: the lock, the sockets and who may use them, the configuration,
// the admin socket, the activity log, the metrics, the service manager, and the
// end. Tests named TestRowNN prove a row of the reliability table; the others
// are in ../reliability.
package perimeter
