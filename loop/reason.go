package loop

// Reason says why a connection ended; logs, metrics and the list of closed
// connections name it.
type Reason uint8

// The reasons. Their names are append-only: dashboards hold them.
const (
	ReasonClient     Reason = iota // the client closed, everything was answered
	ReasonHangup                   // the client left with work or output pending
	ReasonRead                     // a read failed
	ReasonWrite                    // a write failed
	ReasonFault                    // the client sent something that ends a connection
	ReasonAuth                     // no or wrong API key, or none in time
	ReasonIdle                     // nothing asked for the idle timeout
	ReasonLine                     // a line was not finished within the line timeout
	ReasonSlowReader               // output not taken within the write or stall timeout
	ReasonShutdown                 // the daemon ends
	ReasonInternal                 // a panic of ours, contained
	ReasonRefused                  // reserved: who is not let in never becomes a connection
	ReasonOperator                 // an operator closed it
	numReasons
)

var reasonNames = [numReasons]string{
	"client_closed", "client_gone", "read_error", "write_error", "protocol_error",
	"auth_failed", "idle_timeout", "line_timeout", "slow_reader", "shutdown",
	"internal_error", "refused", "operator",
}

// String gives the name used in logs and metrics.
func (r Reason) String() string {
	if r < numReasons {
		return reasonNames[r]
	}
	return "unknown"
}

// missesInput says whether the reason is that the client did not send in time.
func (r Reason) missesInput() bool {
	return r == ReasonAuth || r == ReasonIdle || r == ReasonLine
}

// Reasons lists every reason, for metrics that pre-create their series.
func Reasons() []Reason {
	all := make([]Reason, numReasons)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}
