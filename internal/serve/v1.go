package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"time"

	"inferd/admit"
	"inferd/codec"
	"inferd/internal/activity"
	"inferd/internal/metrics"
	"inferd/internal/peer"
	"inferd/loop"
)

// Client is who a connection belongs to, its loop.Conn's tag: one for all that a
// program opens in a row. It is immutable.
type Client struct{ peer activity.Text }

// Peer is who it is, as the log shows it.
func (c *Client) Peer() string { return string(c.peer) }

func (c *Client) from(conn *loop.Conn) activity.From {
	return activity.From{Wire: activity.V1, Conn: conn.ID(), Peer: c.peer}
}

// V1Options are how one listener's connections are let in.
type V1Options struct {
	APIKey string // empty: none is asked for
	// Allow says whether a peer may connect; nil lets everybody in.
	Allow func(net.Conn, peer.Identity) bool
	// OnClose sees connections go, on their loops; nil is fine.
	OnClose func(*loop.Conn, *Client, loop.Reason)
}

// V1 is the handler of the v1 wire.
func (s *Service) V1(o V1Options) loop.Handler { return &v1{svc: s, opt: o} }

type v1 struct {
	svc *Service
	opt V1Options

	// owned by the acceptor: who connected last
	lastID     peer.Identity
	lastClient *Client
}

// clientOf is who, ready for the log.
func (h *v1) clientOf(who peer.Identity) *Client {
	if h.lastClient == nil || who != h.lastID {
		h.lastID, h.lastClient = who, &Client{peer: activity.TextOf(who.String())}
	}
	return h.lastClient
}

// Accept reads the peer's credentials while the socket is fresh.
func (h *v1) Accept(nc net.Conn, id uint64) (any, bool) {
	who, err := peer.FromConn(nc)
	c := h.clientOf(who)
	if err != nil {
		h.svc.log.Warn("no peer credentials", "peer", c.Peer(), "error", err)
	}
	if h.opt.Allow != nil && !h.opt.Allow(nc, who) {
		h.svc.met.Reject(metrics.PeerNotAllowed)
		h.svc.opt.Log.ConnectionRefused(&activity.ConnectionRefused{
			From: activity.From{Wire: activity.V1, Peer: c.peer}, Reason: "peer_not_allowed",
		})
		return nil, false
	}
	h.svc.opt.Log.ConnectionAccepted(&activity.ConnectionAccepted{
		From:      activity.From{Wire: activity.V1, Conn: id, Peer: c.peer},
		Transport: who.Transport, UID: int64(who.UID), PID: int64(who.PID),
	})
	transport := metrics.Unix
	if who.Transport == peer.TransportTCP {
		transport = metrics.TCP
	}
	h.svc.met.Connection(transport)
	return c, true
}

// Closed logs the end of a connection.
func (h *v1) Closed(conn *loop.Conn, why loop.Reason) {
	c := conn.Tag().(*Client)
	if why == loop.ReasonAuth && !conn.KeyGiven() {
		h.keyRefused(conn, "no key in time, or not a line of the right size")
	}
	in, out := conn.Bytes()
	h.svc.opt.Log.ConnectionClosed(&activity.ConnectionClosed{
		From: c.from(conn), Reason: why.String(), BytesIn: in, BytesOut: out,
		Duration: time.Duration(loop.Nanotime() - conn.OpenedAt()),
	})
	if h.opt.OnClose != nil {
		h.opt.OnClose(conn, c, why)
	}
}

// NewLane makes a loop's own view, with its own decoder.
func (h *v1) NewLane() loop.Lane {
	return &v1Lane{v1: h, dec: codec.NewDecoder(), spare: h.svc.free.Get().(*request)}
}

// v1Lane is owned by one goroutine at a time.
type v1Lane struct {
	*v1
	dec *codec.Decoder
	// spare is the request that the next admission fills. Its ticket is what a try
	// needs and its answer's id what a rejection shows, so that one touches no pool.
	spare *request
	kept  []*request
}

// take gives an unused request.
func (l *v1Lane) take() *request {
	last := len(l.kept) - 1
	if last < 0 {
		return l.svc.free.Get().(*request)
	}
	r := l.kept[last]
	l.kept = l.kept[:last]
	return r
}

// Recycle keeps a request for another.
func (l *v1Lane) Recycle(t loop.Task) {
	r := t.(*request)
	if len(l.kept) < keptRequests {
		r.reset()
		l.kept = append(l.kept, r)
		return
	}
	r.recycle()
}

// Line takes one request to the gate, and through it if there is room.
func (l *v1Lane) Line(
	conn *loop.Conn, line, dst []byte, arrived int64, keep bool,
) ([]byte, loop.Action) {
	client := conn.Tag().(*Client)
	var refusing int64 // since when, if somebody wants to know how long it takes
	if l.svc.met.Enabled() {
		refusing = loop.Nanotime()
	}
	w, err := l.decode(line, keep)
	if err != nil {
		l.invalid(conn, client, "", err)
		return codec.AppendError(dst, emptyID, codec.InvalidRequest, err.Error()), loop.Close
	}
	l.spare.answer.Begin(w.ID)
	id := l.spare.answer.ID()
	if len(id) > l.svc.opt.maxAnswer {
		l.oversized(conn, client, int64(l.svc.opt.maxAnswer))
		return codec.AppendError(dst, emptyID, codec.FrameTooLarge, longIDText), loop.Close
	}
	if err := w.Validate(); err != nil {
		l.invalid(conn, client, w.ID, err)
		return codec.AppendError(dst, id, codec.InvalidRequest, err.Error()), loop.Next
	}
	switch l.svc.gate.Try(&l.spare.ticket) {
	case admit.Full:
		dst = l.queueFull(conn, client, w.ID, arrived, dst)
		if l.svc.met.Enabled() {
			l.svc.met.ObserveReject(time.Duration(loop.Nanotime() - refusing))
		}
		return dst, loop.Next
	case admit.Closed:
		l.reject(metrics.ShuttingDown)
		return codec.AppendError(dst, id, codec.BackendUnavailable, "admission closed"), loop.Close
	}
	r := l.spare
	l.spare = l.take()
	r.fill(conn, client, w, keep)
	r.arrived = arrived
	if !conn.Attach(r) { // only off the loop can the client be gone meanwhile
		r.ticket.Release()
		r.gone = conn.Reason()
		r.logCancelled("queued")
		r.recycle()
		return dst, loop.Close
	}
	return dst, loop.Busy
}

// decode decodes a line, in place if it is the lane's to keep.
func (l *v1Lane) decode(line []byte, keep bool) (*codec.Request, error) {
	if keep {
		return l.dec.DecodeLong(line)
	}
	return l.dec.Decode(line)
}

// reject counts a request that no engine saw.
func (l *v1Lane) reject(why metrics.Reason) {
	l.svc.met.Reject(why)
	l.svc.met.Request(metrics.V1, metrics.Rejected)
}

func (l *v1Lane) oversized(conn *loop.Conn, client *Client, limit int64) {
	l.reject(metrics.FrameTooLarge)
	l.svc.opt.Log.RequestOversized(&activity.RequestOversized{
		From: client.from(conn), LimitBytes: limit,
	})
}

var emptyID = []byte(`""`)

// longIDText is about an id that no frame has room for.
const longIDText = "id leaves no room for an answer"

// inboundText is about input that found no room.
const inboundText = "unfinished input of all connections exceeds --max-inbound-bytes"

func (l *v1Lane) invalid(conn *loop.Conn, client *Client, id string, err error) {
	l.reject(metrics.InvalidRequest)
	l.svc.opt.Log.InvalidRequest(&activity.InvalidRequest{
		From: client.from(conn), ReqID: id, Reason: err.Error(),
	})
}

func (l *v1Lane) queueFull(
	conn *loop.Conn, client *Client, id string, arrived int64, dst []byte,
) []byte {
	active, queued := l.svc.gate.Load()
	retry := uint64(l.svc.gate.RetryAfter().Milliseconds())
	l.reject(metrics.QueueFull)
	l.svc.opt.Log.QueueFull(&activity.QueueFull{
		From: client.from(conn), At: arrived, ReqID: id, Active: active, Queued: queued, RetryAfterMS: retry,
	})
	return codec.AppendQueueFull(dst, l.spare.answer.ID(), retry, active, queued)
}

// Auth compares the key in constant time, whatever its length.
func (l *v1Lane) Auth(conn *loop.Conn, line []byte) bool {
	key, ok := codec.DecodeAuth(line)
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(l.opt.APIKey))
	if ok && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
		return true
	}
	l.keyRefused(conn, "wrong or missing key")
	return false
}

// keyRefused counts and logs a connection without the key.
func (h *v1) keyRefused(conn *loop.Conn, reason string) {
	c := conn.Tag().(*Client)
	h.svc.met.Reject(metrics.AuthFailed)
	h.svc.opt.Log.TCPAuthRejected(&activity.TCPAuthRejected{From: c.from(conn), Reason: reason})
}

// Fault words what the loop itself found wrong.
func (l *v1Lane) Fault(conn *loop.Conn, f loop.Fault, dst []byte) []byte {
	switch f {
	case loop.FaultTooLarge:
		l.oversized(conn, conn.Tag().(*Client), codec.MaxLine)
		return codec.AppendError(dst, emptyID, codec.FrameTooLarge, codec.ErrFrameTooLarge.Error())
	case loop.FaultInbound:
		l.reject(metrics.InboundLimit)
		l.svc.opt.Log.InvalidRequest(&activity.InvalidRequest{
			From: conn.Tag().(*Client).from(conn), Reason: inboundText,
		})
		return codec.AppendError(dst, emptyID, codec.FrameTooLarge, inboundText)
	default:
		return codec.AppendError(dst, emptyID, codec.Internal, "internal error")
	}
}
