package serve

import (
	"errors"
	"slices"
	"strings"
	"time"

	"inferd/admit"
	"inferd/codec"
	"inferd/engine"
	"inferd/internal/activity"
	"inferd/internal/metrics"
	"inferd/internal/redact"
	"inferd/loop"
	"inferd/route"
)

// errTooLong ends a generation whose text no longer fits a done frame.
var errTooLong = errors.New("the answer exceeds the frame limit")

// cutText is what a client hears whose request the end of a drain cuts off.
const cutText = "the daemon is shutting down"

// request is one admitted request: the loop's Task, the engine's Sink.
type request struct {
	// immutable
	svc *Service

	// set by the lane before Attach, then the worker's
	conn    *loop.Conn
	client  *Client
	text    []byte
	req     engine.Request // strings point into text, or into a kept line
	answer  codec.Answer
	stream  bool
	room    int   // for the escaped text, in bytes: what the done frame has besides is fixed
	arrived int64 // loop.Nanotime
	aside   bool  // the line was decoded off the loop, which takes time

	waiter admit.Waiter[*request] // the queue's
	ticket admit.Ticket           // see admit.Ticket
	ctx    *cancelContext         // cancelled under the connection's lock
	gone   loop.Reason            // why it was cancelled; set before that

	// owned by the worker
	worker   *worker
	started  int64
	first    int64 // when the first token left, 0 = not yet
	last     int64 // the last one, if timed
	timed    bool  // somebody reads the metrics: token times are taken
	answered bool  // there was a token
	lease    route.Lease
}

// fill takes over a decoded request. Its strings are copied, once, into the
// request's own buffer: the line belongs to the loop. A long line may be kept
// instead; it is freed with the request.
func (r *request) fill(
	c *loop.Conn, client *Client, w *codec.Request, keep bool,
) {
	r.conn, r.client, r.aside = c, client, keep
	if !keep {
		r.text = w.MoveTo(r.text)
	}
	r.room = r.svc.opt.maxAnswer - len(r.answer.ID())
	r.stream = w.Stream
	r.req = engine.Request{
		ID:          w.ID,
		Messages:    r.req.Messages[:0],
		Temperature: w.Temperature, TopP: w.TopP,
		TopK: w.TopK, MaxTokens: w.MaxTokens,
		ImageTokenBudget: w.ImageTokenBudget,
		Grammar:          w.Grammar,
	}
	r.req.Messages = slices.Grow(r.req.Messages, len(w.Messages)) // there may be millions
	for _, m := range w.Messages {
		r.req.Messages = append(r.req.Messages, engine.Message(m))
	}
}

// Start queues the request for a worker; the connection is locked.
func (r *request) Start() {
	if r.svc.ended.Load() {
		r.ctx.cancel(daemonEnded)
	}
	if !r.svc.queue.Push(&r.waiter) {
		panic("serve: the queue closed before the gate")
	}
}

// Cancel: the client is gone; the connection is locked. A waiting request gives
// its place back at once, a running one when the engine has stopped.
func (r *request) Cancel(why loop.Reason) {
	r.gone = why
	if r.svc.queue.Remove(&r.waiter) {
		r.ticket.Release()
		r.logCancelled("queued")
		r.recycle()
		return
	}
	r.ctx.cancel(clientGone)
}

// Cut ends the requests that the connections wait for with an error frame: the daemon
// will not live to answer them. One that waits for a worker is told at once, for the
// engine before it may never give the worker back. One that has been admitted and is not
// its connection's yet is refused when it is.
func (s *Service) Cut(conns []*loop.Conn) {
	s.ended.Store(true) // a request is seen by cut, or sees this: both hold its connection
	for _, c := range conns {
		cut(c)
	}
}

func cut(c *loop.Conn) {
	var taken *request
	c.WithTask(func(t loop.Task) {
		r, ok := t.(*request)
		if !ok {
			return
		}
		if r.svc.queue.Remove(&r.waiter) {
			taken = r // nobody else's any more, but the connection's until it is finished
			return
		}
		r.ctx.cancel(daemonEnded)
	})
	if taken != nil { // outside of the connection's lock, which its last frame takes
		taken.errorFrame(codec.BackendUnavailable, cutText, metrics.Failed)
		taken.leave()
	}
}

// worker is what a goroutine of the pool keeps from one request to the next.
type worker struct {
	freeAt int64 // when the last one was done; loop.Nanotime
}

func newWorker() func(*request) { return new(worker).run }

func (w *worker) run(r *request) {
	r.begin(w)
	r.run()
}

// begin takes the time. A request that was waiting when the worker came free has started
// then, which saves a look at the clock. It was if it had arrived, unless its line took
// long to decode.
func (r *request) begin(w *worker) {
	r.worker = w
	if r.started = w.freeAt; r.aside || r.arrived > r.started {
		r.started = loop.Nanotime()
	}
}

// run is the worker's part, from the queue to the last frame.
func (r *request) run() {
	s := r.svc
	r.timed = s.met.Enabled()
	s.met.ObserveQueueWait(time.Duration(r.started - r.arrived))
	if r.ctx.ending() == daemonEnded {
		r.refuse(codec.BackendUnavailable, cutText, metrics.Failed)
		return
	}
	lease, err := s.opt.Router.Pick(v1Capable)
	if err != nil {
		s.met.Reject(metrics.NoBackend)
		s.opt.Log.NoBackend(&activity.NoBackend{From: r.from(), ReqID: r.req.ID})
		r.refuse(codec.BackendUnavailable, route.ErrNoneAvailable.Error(), metrics.Rejected)
		return
	}
	r.lease = lease
	res, err := lease.Engine().Generate(r.ctx, &r.req, r)
	r.conclude(res, err)
}

func v1Capable(c engine.Capabilities) bool { return c.V1 }

// Token is engine.Sink: one delta to the client. It leaves at once unless more
// follows, and heldBytes have not come together yet.
func (r *request) Token(text []byte, more bool) error {
	if r.timed || !more && r.first == 0 {
		r.timeToken()
	}
	r.answered = true
	if !r.stream {
		if r.answer.Add(text); r.answer.Len() > r.room {
			return errTooLong
		}
		return r.ctx.Err()
	}
	before := r.answer.Mark()
	if r.answer.Token(text); r.answer.Len() > r.room {
		r.answer.Undo(before)
		return errTooLong
	}
	if more && len(r.answer.Frames) < heldBytes {
		return nil
	}
	if r.first == 0 {
		r.timeToken()
	}
	err := r.conn.Write(r.answer.Frames)
	r.answer.Frames = r.answer.Frames[:0]
	return err
}

// Offer is engine.Sink: Token, but it takes nothing where that would wait.
func (r *request) Offer(text []byte) error {
	if !r.stream {
		return r.Token(text, false)
	}
	before := r.answer.Mark()
	if r.answer.Token(text); r.answer.Len() > r.room {
		r.answer.Undo(before)
		return errTooLong
	}
	if err := r.conn.TryWrite(r.answer.Frames); err != nil {
		r.answer.Undo(before)
		if err == loop.ErrFull {
			return engine.ErrFull
		}
		return err
	}
	r.answer.Frames = r.answer.Frames[:0]
	r.answered = true
	if r.timed || r.first == 0 {
		r.timeToken()
	}
	return nil
}

// timeToken takes the time of a token.
func (r *request) timeToken() {
	now := loop.Nanotime()
	if r.first == 0 {
		r.first = now
		r.svc.met.ObserveFirstToken(time.Duration(now - r.arrived))
	} else {
		r.svc.met.ObserveInterToken(time.Duration(now - r.last))
	}
	r.last = now
}

// conclude answers for what Generate returned.
func (r *request) conclude(res engine.Result, err error) {
	why := r.ctx.ending()
	switch {
	case why == daemonEnded:
		r.lease.Done(route.Neutral)
		r.refuse(codec.BackendUnavailable, cutText, r.outcome())
	case why == running && err == nil:
		r.lease.Done(route.OutcomeOf(res, nil))
		r.done(res)
	case why == clientGone || errors.Is(err, loop.ErrClosed):
		r.lease.Done(route.Neutral)
		r.cancelled()
	default:
		r.failed(err)
	}
}

// failed answers for an error; apart from conclude, where its variables would
// cost every request an allocation.
func (r *request) failed(err error) {
	var refusal *engine.Error
	switch {
	case errors.Is(err, errTooLong):
		r.lease.Done(route.Neutral)
		r.logBroken(errTooLong.Error())
		r.refuse(codec.Internal, errTooLong.Error(), metrics.Broken)
	case !r.answered && errors.As(err, &refusal):
		r.refused(refusal)
	default:
		// After a token, or an error that is no refusal: the stream broke off. A
		// grammar that leads nowhere says nothing about the backend.
		outcome := route.Failure
		if errors.As(err, &refusal) {
			outcome = route.OutcomeOf(engine.Result{}, refusal)
		}
		r.lease.Done(outcome)
		r.brokenOff(err)
	}
}

func (r *request) done(res engine.Result) {
	now := loop.Nanotime()
	if r.first == 0 && r.answered {
		r.first = now // it leaves now
	}
	e := activity.RequestDone{
		From: r.from(), At: now,
		ReqID: r.req.ID, Backend: r.lease.Name(), StopReason: res.Stop.String(),
		PromptTokens: res.Usage.PromptTokens, CompletionTokens: res.Usage.CompletionTokens,
		QueueWait: time.Duration(r.started - r.arrived),
		Duration:  time.Duration(now - r.arrived),
	}
	if r.first != 0 {
		e.TTFT = time.Duration(r.first - r.arrived)
	}
	r.svc.opt.Log.RequestDone(&e)
	r.svc.met.Tokens(metrics.Prompt, res.Usage.PromptTokens)
	r.svc.met.Tokens(metrics.CachedPrompt, res.Usage.CachedPromptTokens)
	r.svc.met.Tokens(metrics.Completion, res.Usage.CompletionTokens)
	r.count(metrics.Done, e.Duration)
	r.answer.Done(codec.Usage{
		PromptTokens: res.Usage.PromptTokens, CompletionTokens: res.Usage.CompletionTokens,
	}, res.Stop.String(), r.lease.Engine().Name())
	r.finish(now)
}

// refused answers an engine's refusal before the first token.
func (r *request) refused(e *engine.Error) {
	code, kind := codec.BackendUnavailable, metrics.Failed
	switch e.Kind {
	case engine.Invalid:
		code, kind = codec.InvalidRequest, metrics.Rejected
	case engine.Internal:
		code = codec.Internal
	}
	text := clean(e.Text)
	if kind == metrics.Rejected {
		r.svc.met.Reject(metrics.InvalidRequest)
		r.svc.opt.Log.InvalidRequest(&activity.InvalidRequest{
			From: r.from(), ReqID: r.req.ID, Reason: text,
		})
	} else {
		r.svc.opt.Log.BackendFailed(&activity.BackendFailed{
			From: r.from(), ReqID: r.req.ID, Backend: r.lease.Name(), Reason: text,
		})
	}
	r.lease.Done(route.OutcomeOf(engine.Result{}, e))
	r.refuse(code, text, kind)
}

func (r *request) brokenOff(err error) {
	if !r.answered {
		r.svc.opt.Log.BackendFailed(&activity.BackendFailed{
			From: r.from(), ReqID: r.req.ID, Backend: r.lease.Name(), Reason: clean(err.Error()),
		})
		r.refuse(codec.BackendUnavailable, engine.ErrNoDone.Error(), metrics.Failed)
		return
	}
	r.logBroken(clean(err.Error()))
	r.refuse(codec.BackendUnavailable, engine.ErrNoDone.Error(), metrics.Broken)
}

// logBroken logs why a stream ends after its first token.
func (r *request) logBroken(reason string) {
	r.svc.opt.Log.RequestErrorMidStream(&activity.RequestErrorMidStream{
		From: r.from(), ReqID: r.req.ID, Backend: r.lease.Name(), Reason: reason,
		Duration: time.Duration(loop.Nanotime() - r.arrived),
	})
}

// refuse ends the request with an error frame.
func (r *request) refuse(code codec.Code, text string, o metrics.Outcome) {
	r.finish(r.errorFrame(code, text, o))
}

// errorFrame makes an error frame the last one and counts the request.
func (r *request) errorFrame(code codec.Code, text string, o metrics.Outcome) (now int64) {
	r.answer.Frames = codec.AppendError(r.answer.Frames, r.answer.ID(), code, text)
	now = loop.Nanotime()
	r.count(o, time.Duration(now-r.arrived))
	return now
}

func (r *request) count(o metrics.Outcome, total time.Duration) {
	r.svc.met.Request(metrics.V1, o)
	r.svc.met.ObserveRequest(total)
}

// cancelled ends a request that nobody waits for.
func (r *request) cancelled() {
	r.logCancelled("running")
	r.finish(loop.Nanotime())
}

func (r *request) logCancelled(stage string) {
	total := time.Duration(loop.Nanotime() - r.arrived)
	e := activity.RequestCancelled{
		From: r.from(), ReqID: r.req.ID, Stage: stage, Reason: r.gone.String(), Duration: total,
	}
	if stage == "running" {
		e.Backend = r.lease.Name()
	}
	r.svc.opt.Log.RequestCancelled(&e)
	r.count(metrics.Cancelled, total)
}

// finish ends a request that has had a worker.
func (r *request) finish(now int64) {
	r.worker.freeAt = now
	r.svc.gate.Served(time.Duration(now - r.started))
	r.leave()
}

// leave gives the ticket back and sends the last frame, in this order: the
// engine has stopped, and a client that has its answer and asks again at once
// must find the place free.
func (r *request) leave() {
	r.ticket.Release()
	if !r.conn.Finish(&r.answer.Frames) {
		r.recycle()
	}
}

// panicked is finish for a request whose engine panicked.
func (r *request) panicked(v any) {
	r.svc.opt.OnPanic(v)
	r.lease.Done(route.Failure)
	if !r.ticket.Held() {
		return // it happened behind the last frame: nothing is owed any more
	}
	r.svc.opt.Log.BackendFailed(&activity.BackendFailed{
		From: r.from(), ReqID: r.req.ID, Backend: r.lease.Name(), Reason: "panic",
	})
	r.refuse(codec.Internal, "internal error", r.outcome())
}

// outcome is how a request without a done frame counts.
func (r *request) outcome() metrics.Outcome {
	if !r.answered {
		return metrics.Failed
	}
	return metrics.Broken
}

// recycle makes the request available for another; it is not touched after.
func (r *request) recycle() {
	r.reset()
	r.svc.free.Put(r)
}

// reset makes the request what a new one is, but for its memory.
func (r *request) reset() {
	if !r.ctx.reusable() {
		r.ctx = new(cancelContext)
	}
	r.ctx.reset()
	if cap(r.text) > pooledBytes {
		r.text = nil
	}
	r.answer.Trim(pooledBytes)
	if cap(r.req.Messages) > pooledMessages {
		r.req.Messages = nil
	}
	for i := range r.req.Messages { // clear would cost 10 ns to begin with
		r.req.Messages[i].Role, r.req.Messages[i].Content = "", ""
	}
	r.req.ID, r.req.Grammar = "", ""
	r.conn, r.client, r.worker, r.lease = nil, nil, nil, route.Lease{}
	r.first, r.last, r.answered, r.gone = 0, 0, false, loop.ReasonClient
}

func (r *request) from() activity.From { return r.client.from(r.conn) }

// clean makes an engine's text fit for a client: no secret, not too long.
func clean(s string) string {
	s = redact.String(s)
	if len(s) > maxDetailBytes {
		s = cutRune(s, maxDetailBytes)
	}
	return s
}

func cutRune(s string, n int) string {
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// RequestID is the client's id of a task that the connection holds, redacted and cut
// to maxShownIDBytes; call it only inside loop.Conn.WithTask.
func RequestID(t loop.Task) string {
	if r, ok := t.(*request); ok {
		return strings.Clone(redact.Cut(r.req.ID, maxShownIDBytes))
	}
	return ""
}
