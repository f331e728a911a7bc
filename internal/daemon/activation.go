package daemon

import (
	"errors"
	"fmt"
	"net"
	"time"

	"inferd/internal/config"
	"inferd/internal/instance"
)

// passed is a listening socket from the service manager.
type passed = net.Listener

// activated takes over the inference sockets that the service manager passed; if
// there are any, the daemon binds none of its own.
func (d *Daemon) activated(cfg *config.Config) (all []listener, err error) {
	for _, ln := range d.sockets[instance.ActivatedInfer] {
		addr, tcp := ln.Addr().(*net.TCPAddr)
		if tcp {
			if err := d.checkActivated(cfg, addr); err != nil {
				return all, err
			}
		}
		d.log.Info("listener taken over from the service manager", "addr", ln.Addr())
		all = append(all, listener{ln, tcp, true})
	}
	if len(all) > 0 {
		d.warnOfIgnored(all, "--uds", cfg.UDS, cfg.Origin("uds"))
		d.warnOfIgnored(all, "--tcp", cfg.TCP, cfg.Origin("tcp"))
	}
	return all, nil
}

// warnOfIgnored names an address that somebody asked for and that is not among the
// sockets which the service manager passed instead.
func (d *Daemon) warnOfIgnored(all []listener, flag, addr string, from config.Origin) {
	if addr == "" || from.Source == config.FromDefault {
		return
	}
	for _, l := range all {
		if l.ln.Addr().String() == addr {
			return
		}
	}
	d.log.Warn("the service manager passed the inference sockets; this setting has no effect",
		"setting", flag, "addr", addr)
}

// checkActivated holds a TCP socket of the service manager's to the rule that
// config enforces for --tcp.
func (d *Daemon) checkActivated(cfg *config.Config, addr *net.TCPAddr) error {
	switch {
	case cfg.APIKey != "":
	case addr.IP.IsLoopback():
		d.log.Warn("tcp is served without an API key: every user of this machine can connect",
			"addr", addr)
	case !cfg.AllowRemoteTCP:
		return fmt.Errorf("passed tcp address %v is not loopback and there is no API key: set "+
			"INFERD_API_KEY, or pass --allow-remote-tcp-without-key to serve anybody", addr)
	default:
		d.log.Warn("tcp is served without an API key: everybody who can reach it can connect, "+
			"from other machines as well", "addr", addr)
	}
	return nil
}

// refuseUnserved turns clients away from passed sockets that this version has no
// use for. Closing the sockets is not enough: the service manager holds them open
// as well, so clients would wait in the kernel's queue, and start the daemon anew
// when it ends.
func (d *Daemon) refuseUnserved() {
	d.refuse(instance.ActivatedInferV2, d.sockets[instance.ActivatedInferV2])
	d.refuse(instance.ActivatedEmbed, d.sockets[instance.ActivatedEmbed])
	if admin := d.sockets[instance.ActivatedAdmin]; len(admin) > 1 {
		d.refuse(instance.ActivatedAdmin, admin[1:]) // one is served
	}
}

func (d *Daemon) refuse(name string, sockets []passed) {
	for _, ln := range sockets {
		d.log.Warn("a socket of the service manager's is not served: who connects is closed at once",
			"name", name, "addr", ln.Addr())
		d.unserved = append(d.unserved, ln)
		go refuseAll(ln)
	}
}

// refuseAll closes what connects until ln is closed.
func refuseAll(ln net.Listener) {
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			_ = c.Close()
		case errors.Is(err, net.ErrClosed):
			return
		default: // no descriptors, say
			time.Sleep(refusePause)
		}
	}
}
